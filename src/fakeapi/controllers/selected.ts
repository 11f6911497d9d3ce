import { familyOf } from '../address.ts'
import { isHeadless } from '../shapes.ts'
import type { EndpointPort, Pod, Service, ServicePort } from '../shapes.ts'
import { isReady } from './owned.ts'
import type { View } from './view.ts'

// What the Endpoints and the EndpointSlice controllers ask of Services and Pods alike.

const HEADLESS_LABEL = 'service.kubernetes.io/headless'

/** Services whose endpoints are made by us: they have a selector, and addresses of their own or none. */
export function isSelecting({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && Object.keys(spec.selector ?? {}).length > 0
}

export function servicesOf(view: View, pod: Pod): Service[] {
  return view.servicesThatSelect(pod).filter(isSelecting)
}

/** Pods that are, or will be, endpoints of the Service: they have an address and have not ended. In the order of their names. */
export function podsOf(view: View, service: Service): Pod[] {
  return view
    .podsSelectedBy(service)
    .filter(pod => addressesOf(pod).length > 0 && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

export function addressesOf({ status }: Pod): string[] {
  const ips = (status?.podIPs ?? []).map(({ ip }) => ip)
  return ips.length === 0 && status?.podIP ? [status.podIP] : ips
}

export function addressesOfFamily(pod: Pod, family: string | undefined): string[] {
  return addressesOf(pod).filter(ip => familyOf(ip) === family)
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined
}

/** Whether resolvers are told of it. */
export function isEndpointReady(service: Service, pod: Pod): boolean {
  return service.spec.publishNotReadyAddresses === true || (isReady(pod) && !isTerminating(pod))
}

/** The host name that gives the pod a name of its own below the Service's. */
export function hostnameOf(service: Service, pod: Pod): string | undefined {
  return pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined
}

/** What both forms of endpoints take over from the labels of their Service. */
export function inheritedLabels({ metadata, spec }: Service): Record<string, string> {
  const { [HEADLESS_LABEL]: _, ...labels } = metadata.labels ?? {}
  return isHeadless(spec) ? { ...labels, [HEADLESS_LABEL]: '' } : labels
}

/** The ports of the Service as this pod has them; one whose name the pod does not know is left out. */
export function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap(port => {
    const number = targetNumber(port, pod)
    if (number === undefined) return []
    const { name = '', protocol = 'TCP', appProtocol } = port
    return [{ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }]
  })
}

function targetNumber({ targetPort, port, protocol }: ServicePort, pod: Pod): number | undefined {
  if (typeof targetPort !== 'string') return targetPort ?? port
  // Sidecars (KEP-753) are init containers that keep running.
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  for (const { ports = [] } of [...(pod.spec.containers ?? []), ...sidecars]) {
    const found = ports.find(({ name, protocol: own = 'TCP' }) => name === targetPort && own === protocol)
    if (found) return found.containerPort
  }
  return undefined
}
