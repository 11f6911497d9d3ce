import { familyOf } from '../address.ts'
import type { StoreEvent } from '../object.ts'
import type { Endpoint, EndpointAddress, Endpoints, Service } from '../shapes.ts'
import { ownerReferenceTo } from './owned.ts'
import type { Controller } from './scheduler.ts'
import { isSelecting } from './selected.ts'
import { MANAGED_BY_LABEL, reconcileSlices } from './slices.ts'
import type { SliceGroup } from './slices.ts'
import { keyOf, SERVICE_NAME_LABEL, splitKey } from './view.ts'
import type { View } from './view.ts'

export const MIRRORING_MANAGER = 'endpointslicemirroring-controller.k8s.io'

const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror'
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'
const MAX_ENDPOINTS_PER_SLICE = 1000

/** Mirrors Endpoints that somebody wrote by hand, for a Service without selector, into EndpointSlices. */
export class MirroringController implements Controller {
  readonly name = 'endpointslicemirroring'
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  keysOf({ resource, object }: StoreEvent): string[] {
    return resource.kind === 'Endpoints' || resource.kind === 'Service' ? [keyOf(object)] : []
  }

  sync(key: string, since: Date): void {
    const endpoints: Endpoints | undefined = this.#view.get('Endpoints', key)
    const service = this.#view.get('Service', key) as Service | undefined
    // When the Endpoints go, the mirrored slices go with them: they own them.
    if (!endpoints) return
    const mirrored = this.#view
      .slicesOf(key)
      .filter(({ metadata }) => metadata.labels?.[MANAGED_BY_LABEL] === MIRRORING_MANAGER)
    const { labels, annotations } = endpoints.metadata
    const isWanted = service && !isSelecting(service) && labels?.[SKIP_LABEL] !== 'true'
    const groups = isWanted && annotations?.[LEADER_ANNOTATION] === undefined ? groupsOf(endpoints) : []
    reconcileSlices(this.#view, mirrored, groups, {
      ...splitKey(key),
      labels: { ...labels, [SERVICE_NAME_LABEL]: endpoints.metadata.name, [MANAGED_BY_LABEL]: MIRRORING_MANAGER },
      owner: ownerReferenceTo(endpoints),
      maxEndpoints: MAX_ENDPOINTS_PER_SLICE,
      since,
    })
  }
}

function groupsOf({ subsets = [] }: Endpoints): SliceGroup[] {
  const groups = new Map<string, SliceGroup>()
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const named = ports.map(port => Object.assign({ name: '' }, port))
    const all = [
      ...addresses.map(address => ({ address, isReady: true })),
      ...notReadyAddresses.map(address => ({ address, isReady: false })),
    ]
    for (const { address, isReady } of all) {
      const addressType = familyOf(address.ip)
      if (addressType === undefined) continue
      const key = `${addressType} ${JSON.stringify(named)}`
      const group = groups.get(key) ?? { addressType, ports: named, endpoints: [] }
      group.endpoints.push(endpointOf(address, isReady))
      groups.set(key, group)
    }
  }
  return [...groups.values()]
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, isReady: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready: isReady },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  }
}
