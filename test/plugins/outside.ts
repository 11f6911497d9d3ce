// Services that are reached from outside of the cluster.

import type { ApiObject } from '../../src/fakeapi/object.ts'
import { HTTP, headless, namespace, service, slice } from './kubernetes/objects.ts'

const DNS = { name: 'dns', port: 53, protocol: 'UDP' }

interface Outside {
  readonly externalIPs?: string[]
  readonly ingress?: object[]
  readonly ports?: object[]
  readonly namespace?: string
}

/** A Service that is reached from outside. */
export function outside(
  name: string,
  { externalIPs, ingress = [], ports = [HTTP], namespace = 'ns' }: Outside,
): ApiObject {
  const type = ingress.length > 0 ? 'LoadBalancer' : 'ClusterIP'
  return { ...service(name, { type, externalIPs, ports }, { namespace }), status: { loadBalancer: { ingress } } }
}

/** In the namespaces `ns` and, one of them, `dns`. */
export const OUTSIDE: ApiObject[] = [
  namespace('ns'),
  namespace('dns'),
  outside('ip', { externalIPs: ['203.0.113.1', '203.0.113.2'], ports: [HTTP, DNS] }),
  outside('lb', { externalIPs: ['203.0.113.3'], ingress: [{ ip: '203.0.113.4' }] }),
  outside('both', { externalIPs: ['203.0.113.2', '2001:db8::1'], ports: [{ port: 443 }] }),
  outside('host', { ingress: [{ hostname: 'lb.example.com' }] }),
  outside('hosts', { ingress: [{ hostname: 'lb.example.com' }, { hostname: 'lb2.example.com' }] }),
  outside('mixed', { ingress: [{ hostname: 'lb.example.com' }, { ip: '203.0.113.5' }] }),
  outside('plain', {}),
  outside('shadow', { externalIPs: ['203.0.113.20'], namespace: 'dns' }),
  slice('plain', ['10.0.0.5']),
  headless('db'),
  slice('db', [{ addresses: ['10.0.0.1'], hostname: 'db-0' }, { addresses: ['10.0.0.2'] }]),
  service('dbip', { clusterIP: 'None', externalIPs: ['203.0.113.9'], ports: [HTTP] }),
  slice('dbip', ['10.0.0.9']),
]
