// What the clients of a topology zone are told of a headless Service whose endpoints are each meant for some zones: those that are meant for
// theirs. The control plane gives the hints to Services that want their traffic close (`trafficDistribution`, `topology-mode`), and takes them
// away where they would overload a zone; when to believe them is as in kube-proxy (pkg/proxy/topology.go).

import type { SlimEndpointSlice, SlimService } from '../watch/slim.ts'
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { type EndpointItem, endpointItems } from './endpoint.ts'
import { type OwnerRecords, itemRecords } from './item.ts'
import type { RecordOptions } from './options.ts'
import { NameItems, addHeadless, serviceName } from './service.ts'

/**
 * The names of a Service and of its ports, for each zone to whose clients they are something else than to all others; see `zoneOwner`. Names of
 * endpoints are the same for everybody.
 */
export function topologyRecords(
  service: SlimService,
  slices: readonly SlimEndpointSlice[],
  origin: WireName,
  options: RecordOptions,
): OwnerRecords[] {
  const base = service.headless ? serviceName(service.name, service.namespace, origin) : undefined
  if (!base) return []
  const endpoints = endpointItems(slices, base, options)
  const zones = new Set(endpoints.flatMap(({ forZones }) => forZones))
  if (zones.size === 0) return []
  const names = new NameItems<EndpointItem>(base)
  addHeadless(names, endpoints)
  return names.list().flatMap(({ owner, items }) =>
    [...zones].flatMap(zone => {
      const chosen = chooseItems(items, zone)
      const zoned = chosen.length < items.length ? zoneOwner(zone, owner) : undefined
      return zoned ? [{ owner: zoned, rrsets: itemRecords(chosen, options.ttlSeconds) }] : []
    }),
  )
}

/**
 * A name as it is held for the clients of a zone, with the zone as one label in front. Undefined where that is no name: clients are then told what
 * all are.
 */
export function zoneOwner(zone: string, owner: WireName): WireName | undefined {
  const label = Buffer.from(zone)
  if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
  if (1 + label.length + owner.length > MAX_NAME_LENGTH) return undefined
  return Uint8Array.of(label.length, ...label, ...owner)
}

/** Each family by itself, as kube-proxy does: if all have hints, and one is meant for the zone, those that are; else all. */
function chooseItems(items: readonly EndpointItem[], zone: string): EndpointItem[] {
  return [4, 16].flatMap(length => {
    const family = items.filter(({ address }) => address.length === length)
    const near = family.filter(({ forZones }) => forZones.includes(zone))
    return near.length > 0 && family.every(({ forZones }) => forZones.length > 0) ? near : family
  })
}
