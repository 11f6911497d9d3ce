// The cluster that every server is asked about: 5,000 Services with 20,000 endpoints, as API objects and as zone files.

import type { ApiObject } from '../src/fakeapi/object.ts'

export const NAMESPACES = 50
const SERVICES_EACH = 100
/** Of those, the last ones are headless. */
const HEADLESS_EACH = 5
const ENDPOINTS_EACH = 4
export const TTL_SECONDS = 30

export interface ClusterService {
  readonly name: string
  readonly namespace: string
  /** `None` for a headless one. */
  readonly clusterIP: string
  readonly endpoints: readonly { readonly hostname: string; readonly address: string }[]
}

function makeService(number: number): ClusterService {
  const namespace = `team-${Math.floor(number / SERVICES_EACH)}`
  const inNamespace = number % SERVICES_EACH
  const isHeadless = inNamespace >= SERVICES_EACH - HEADLESS_EACH
  const endpoints = Array.from({ length: ENDPOINTS_EACH }, (_, i) => {
    const k = number * ENDPOINTS_EACH + i + 256
    return { hostname: `pod-${i}`, address: `10.${128 + (k >> 16)}.${(k >> 8) & 255}.${k & 255}` }
  })
  const ip = number + 256
  const clusterIP = isHeadless ? 'None' : `10.96.${ip >> 8}.${ip & 255}`
  return { name: `service-${inNamespace}`, namespace, clusterIP, endpoints }
}

export const services: readonly ClusterService[] = Array.from({ length: NAMESPACES * SERVICES_EACH }, (_, i) =>
  makeService(i),
)
export const withClusterIP = services.filter(({ clusterIP }) => clusterIP !== 'None')
export const headless = services.filter(({ clusterIP }) => clusterIP === 'None')

const ports = [{ name: 'http', port: 80, protocol: 'TCP' }]

export function* apiObjects(): Generator<ApiObject> {
  for (let i = 0; i < NAMESPACES; i++) yield { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `team-${i}` } }
  for (const service of services) {
    const { name, namespace, clusterIP } = service
    yield { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { clusterIP, ports } }
    yield sliceOf(service)
  }
}

/** The EndpointSlice of a Service; all its endpoints are ready but the one with the number `unready`. */
export const sliceOf = ({ name, namespace, endpoints }: ClusterService, unready?: number): ApiObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports,
  endpoints: endpoints.map(({ hostname, address }, i) => ({
    addresses: [address],
    hostname,
    conditions: { ready: i !== unready },
  })),
})

export const fullName = ({ name, namespace }: ClusterService): string => `${name}.${namespace}.svc.cluster.local`

export const reverseName = (address: string): string => `${address.split('.').toReversed().join('.')}.in-addr.arpa`

const apex = (origin: string): string[] => [
  `$ORIGIN ${origin}.`,
  `$TTL ${TTL_SECONDS}`,
  `@ SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5`,
  '@ NS ns.dns.cluster.local.',
]

export const EXTERNAL_ZONE = 'example.com'
export const EXTERNAL_NAMES = 10_000

/** The names as zone files, for servers that read those; the weights of SRV are those of the Kubernetes specification. */
export const zones: Readonly<Record<string, () => string>> = {
  // What is not the cluster's, for those who forward.
  [EXTERNAL_ZONE]: () => {
    const hosts = Array.from({ length: EXTERNAL_NAMES }, (_, i) => `host-${i} A 192.0.2.${i % 256}`)
    return `${[...apex(EXTERNAL_ZONE), 'ns.dns A 192.0.2.53', ...hosts].join('\n')}\n`
  },
  'cluster.local': () => {
    const lines = apex('cluster.local')
    lines.push('ns.dns A 10.96.0.10')
    for (const { name, namespace, clusterIP, endpoints } of services) {
      const owner = `${name}.${namespace}.svc`
      const srv = `_http._tcp.${owner} SRV 0`
      if (clusterIP !== 'None') lines.push(`${owner} A ${clusterIP}`, `${srv} 100 80 ${owner}`)
      else {
        for (const { hostname, address } of endpoints) {
          lines.push(`${owner} A ${address}`, `${hostname}.${owner} A ${address}`)
          lines.push(`${srv} ${100 / ENDPOINTS_EACH} 80 ${hostname}.${owner}`)
        }
      }
    }
    return `${lines.join('\n')}\n`
  },
  '10.in-addr.arpa': () => {
    const lines = apex('10.in-addr.arpa')
    for (const service of services) {
      const target = `${fullName(service)}.`
      if (service.clusterIP !== 'None') lines.push(`${reverseName(service.clusterIP)}. PTR ${target}`)
      for (const { hostname, address } of service.endpoints) {
        lines.push(`${reverseName(address)}. PTR ${hostname}.${target}`)
      }
    }
    return `${lines.join('\n')}\n`
  },
}
