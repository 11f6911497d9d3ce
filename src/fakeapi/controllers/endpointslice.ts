import type { ApiObject, StoreEvent } from '../object.ts'
import type { Endpoint, Pod, Service } from '../shapes.ts'
import { isReady, ownerReferenceTo } from './owned.ts'
import { MIRRORING_MANAGER } from './mirroring.ts'
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
import { MANAGED_BY_LABEL, reconcileSlices } from './slices.ts'
import type { SliceGroup } from './slices.ts'
import { keyOf, SERVICE_NAME_LABEL, splitKey } from './view.ts'
import type { View } from './view.ts'

const MANAGER = 'endpointslice-controller.k8s.io'
const MAX_ENDPOINTS_PER_SLICE = 100
const ZONE_LABEL = 'topology.kubernetes.io/zone'

/** EndpointSlices of the Services that have a selector, after k8s.io/endpointslice. */
export class EndpointSliceController implements Controller {
  readonly name = 'endpointslices'
  readonly #view: View
  /** Slices that we made. One of a manifest may look the same, with label and owner, and still has to stay as it was written. */
  readonly #made = new Set<string>()

  constructor(view: View) {
    this.#view = view
  }

  keysOf({ type, resource, object, old }: StoreEvent): string[] {
    if (resource.kind === 'Service') return [keyOf(object)]
    if (resource.kind === 'EndpointSlice') {
      if (type === 'DELETED') this.#made.delete(object.metadata.uid ?? '')
      const service = object.metadata.labels?.[SERVICE_NAME_LABEL]
      const before = old?.metadata.labels?.[SERVICE_NAME_LABEL]
      return [service, before].flatMap(name => (name === undefined ? [] : [`${object.metadata.namespace}/${name}`]))
    }
    if (resource.kind !== 'Pod') return []
    const services = [object, old].flatMap(pod => (pod ? servicesOf(this.#view, pod as Pod) : []))
    return services.map(keyOf)
  }

  sync(key: string, since: Date): void {
    const service = this.#view.get('Service', key) as Service | undefined
    // When the Service goes, its slices go with it: it owns them.
    if (!service || !isSelecting(service) || service.metadata.deletionTimestamp !== undefined) return
    const slices = this.#view.slicesOf(key)
    const ours = slices.filter(({ metadata }) => this.#made.has(metadata.uid ?? ''))
    const isServedByOthers = slices.some(
      slice => !ours.includes(slice) && slice.metadata.labels?.[MANAGED_BY_LABEL] !== MIRRORING_MANAGER,
    )
    reconcileSlices(this.#view, ours, this.#groupsOf(service, isServedByOthers), {
      ...splitKey(key),
      labels: { ...inheritedLabels(service), [SERVICE_NAME_LABEL]: service.metadata.name, [MANAGED_BY_LABEL]: MANAGER },
      owner: ownerReferenceTo(service),
      maxEndpoints: MAX_ENDPOINTS_PER_SLICE,
      since,
      onCreate: uid => this.#made.add(uid),
    })
  }

  #groupsOf(service: Service, isServedByOthers: boolean): SliceGroup[] {
    const groups = new Map<string, SliceGroup>()
    const pods = podsOf(this.#view, service)
    for (const addressType of service.spec.ipFamilies ?? []) {
      const before = groups.size
      for (const pod of pods) {
        const addresses = addressesOfFamily(pod, addressType)
        if (addresses.length === 0) continue
        const ports = portsOf(service, pod)
        const key = `${addressType} ${JSON.stringify(ports)}`
        const group = groups.get(key) ?? { addressType, ports, endpoints: [] }
        group.endpoints.push(this.#endpointOf(service, pod, addresses))
        groups.set(key, group)
      }
      const isEmpty = groups.size === before
      if (isEmpty && !isServedByOthers) groups.set(addressType, { addressType, ports: [], endpoints: [] })
    }
    return [...groups.values()]
  }

  #endpointOf(service: Service, pod: Pod, addresses: string[]): Endpoint {
    const { nodeName } = pod.spec
    const node = nodeName ? this.#nodeNamed(nodeName) : undefined
    const zone = node?.metadata.labels?.[ZONE_LABEL]
    const hostname = hostnameOf(service, pod)
    const { namespace = '', name, uid = '' } = pod.metadata
    return {
      addresses,
      conditions: {
        ready: isEndpointReady(service, pod),
        serving: isReady(pod),
        terminating: isTerminating(pod),
      },
      ...(hostname === undefined ? {} : { hostname }),
      ...(nodeName ? { nodeName } : {}),
      targetRef: { kind: 'Pod', namespace, name, uid },
      ...(zone === undefined ? {} : { zone }),
    }
  }

  #nodeNamed(name: string): ApiObject | undefined {
    return this.#view.store.get(this.#view.store.resource('Node'), undefined, name)
  }
}
