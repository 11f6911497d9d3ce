// Objects of the API, with only what matters said.

import type { ApiObject } from '../../../src/fakeapi/object.ts'

type Labels = Record<string, string>

export interface Place {
  /** `ns` when absent. */
  readonly namespace?: string
  readonly labels?: Labels
}

export interface Port {
  readonly name?: string
  readonly port?: number
  readonly protocol?: string
}

export const HTTP: Port = { name: 'http', port: 80, protocol: 'TCP' }

export const namespace = (name: string, labels: Labels = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
})

export const service = (name: string, spec: object, { namespace = 'ns', labels = {} }: Place = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, labels },
  spec,
})

export function clusterIP(name: string, clusterIPs: string[], ports: Port[] = [HTTP], place?: Place): ApiObject {
  const ipFamilies = clusterIPs.map(address => (address.includes(':') ? 'IPv6' : 'IPv4'))
  const ipFamilyPolicy = clusterIPs.length > 1 ? 'RequireDualStack' : 'SingleStack'
  return service(name, { clusterIP: clusterIPs[0], clusterIPs, ipFamilies, ipFamilyPolicy, ports }, place)
}

export const headless = (name: string, place?: Place): ApiObject => service(name, { clusterIP: 'None' }, place)

export const externalName = (name: string, target: string, place?: Place): ApiObject =>
  service(name, { type: 'ExternalName', externalName: target }, place)

export interface Endpoint {
  readonly addresses: string[]
  readonly hostname?: string
  readonly zone?: string
  readonly nodeName?: string
  readonly hints?: { readonly forZones: readonly { readonly name: string }[] }
  readonly conditions?: { ready: boolean }
  readonly targetRef?: { kind: string; name: string; namespace?: string }
}

/** A slice of a Service; an endpoint may be given by its address alone. */
export function slice(
  of: string,
  endpoints: (string | Endpoint)[],
  { ports = [HTTP], name = `${of}-1`, namespace = 'ns', labels = {} }: Place & { ports?: Port[]; name?: string } = {},
): ApiObject {
  const made = endpoints.map(endpoint => (typeof endpoint === 'string' ? { addresses: [endpoint] } : endpoint))
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': of, ...labels } },
    addressType: made[0]?.addresses[0].includes(':') ? 'IPv6' : 'IPv4',
    endpoints: made,
    ports,
  }
}

/** With one address, several or none. */
export function pod(
  name: string,
  addresses: string | string[],
  { namespace = 'ns', labels = {}, nodeName }: Place & { nodeName?: string } = {},
  phase = 'Running',
): ApiObject {
  const podIPs = [addresses].flat().filter(ip => ip !== '')
  const status = podIPs.length === 0 ? {} : { podIP: podIPs[0], podIPs: podIPs.map(ip => ({ ip })) }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { nodeName },
    status: { phase, ...status },
  }
}
