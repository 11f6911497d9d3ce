import type { Fields } from './skim.ts'
import {
  type SlimEndpointSlice,
  type SlimMeta,
  type SlimNamespace,
  type SlimPod,
  type SlimService,
  type SlimServiceImport,
  slimEndpointSlice,
  slimNamespace,
  slimPod,
  slimService,
  slimServiceImport,
} from './slim.ts'

/** One kind of object that can be watched: where it lives, and what is kept of it. */
export interface Resource<T extends SlimMeta> {
  /** For logs and metrics, and the last part of the path. */
  readonly name: string
  /** '' for the core group. */
  readonly group: string
  readonly version: string
  readonly namespaced: boolean
  /** What of an object is read; all of it when absent. */
  readonly fields?: Fields
  /** undefined for what cannot be an object of this resource. */
  convert(object: unknown): T | undefined
}

/** Of the metadata, what says which object it is. */
const IDENTITY = { name: true, namespace: true, uid: true, resourceVersion: true } as const

export const SERVICES: Resource<SlimService> = {
  name: 'services',
  group: '',
  version: 'v1',
  namespaced: true,
  convert: slimService,
}

export const ENDPOINT_SLICES: Resource<SlimEndpointSlice> = {
  name: 'endpointslices',
  group: 'discovery.k8s.io',
  version: 'v1',
  namespaced: true,
  // What changes most.
  fields: {
    metadata: {
      ...IDENTITY,
      labels: {
        'kubernetes.io/service-name': true,
        'multicluster.kubernetes.io/service-name': true,
        'multicluster.kubernetes.io/source-cluster': true,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': true },
    },
    addressType: true,
    ports: [{ name: true, port: true, protocol: true }],
    endpoints: [
      {
        addresses: [true],
        conditions: { ready: true },
        hostname: true,
        nodeName: true,
        zone: true,
        targetRef: { kind: true, name: true },
        hints: { forZones: [{ name: true }] },
      },
    ],
  },
  convert: slimEndpointSlice,
}

export const NAMESPACES: Resource<SlimNamespace> = {
  name: 'namespaces',
  group: '',
  version: 'v1',
  namespaced: false,
  convert: slimNamespace,
}

export const PODS: Resource<SlimPod> = {
  name: 'pods',
  group: '',
  version: 'v1',
  namespaced: true,
  // There are more of them than of anything else, and they are large.
  fields: {
    metadata: {
      ...IDENTITY,
      deletionTimestamp: true,
      labels: true,
    },
    spec: { nodeName: true },
    status: { podIP: true, podIPs: [{ ip: true }] },
  },
  convert: slimPod,
}

export const SERVICE_IMPORTS: Resource<SlimServiceImport> = {
  name: 'serviceimports',
  group: 'multicluster.x-k8s.io',
  version: 'v1alpha1',
  namespaced: true,
  convert: slimServiceImport,
}

/** The path of the collection, in one namespace or, without it, in all. */
export function resourcePath(resource: Resource<SlimMeta>, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${scope}/${resource.name}`
}

/** As RBAC and `kubectl auth can-i` have it: `services`, `endpointslices.discovery.k8s.io`. */
export function qualifiedName(resource: Resource<SlimMeta>): string {
  return resource.group === '' ? resource.name : `${resource.name}.${resource.group}`
}
