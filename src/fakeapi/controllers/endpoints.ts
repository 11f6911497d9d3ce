import { equalJson } from '../json.ts'
import type { ObjectMeta, StoreEvent } from '../object.ts'
import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset, Pod, Service } from '../shapes.ts'
import type { Controller } from './scheduler.ts'
import {
  addressesOfFamily,
  hostnameOf,
  inheritedLabels,
  isEndpointReady,
  isSelecting,
  isTerminating,
  podsOf,
  portsOf,
  servicesOf,
} from './selected.ts'
import { TRIGGER_TIME_ANNOTATION } from './slices.ts'
import { keyOf, splitKey } from './view.ts'
import type { View } from './view.ts'

const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by'
const MANAGER = 'endpoint-controller'

/** Endpoints of the Services that have a selector: the older form of their slices, with addresses of the first family alone. */
export class EndpointsController implements Controller {
  readonly name = 'endpoints'
  readonly #view: View
  /** Endpoints that we made. Others stay as they were written. */
  readonly #made = new Set<string>()
  /** Services that are gone, whose Endpoints go too, whoever wrote them. */
  readonly #gone = new Set<string>()

  constructor(view: View) {
    this.#view = view
  }

  keysOf({ type, resource, object, old }: StoreEvent): string[] {
    if (resource.kind === 'Service') {
      if (type === 'DELETED') this.#gone.add(keyOf(object))
      return [keyOf(object)]
    }
    if (resource.kind === 'Endpoints') {
      if (type === 'DELETED') this.#made.delete(object.metadata.uid ?? '')
      return [keyOf(object)]
    }
    if (resource.kind !== 'Pod') return []
    return [object, old].flatMap(pod => (pod ? servicesOf(this.#view, pod as Pod) : [])).map(keyOf)
  }

  sync(key: string, since: Date): void {
    const service = this.#view.get('Service', key) as Service | undefined
    const existing: Endpoints | undefined = this.#view.get('Endpoints', key)
    const isGone = this.#gone.delete(key)
    if (!service) {
      if (existing && isGone) this.#view.delete(existing)
      return
    }
    if (!isSelecting(service) || service.metadata.deletionTimestamp !== undefined) return
    if (existing && !this.#made.has(existing.metadata.uid ?? '')) return
    const subsets = subsetsOf(service, podsOf(this.#view, service))
    const labels = { ...inheritedLabels(service), [MANAGED_BY_LABEL]: MANAGER }
    if (existing && equalJson([existing.subsets ?? [], existing.metadata.labels], [subsets, labels])) return
    const annotations = { ...existing?.metadata.annotations, [TRIGGER_TIME_ANNOTATION]: since.toISOString() }
    const metadata: ObjectMeta = { ...(existing?.metadata ?? splitKey(key)), labels, annotations }
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets }
    if (existing) this.#view.update(endpoints)
    else this.#made.add(this.#view.create(endpoints).metadata.uid ?? '')
  }
}

// Pods that have the same ports share a subset.
function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const subsets = new Map<string, Required<EndpointSubset>>()
  const isPortless = !service.spec.ports?.length
  for (const pod of pods) {
    if (isTerminating(pod) && !service.spec.publishNotReadyAddresses) continue
    const [ip] = addressesOfFamily(pod, service.spec.ipFamilies?.[0])
    const ports = portsOf(service, pod).map(unnamedIfEmpty)
    if (ip === undefined || (ports.length === 0 && !isPortless)) continue
    const key = JSON.stringify(ports)
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports }
    subset[isEndpointReady(service, pod) ? 'addresses' : 'notReadyAddresses'].push(addressOf(service, pod, ip))
    subsets.set(key, subset)
  }
  return [...subsets.values()].map(withoutEmptyLists)
}

function withoutEmptyLists(subset: Required<EndpointSubset>): EndpointSubset {
  return Object.fromEntries(Object.entries(subset).filter(([, list]) => list.length > 0))
}

// In Endpoints, unlike in slices, a port without a name has no such field.
function unnamedIfEmpty({ name, ...port }: EndpointPort): EndpointPort {
  return name ? { name, ...port } : port
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const hostname = hostnameOf(service, pod)
  const { namespace = '', name, uid = '' } = pod.metadata
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}
