import { equalJson } from '../json.ts'
import type { ApiObject, OwnerReference } from '../object.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../shapes.ts'
import type { View } from './view.ts'

export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by'
export const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time'

/** Endpoints of one family that have the same ports: they can share slices. */
export interface SliceGroup {
  addressType: string
  ports: EndpointPort[]
  endpoints: Endpoint[]
}

export interface SliceOptions {
  namespace: string
  /** Prefix of the names of new slices, without the dash. */
  name: string
  labels: Record<string, string>
  owner: OwnerReference
  maxEndpoints: number
  since: Date
  /** Told of the uid of each new slice. */
  onCreate?: (uid: string) => void
}

interface Plan {
  slice: EndpointSlice | undefined
  group: SliceGroup
  endpoints: Endpoint[]
}

/**
 * Makes the slices hold the groups with as few writes as can be: an endpoint stays in the slice it is in, a slice that nothing
 * happened to is not written, new endpoints go where a write is due anyway.
 */
export function reconcileSlices(
  view: View,
  existing: readonly EndpointSlice[],
  groups: readonly SliceGroup[],
  options: SliceOptions,
): void {
  const wanted = new Set(groups.map(groupKey))
  const spare = existing.filter(slice => !wanted.has(groupKey(slice)))
  const plans = groups.flatMap(group => {
    const key = groupKey(group)
    return planGroup(
      group,
      existing.filter(slice => groupKey(slice) === key),
      spare,
      options.maxEndpoints,
    )
  })
  for (const plan of plans) write(view, plan, options)
  for (const slice of spare) view.delete(slice)
}

// Slices that are not needed any more go to `spare`; those of `spare` that can be rewritten are taken from it.
function planGroup(group: SliceGroup, slices: EndpointSlice[], spare: EndpointSlice[], maxEndpoints: number): Plan[] {
  const left = new Map(group.endpoints.map(endpoint => [identityOf(endpoint), endpoint]))
  const plans: Plan[] = slices.map(slice => {
    const endpoints = slice.endpoints.flatMap(endpoint => {
      const identity = identityOf(endpoint)
      const kept = left.get(identity)
      left.delete(identity)
      return kept ?? []
    })
    return { slice, group, endpoints }
  })
  const rest = [...left.values()]
  const isDirty = ({ slice, endpoints }: Plan): boolean => !equalJson(slice?.endpoints, endpoints)
  const byFill = plans.toSorted((a, b) => b.endpoints.length - a.endpoints.length)
  for (const plan of byFill.filter(isDirty))
    plan.endpoints.push(...rest.splice(0, maxEndpoints - plan.endpoints.length))
  const roomy = byFill.find(plan => !isDirty(plan) && plan.endpoints.length + rest.length <= maxEndpoints)
  if (rest.length > 0) roomy?.endpoints.push(...rest.splice(0))
  while (rest.length > 0) {
    plans.push({ slice: takeSpare(group, spare), group, endpoints: rest.splice(0, maxEndpoints) })
  }
  if (group.endpoints.length > 0) return plans.filter(plan => plan.endpoints.length > 0 || retire(plan, spare))
  // An empty group is one empty slice: it says that the Service is known and has no endpoints.
  const [first = { slice: takeSpare(group, spare), group, endpoints: [] }, ...others] = plans
  for (const plan of others) retire(plan, spare)
  return [first]
}

function retire({ slice }: Plan, spare: EndpointSlice[]): false {
  if (slice) spare.push(slice)
  return false
}

// The address type of a slice cannot change, all else can.
function takeSpare({ addressType }: SliceGroup, spare: EndpointSlice[]): EndpointSlice | undefined {
  const index = spare.findIndex(slice => slice.addressType === addressType)
  return index < 0 ? undefined : spare.splice(index, 1)[0]
}

function write(view: View, { slice, group, endpoints }: Plan, options: SliceOptions): void {
  const { labels, owner, since } = options
  const { addressType, ports } = group
  if (slice && equalJson([slice.endpoints, slice.ports ?? [], slice.metadata.labels], [endpoints, ports, labels]))
    return
  const annotations = { ...slice?.metadata.annotations, [TRIGGER_TIME_ANNOTATION]: since.toISOString() }
  const metadata = slice?.metadata ?? { name: '', generateName: `${options.name}-`, namespace: options.namespace }
  const object: ApiObject = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels, annotations, ownerReferences: [owner] },
    addressType,
    endpoints,
    ports,
  }
  if (slice) {
    view.update(object)
    return
  }
  const created = view.create(object)
  options.onCreate?.(created.metadata.uid ?? '')
}

function groupKey({ addressType, ports = [] }: Pick<EndpointSlice, 'addressType' | 'ports'>): string {
  return `${addressType} ${JSON.stringify(ports.map(({ name, port, protocol, appProtocol }) => [name, port, protocol, appProtocol]))}`
}

function identityOf({ targetRef, addresses }: Endpoint): string {
  return targetRef?.uid ?? addresses.join()
}
