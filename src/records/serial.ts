// Which changes move the serial of the SOA: those that a secondary would see. CoreDNS watches fewer fields (a new cluster IP does not move
// its serial, `controller.go`); here a change that makes another answer moves it.

import type { SlimEndpoint, SlimEndpointSlice, SlimPod, SlimService } from '../watch/slim.ts'
import { isSameEndpoint, isSamePorts } from './endpoint.ts'
import type { RecordOptions } from './options.ts'

/** Whether two versions of a Service give other records. */
export function isServiceModified(before: SlimService | undefined, after: SlimService | undefined): boolean {
  if (!before || !after) return before !== after
  return (
    before.type !== after.type ||
    before.externalName !== after.externalName ||
    !isSame(before.clusterIPs, after.clusterIPs) ||
    !isSame(before.ports, after.ports)
  )
}

/** Whether two versions of a slice differ in whose it is, in what is ready, in host names or in ports; with `zonal`, in zones. */
export function isSliceModified(
  before: SlimEndpointSlice | undefined,
  after: SlimEndpointSlice | undefined,
  { zonal }: Pick<RecordOptions, 'zonal'>,
): boolean {
  if (!before || !after) return before !== after
  const { endpoints } = after
  const isMoved = (endpoint: SlimEndpoint, i: number): boolean => {
    const other = endpoints[i]
    return !isSameEndpoint(endpoint, other) || (zonal && endpoint.zone !== other.zone)
  }
  return (
    before.service !== after.service ||
    before.importedService !== after.importedService ||
    before.sourceCluster !== after.sourceCluster ||
    before.endpoints.length !== endpoints.length ||
    before.endpoints.some(isMoved) ||
    !isSamePorts(before.ports, after.ports)
  )
}

/** Whether a Pod has other addresses. */
export function isPodModified(before: Addressed | undefined, after: Addressed | undefined): boolean {
  return !isSame(before?.podIPs ?? [], after?.podIPs ?? [])
}

type Addressed = Pick<SlimPod, 'podIPs'>

/** Slim objects are plain and small: their text is their value. */
const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => JSON.stringify(a) === JSON.stringify(b)
