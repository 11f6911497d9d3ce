// Names of Pods with `pods verified`: the address with dashes, below the namespace (specification, section 2.6 of the older versions).

import type { SlimPod } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import type { WireName } from '../wire/name.ts'
import { joinName } from '../wire/rrset.ts'
import { type OwnerRecords, itemRecords } from './item.ts'

/** The name of a Pod by its primary address, as text from the API; only that one has a name. Undefined while it has no address. */
export function podRecords(pod: SlimPod, origin: WireName, ttlSeconds: number): OwnerRecords | undefined {
  const address = parseAddress(pod.podIP)
  const owner = address && joinName([pod.podIP.replaceAll(/[.:]/g, '-'), pod.namespace, 'pod'], origin)
  // CoreDNS answers SRV for it too, with port 0.
  return owner && { owner, rrsets: itemRecords([{ address, port: 0, host: owner }], ttlSeconds) }
}
