// PTR records: from an address back to the Service that has it, else to the endpoints that have it (specification, sections 2.3.3 and 2.4.3;
// as in CoreDNS also for endpoints of Services that are not headless).

import type { SlimEndpoint, SlimEndpointSlice, SlimService } from '../watch/slim.ts'
import { encodeReverseName, parseAddress } from '../wire/address.ts'
import { Type } from '../wire/constants.ts'
import { type WireName, isSubdomain } from '../wire/name.ts'
import { joinName } from '../wire/rrset.ts'
import { endpointLabel } from './endpoint.ts'
import { type OwnerRecords, distinct, octetsKey } from './item.ts'
import type { RecordOptions } from './options.ts'
import { serviceName } from './service.ts'

/** An address as the index of addresses has it: its octets, so that each spelling of an IPv6 address is the same. Undefined for no address. */
export function addressKey(text: string): string | undefined {
  const address = parseAddress(text)
  return address && octetsKey(address)
}

/** The reverse name of an address, where one of the zones holds it. */
export function pointerOwner(address: Uint8Array, reverseOrigins: readonly WireName[]): WireName | undefined {
  const owner = encodeReverseName(address)
  return reverseOrigins.some(origin => isSubdomain(owner, origin)) ? owner : undefined
}

/**
 * The names that an address points to, below `origin` (the first zone that is not a reverse one). `services` have it as a cluster IP, and of
 * those the first by name counts; `slices` have it as the address of an endpoint, and are those that `ptr` is about.
 */
export function pointerRecords(
  address: Uint8Array,
  owner: WireName,
  services: readonly SlimService[],
  slices: readonly SlimEndpointSlice[],
  origin: WireName,
  options: RecordOptions,
): OwnerRecords | undefined {
  const targets = services.length > 0 ? serviceTargets(services, origin) : []
  const rdata = targets.length > 0 ? targets : endpointTargets(octetsKey(address), slices, origin, options)
  return rdata.length > 0 ? { owner, rrsets: [{ type: Type.PTR, ttlSeconds: options.ttlSeconds, rdata }] } : undefined
}

function serviceTargets(services: readonly SlimService[], origin: WireName): WireName[] {
  const first = services.reduce((least, service) => (service.key < least.key ? service : least))
  const target = serviceName(first.name, first.namespace, origin)
  return target ? [target] : []
}

function endpointTargets(
  key: string,
  slices: readonly SlimEndpointSlice[],
  origin: WireName,
  options: RecordOptions,
): readonly WireName[] {
  const targets: WireName[] = []
  for (const slice of slices) {
    const base = serviceName(slice.service, slice.namespace, origin)
    if (!base) continue
    for (const { endpoint, text } of endpointsByAddress(slice).get(key) ?? []) {
      if (options.ptr === 'hostname' && endpoint.hostname === '') continue
      const target = joinName([endpointLabel(endpoint, text, options.endpointPodNames)], base)
      if (target) targets.push(target)
    }
  }
  return distinct(targets)
}

export interface AddressedEndpoint {
  readonly endpoint: SlimEndpoint
  /** The address as it is spelled there. */
  readonly text: string
}

// All addresses of a slice are looked at one after the other.
let lastSlice: SlimEndpointSlice | undefined
let lastIndex: ReadonlyMap<string, readonly AddressedEndpoint[]> = new Map()

/** The endpoints of a slice by `addressKey`. */
export function endpointsByAddress(slice: SlimEndpointSlice): ReadonlyMap<string, readonly AddressedEndpoint[]> {
  if (slice === lastSlice) return lastIndex
  const index = new Map<string, AddressedEndpoint[]>()
  for (const endpoint of slice.endpoints) {
    for (const text of endpoint.addresses) {
      const key = addressKey(text)
      if (key === undefined) continue
      const known = index.get(key)
      if (known) known.push({ endpoint, text })
      else index.set(key, [{ endpoint, text }])
    }
  }
  lastSlice = slice
  lastIndex = index
  return index
}
