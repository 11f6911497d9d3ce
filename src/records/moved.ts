// What differs where nothing of a Service has changed but endpoints of its slices: the most frequent change of a cluster by far. Only these names
// are made; the others would come out as they are.

import type { SlimEndpointSlice, SlimService } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import type { WireName } from '../wire/name.ts'
import { joinName } from '../wire/rrset.ts'
import { differingEndpoints, endpointItems, endpointLabel, isSamePorts } from './endpoint.ts'
import type { OwnerRecords } from './item.ts'
import type { RecordOptions } from './options.ts'
import { NameItems, addHeadless, addHosts, serviceName } from './service.ts'

export interface MovedRecords {
  /** Names that are there, some of which may hold what they held. */
  readonly there: readonly OwnerRecords[]
  /** Names that are no more. */
  readonly gone: readonly WireName[]
}

/**
 * What `serviceRecords` would give otherwise for `after` than for `before`. Undefined where more may differ than the names of the Service, of its
 * ports, and of endpoints that have come, gone or changed.
 */
export function movedRecords(
  service: SlimService,
  before: readonly SlimEndpointSlice[],
  after: readonly SlimEndpointSlice[],
  origin: WireName,
  options: RecordOptions,
): MovedRecords | undefined {
  const { endpointPodNames, ignoreEmptyService, isMulticluster, noEndpoints, ttlSeconds, zonal } = options
  if (ignoreEmptyService || isMulticluster || noEndpoints || zonal || service.type === 'ExternalName') return undefined
  if (!service.headless && !service.clusterIPs.some(parseAddress)) return undefined
  const base = serviceName(service.name, service.namespace, origin)
  const moved = base && movedLabels(before, after, endpointPodNames)
  if (!moved) return undefined
  const names = new NameItems(base)
  // The names of a headless Service hold all its endpoints.
  const endpoints = endpointItems(after, base, options, service.headless ? undefined : moved)
  if (service.headless && endpoints.length === 0) return undefined
  if (service.headless) addHeadless(names, endpoints)
  addHosts(
    names,
    service.headless ? endpoints.filter(({ labels: [label] }) => moved.has(label.toLowerCase())) : endpoints,
  )
  const gone: WireName[] = []
  for (const label of moved) {
    const owner = label.startsWith('_') || names.has(label) ? undefined : joinName([label], base)
    if (owner) gone.push(owner)
  }
  return { there: names.encode(ttlSeconds), gone }
}

/**
 * Labels of the endpoints that have come, gone or changed, lower case; undefined where whole slices have, or ports may have: with slices of other
 * ports, the name of one goes with its last endpoint.
 */
function movedLabels(
  before: readonly SlimEndpointSlice[],
  after: readonly SlimEndpointSlice[],
  endpointPodNames: boolean,
): Set<string> | undefined {
  if (before.length !== after.length) return undefined
  for (const { ports } of [...before, ...after]) if (!isSamePorts(ports, after[0].ports)) return undefined
  const labels = new Set<string>()
  for (const slice of after) {
    if (before.includes(slice)) continue
    const known = before.find(({ key }) => key === slice.key)
    if (!known) return undefined
    const { left, came } = differingEndpoints(known.endpoints, slice.endpoints)
    for (const endpoints of [left, came]) {
      for (const endpoint of endpoints) {
        for (const text of endpoint.addresses) labels.add(endpointLabel(endpoint, text, endpointPodNames).toLowerCase())
      }
    }
  }
  return labels
}
