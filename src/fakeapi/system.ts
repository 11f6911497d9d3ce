// What every cluster holds before anyone writes to it.

import { formatAddress, parseAddress } from './address.ts'
import type { ApiObject } from './object.ts'

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

// From the range for documentation (RFC 5737): the slice has to have an address, and a loopback one is not allowed.
const apiServerAddress = '198.51.100.1'
const apiServerPort = 6443

/** `serviceCidrs` as the admission has them: the Service `kubernetes` takes the first address, in the first range. */
export function makeSystemObjects(serviceCidrs: readonly string[] = ['10.96.0.0/16']): ApiObject[] {
  return [
    ...namespaces.map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...makeKubernetesService(firstAddressOf(serviceCidrs[0] ?? '')),
  ]
}

function firstAddressOf(cidr: string): string {
  const base = parseAddress(cidr.split('/')[0] ?? '')
  if (base === undefined) throw new Error(`the range of service addresses "${cidr}" is no CIDR such as 10.96.0.0/16`)
  return formatAddress({ family: base.family, value: base.value + 1n })
}

function makeKubernetesService(clusterIP: string): ApiObject[] {
  const metadata = { name: 'kubernetes', namespace: 'default' }
  const port = { name: 'https', port: apiServerPort, protocol: 'TCP' }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: {
        type: 'ClusterIP',
        clusterIP,
        clusterIPs: [clusterIP],
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: apiServerPort }],
        sessionAffinity: 'None',
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip: apiServerAddress }], ports: [port] }],
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [apiServerAddress], conditions: { ready: true } }],
      ports: [port],
    },
  ]
}
