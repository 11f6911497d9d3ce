import { describeObject, ManifestError, readManifests } from './manifests/document.ts'
import type { Manifest } from './manifests/document.ts'
import { filesOf } from './manifests/files.ts'
import { ApiError } from './object.ts'
import type { ApiObject, ObjectStore, Resource } from './object.ts'
import { apiVersionOf, resources } from './resources.ts'

export { ManifestError }
export type { Manifest }

export interface ApplyResult {
  /** As they were stored, in the order in which that was done. */
  applied: ApiObject[]
  /** Of kinds that this API does not serve: what runs beside a DNS server but does not concern it. */
  skipped: Manifest[]
}

// Kinds of Kubernetes itself that share a group with kinds that are served. All other kinds of these groups are slips of the pen.
const UNSERVED_KINDS = new Set([
  'Binding',
  'ComponentStatus',
  'ConfigMap',
  'ControllerRevision',
  'DaemonSet',
  'Event',
  'LimitRange',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'PodTemplate',
  'ReplicationController',
  'ResourceQuota',
  'Secret',
  'ServiceAccount',
  'ServiceExport',
])

// What others refer to comes first. Pods come after the slices and Endpoints that tell of them.
const ORDER = [
  'Namespace',
  'Node',
  'Service',
  'ServiceImport',
  'Endpoints',
  'EndpointSlice',
  'Pod',
  'StatefulSet',
  'ReplicaSet',
  'Deployment',
]

interface Item {
  manifest: Manifest
  resource: Resource
  object: ApiObject
}

/**
 * Reads the objects of directories (all .yaml, .yml and .json below them), files and glob patterns, in the order given. Throws
 * ManifestError.
 */
export function loadManifests(paths: readonly string[]): Manifest[] {
  const files = new Set(paths.flatMap(filesOf))
  return [...files].flatMap(readManifests)
}

/**
 * Stores the objects of manifests: Namespaces first, those too that objects name and no manifest has. An object that is there
 * already is updated. Throws ManifestError, with the position of the field that is wrong, for the first that is refused.
 */
export function applyManifests(store: ObjectStore, manifests: readonly Manifest[]): ApplyResult {
  const skipped: Manifest[] = []
  const items: Item[] = []
  for (const manifest of manifests) {
    const resource = resourceOf(manifest)
    if (resource) items.push({ manifest, resource, object: prepare(resource, manifest.object) })
    else skipped.push(manifest)
  }
  refuseDuplicates(items)
  items.sort((a, b) => rankOf(a.object) - rankOf(b.object))
  const namespaces = store.resource('Namespace')
  const applied = items.filter(({ resource }) => resource.kind === 'Namespace').map(item => write(store, item))
  for (const { manifest, object } of items) {
    const name = object.metadata.namespace
    if (!name || store.get(namespaces, undefined, name)) continue
    const missing = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
    applied.push(write(store, { manifest, resource: namespaces, object: missing }, 'metadata.namespace'))
  }
  for (const item of items) if (item.resource.kind !== 'Namespace') applied.push(write(store, item))
  return { applied, skipped }
}

// undefined: to be skipped.
function resourceOf({ object, file, locate }: Manifest): Resource | undefined {
  const { kind, apiVersion } = object
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  const ofGroup = resources.filter(resource => resource.group === group)
  const found = ofGroup.find(resource => resource.kind === kind)
  const fail = (field: string, problem: string): never => {
    throw new ManifestError(file, locate(field), `${describeObject(object)}: ${field}: ${problem}`)
  }
  if (found) {
    const served = apiVersionOf(found)
    return served === apiVersion
      ? found
      : fail('apiVersion', `"${apiVersion}" is not served for a ${kind}: write ${served}`)
  }
  if (ofGroup.length === 0 && group !== '') {
    // A misspelt group of a kind that only Kubernetes has; a Service may be Knative's.
    const meant = resources.find(resource => resource.kind === kind && resource.group !== '')
    if (meant && isLike(group, meant.group))
      fail('apiVersion', `"${apiVersion}" is unknown: write ${apiVersionOf(meant)}`)
    return undefined
  }
  if (UNSERVED_KINDS.has(kind)) return undefined
  const elsewhere = resources.find(resource => resource.kind.toLowerCase() === kind.toLowerCase())
  if (elsewhere) {
    const right = `apiVersion: ${apiVersionOf(elsewhere)}, kind: ${elsewhere.kind}`
    return fail('kind', `there is no ${kind} in ${apiVersion}: write ${right}`)
  }
  const known = resources.map(resource => resource.kind).join(', ')
  return fail('kind', `unknown kind "${kind}": this API serves ${known}, and skips the other kinds of Kubernetes`)
}

function isLike(group: string, other: string): boolean {
  return group.endsWith('k8s.io') && group.split('.')[0] === other.split('.')[0]
}

// resourceVersion belongs to the cluster that the manifest was read from.
function prepare(resource: Resource, object: ApiObject): ApiObject {
  const { resourceVersion: _, ...metadata } = object.metadata
  if (resource.namespaced) metadata.namespace ||= 'default'
  return { ...object, metadata }
}

function refuseDuplicates(items: readonly Item[]): void {
  const seen = new Map<string, Manifest>()
  for (const { manifest, object } of items) {
    const key = describeObject(object)
    const first = seen.get(key)
    if (first && object.metadata.name) {
      const at = `${first.file}:${first.line}:${first.column}`
      throw new ManifestError(manifest.file, manifest, `${key}: metadata.name: is already the name of the one at ${at}`)
    }
    seen.set(key, manifest)
  }
}

// Services that name their address or node port come before those that may be given any.
function rankOf({ kind, spec }: ApiObject): number {
  const asksForMore = kind === 'Service' && !/"(clusterIP|nodePort)":/.test(JSON.stringify(spec) ?? '')
  return ORDER.indexOf(kind) + (asksForMore ? 0.5 : 0)
}

function write(store: ObjectStore, { manifest, resource, object }: Item, field?: string): ApiObject {
  try {
    const old = store.get(resource, object.metadata.namespace, object.metadata.name)
    if (!old) return store.create(resource, object)
    const { uid: _, ...metadata } = object.metadata
    const updated = store.update(resource, { ...object, metadata })
    if (object['status'] === undefined || !resource.subresources.includes('status')) return updated
    return store.updateStatus(resource, { ...updated, status: object['status'] })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const [cause, ...others] = error.causes
    const more = others.length > 0 ? ` (and ${others.length} more)` : ''
    const problem = cause ? `${cause.field}: ${cause.message}${more}` : error.message
    const at = manifest.locate(field ?? cause?.field ?? '')
    throw new ManifestError(manifest.file, at, `${describeObject(object)}: ${problem}`)
  }
}
