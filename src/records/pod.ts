// Names of Pods with `pods verified`: the address with dashes, below the namespace (specification, section 2.6 of the older versions).

import { parseAddress } from '../wire/address.ts'
import type { WireName } from '../wire/name.ts'
import { joinName } from '../wire/rrset.ts'
import { type OwnerRecords, itemRecords } from './item.ts'

/**
 * The name of a Pod by one of its addresses, as text from the API; undefined for what is none. Each has its own, as in CoreDNS from 1.15 on.
 * CoreDNS answers SRV for it too, with port 0.
 */
export function podRecords(
  namespace: string,
  podIP: string,
  origin: WireName,
  ttlSeconds: number,
): OwnerRecords | undefined {
  const address = parseAddress(podIP)
  const owner = address && joinName([podIP.replaceAll(/[.:]/g, '-'), namespace, 'pod'], origin)
  if (!owner) return undefined
  // An IPv6 address with an IPv4 one at its end cannot be told from its name.
  if (podIP.includes(':') && podIP.includes('.')) {
    return { owner, rrsets: itemRecords([{ address, port: 0, host: owner }], ttlSeconds) }
  }
  return { owner, rrsets: [], isComputed: true }
}
