// The names that a cluster has, as the specification makes them from what the API holds, and some that it has not.

import { parseAddress, reverseName } from '../../src/wire/address.ts'
import type { ControlPlane } from './controlplane.ts'

interface Meta {
  readonly name: string
  readonly namespace: string
  readonly labels?: Readonly<Record<string, string>>
}

interface Port {
  readonly name?: string
  readonly protocol?: string
}

interface Service {
  readonly metadata: Meta
  readonly spec: { readonly clusterIPs?: string[]; readonly ports?: Port[] }
}

interface Slice {
  readonly metadata: Meta
  readonly endpoints: { readonly addresses: string[]; readonly hostname?: string }[] | null
  readonly ports: Port[] | null
}

interface Listed<T> {
  readonly items: T[]
}

/** Always asked for, there or not. */
const FIXED = [
  'cluster.local.',
  'svc.cluster.local.',
  'pod.cluster.local.',
  'dns-version.cluster.local.',
  'x.cluster.local.',
  'none.svc.cluster.local.',
  'none.default.svc.cluster.local.',
  'none.none.svc.cluster.local.',
  '_http._tcp.none.default.svc.cluster.local.',
  '*.default.svc.cluster.local.',
  '10-1-2-3.default.pod.cluster.local.',
  'fd00--1.default.pod.cluster.local.',
  'none.default.pod.cluster.local.',
  '10-1-2-3.none.pod.cluster.local.',
  'in-addr.arpa.',
  'ip6.arpa.',
  '10.in-addr.arpa.',
  '96.10.in-addr.arpa.',
  '9.9.96.10.in-addr.arpa.',
  'www.example.com.',
  'missing.example.com.',
]

export async function listNames(plane: ControlPlane): Promise<string[]> {
  const list = async <T>(path: string): Promise<T[]> => (await plane.call<Listed<T>>('GET', path)).body.items
  const names = new Set(FIXED)
  for (const { metadata } of await list<{ metadata: Meta }>('/api/v1/namespaces')) {
    names.add(`${metadata.name}.svc.cluster.local.`).add(`${metadata.name}.pod.cluster.local.`)
  }
  for (const { metadata, spec } of await list<Service>('/api/v1/services')) {
    addService(names, nameOf(metadata), spec.ports ?? [])
    for (const address of spec.clusterIPs ?? []) addReverse(names, address)
  }
  for (const { metadata, endpoints, ports } of await list<Slice>('/apis/discovery.k8s.io/v1/endpointslices')) {
    const service = metadata.labels?.['kubernetes.io/service-name']
    if (service === undefined) continue
    const name = nameOf({ ...metadata, name: service })
    addService(names, name, ports ?? [])
    for (const { addresses, hostname } of endpoints ?? []) {
      for (const address of addresses) {
        names.add(`${hostname ?? address.replaceAll(/[.:]/g, '-')}.${name}`)
        names.add(`${address.replaceAll(/[.:]/g, '-')}.${metadata.namespace}.pod.cluster.local.`)
        addReverse(names, address)
      }
    }
  }
  return [...names].sort()
}

const nameOf = ({ name, namespace }: Meta): string => `${name}.${namespace}.svc.cluster.local.`

function addService(names: Set<string>, name: string, ports: readonly Port[]): void {
  names.add(name).add(`none.${name}`).add(`_none._tcp.${name}`)
  for (const { name: port, protocol = 'TCP' } of ports) {
    const transport = `_${protocol.toLowerCase()}.${name}`
    names.add(transport)
    if (port !== undefined && port !== '') names.add(`_${port}.${transport}`)
  }
}

/** And the name above it. */
function addReverse(names: Set<string>, address: string): void {
  const octets = parseAddress(address)
  if (octets === undefined) return
  const name = reverseName(octets)
  names.add(name).add(name.slice(name.indexOf('.') + 1))
}
