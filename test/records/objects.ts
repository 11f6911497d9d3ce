// Slim objects made as the watch makes them, from what the API would send.

import {
  type SlimEndpointSlice,
  type SlimPod,
  type SlimService,
  type SlimServiceImport,
  slimEndpointSlice,
  slimPod,
  slimService,
  slimServiceImport,
} from '../../src/watch/slim.ts'
import type { RecordOptions } from '../../src/records/options.ts'
import { parseName } from '../../src/wire/name.ts'

export const ORIGIN = parseName('cluster.local.')!
export const OPTIONS: RecordOptions = {
  ttlSeconds: 5,
  endpointPodNames: false,
  noEndpoints: false,
  ignoreEmptyService: false,
  isMulticluster: false,
  zonal: false,
  ptr: 'all',
  slicesFollow: true,
}

export interface Endpoint {
  addresses?: string[]
  hostname?: string
  zone?: string
  hints?: { forZones: { name: string }[] }
  targetRef?: { kind: string; name: string }
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
}

interface Port {
  name?: string
  port?: number | null
  protocol?: string
}

export const http: Port = { name: 'http', port: 80, protocol: 'TCP' }

/** `web` in namespace `ns` unless `name` says otherwise. */
export const service = (spec: object, name = 'web', namespace = 'ns'): SlimService =>
  slimService({ metadata: { name, namespace }, spec })!

export const clusterIP = (clusterIPs: string[], ports: Port[] = [http], name = 'web'): SlimService =>
  service({ type: 'ClusterIP', clusterIP: clusterIPs[0], clusterIPs, ports }, name)

export const headless = (ports: Port[] = []): SlimService => clusterIP(['None'], ports)

/** A slice of `web`; an endpoint may be given by its address alone. */
export function slice(endpoints: (Endpoint | string)[], ports: Port[] = [http], labels = {}): SlimEndpointSlice {
  return slimEndpointSlice({
    metadata: { name: 'web-1', namespace: 'ns', labels: { 'kubernetes.io/service-name': 'web', ...labels } },
    addressType: 'IPv4',
    endpoints: endpoints.map(endpoint => (typeof endpoint === 'string' ? { addresses: [endpoint] } : endpoint)),
    ports,
  })!
}

export const pod = (podIP: string, name = 'p'): SlimPod =>
  slimPod({ metadata: { name, namespace: 'ns' }, status: { podIP } })!

export const serviceImport = (spec: object): SlimServiceImport =>
  slimServiceImport({ metadata: { name: 'web', namespace: 'ns' }, spec })!

/** `count` addresses, from 10.0.0.1 on. */
export const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.0.${(i + 1) >> 8}.${(i + 1) & 255}`)
