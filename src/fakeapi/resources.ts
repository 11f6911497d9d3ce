// The table of what this API serves. Everything else (paths, discovery, OpenAPI, tables) is read from these rows.

import { ApiError, type Resource } from './object.ts'

interface Row {
  kind: string
  plural: string
  shortNames?: readonly string[]
  clusterScoped?: boolean
  subresources?: Resource['subresources']
}

function defineGroup(group: string, version: string, rows: readonly Row[]): Resource[] {
  return rows.map(row => ({
    group,
    version,
    kind: row.kind,
    plural: row.plural,
    singular: row.kind.toLowerCase(),
    shortNames: row.shortNames ?? [],
    namespaced: row.clusterScoped !== true,
    subresources: row.subresources ?? [],
  }))
}

/** Each resource once, core group first, in the order of discovery. */
export const resources: readonly Resource[] = [
  ...defineGroup('', 'v1', [
    { kind: 'Namespace', plural: 'namespaces', shortNames: ['ns'], clusterScoped: true, subresources: ['status'] },
    { kind: 'Node', plural: 'nodes', shortNames: ['no'], clusterScoped: true, subresources: ['status'] },
    { kind: 'Service', plural: 'services', shortNames: ['svc'], subresources: ['status'] },
    { kind: 'Endpoints', plural: 'endpoints', shortNames: ['ep'] },
    { kind: 'Pod', plural: 'pods', shortNames: ['po'], subresources: ['status'] },
  ]),
  ...defineGroup('apps', 'v1', [
    { kind: 'Deployment', plural: 'deployments', shortNames: ['deploy'], subresources: ['status', 'scale'] },
    { kind: 'ReplicaSet', plural: 'replicasets', shortNames: ['rs'], subresources: ['status', 'scale'] },
    { kind: 'StatefulSet', plural: 'statefulsets', shortNames: ['sts'], subresources: ['status', 'scale'] },
  ]),
  ...defineGroup('discovery.k8s.io', 'v1', [{ kind: 'EndpointSlice', plural: 'endpointslices' }]),
  ...defineGroup('multicluster.x-k8s.io', 'v1alpha1', [
    { kind: 'ServiceImport', plural: 'serviceimports', shortNames: ['svcim'], subresources: ['status'] },
  ]),
]

const byKind = new Map(resources.map(resource => [resource.kind, resource]))
const byPath = new Map(resources.map(resource => [`${apiVersionOf(resource)}/${resource.plural}`, resource]))

/** The resource of a kind (`Service`). Throws ApiError 404 for a kind that is not served. */
export function resourceOfKind(kind: string): Resource {
  const resource = byKind.get(kind)
  if (resource === undefined) {
    const served = resources.map(row => row.kind).join(', ')
    throw new ApiError(404, 'NotFound', `no resource for the kind "${kind}": this API serves ${served}`)
  }
  return resource
}

export function resourceAtPath(group: string, version: string, plural: string): Resource | undefined {
  return byPath.get(`${group === '' ? version : `${group}/${version}`}/${plural}`)
}

/** `v1`, `discovery.k8s.io/v1`: as it stands in an object. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/** `services`, `deployments.apps`: as it stands in messages. */
export function qualifiedName(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`
}

// The rows that `kubectl get all` asks for.
const categoryAll = new Set(['pods', 'services', 'deployments', 'replicasets', 'statefulsets'])

export function categoriesOf(resource: Resource): string[] {
  return categoryAll.has(resource.plural) ? ['all'] : []
}

/**
 * Custom resources have no strategic merge patch, and their lists repeat apiVersion and kind in each item, unlike those
 * of the kinds that are compiled into the API server.
 */
export function isCustomResource(resource: Resource): boolean {
  return resource.group === 'multicluster.x-k8s.io'
}
