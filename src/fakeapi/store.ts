// The objects of the cluster in memory, with the rules of every Kubernetes write: resourceVersion, uid, generation,
// optimistic concurrency, finalizers, cascading deletion.

import { randomInt, randomUUID } from 'node:crypto'
import { Bucket, compareKeys, keyOf } from './bucket.ts'
import { Dispatcher, type Listener } from './dispatch.ts'
import { alreadyExists, conflict, forbidden, invalid, notFound, tooLargeResourceVersion } from './errors.ts'
import { History } from './history.ts'
import { cloneJson, equalJson, freezeJson } from './json.ts'
import type { Admission, ApiObject, ObjectMeta, ObjectStore, Operation, Resource, StoreEvent } from './object.ts'
import { Owners } from './owners.ts'
import { apiVersionOf, resourceOfKind, resources } from './resources.ts'

export interface StoreOptions {
  /** Without it, objects are stored as they come. */
  admission?: Admission | undefined
  now?: (() => Date) | undefined
  /** Events that are surely kept for watches that start in the past. */
  historyLimit?: number | undefined
}

export interface WriteOptions {
  /** Go through everything, store nothing. */
  dryRun?: boolean | undefined
}

export type PropagationPolicy = 'Background' | 'Foreground' | 'Orphan'

export interface DeleteOptions extends WriteOptions {
  propagationPolicy?: PropagationPolicy | undefined
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined
  /**
   * More than 0: the object stays for that long with its deletionTimestamp set, as a Pod does while its containers end.
   * Without it an object goes at once, since there is no kubelet to say that it ended.
   */
  gracePeriodSeconds?: number | undefined
  /** For a Namespace: how long it is Terminating before what is in it goes. At once when absent. */
  emptyAfterMs?: number | undefined
}

/** A copy of what is stored, as etcd's snapshots are. */
export interface Backup {
  readonly revision: number
  readonly objects: readonly { readonly resource: Resource; readonly object: ApiObject }[]
}

/** From before anything was written. */
export const EMPTY_BACKUP: Backup = { revision: 0, objects: [] }

const defaultHistoryLimit = 10_000

// apiserver/pkg/storage/names: letters and digits that make no words and are not mistaken for each other.
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789'
const maxGeneratedPrefix = 58

// The API server keeps no metadata.generation for these.
const withoutGeneration = new Set(['services', 'endpoints', 'namespaces', 'nodes'])

const keptNamespaces = new Set(['default', 'kube-system', 'kube-public'])

export class Store implements ObjectStore {
  readonly #admission: Admission | undefined
  readonly #now: () => Date
  readonly #buckets: ReadonlyMap<string, Bucket>
  readonly #namespaces = resourceOfKind('Namespace')
  readonly #history: History
  #owners = new Owners()
  readonly #dispatcher = new Dispatcher()
  readonly #timers = new Set<NodeJS.Timeout>()
  #revision = 0

  constructor(options: StoreOptions = {}) {
    this.#admission = options.admission
    this.#now = options.now ?? (() => new Date())
    this.#history = new History(options.historyLimit ?? defaultHistoryLimit)
    this.#buckets = new Map(resources.map(resource => [resource.plural, new Bucket()]))
  }

  /** The resourceVersion of the newest write. */
  get revision(): number {
    return this.#revision
  }

  resource(kind: string): Resource {
    return resourceOfKind(kind)
  }

  get(resource: Resource, namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#bucket(resource).get(resource.namespaced ? namespace : undefined, name)
  }

  list(resource: Resource, namespace?: string): ApiObject[] {
    return this.#bucket(resource).list(namespace)
  }

  /** The list as it was at `revision`. Throws ApiError 410 when that is compacted, 504 when it has not come yet. */
  listAt(resource: Resource, namespace: string | undefined, revision: number): ApiObject[] {
    if (revision > this.#revision) throw tooLargeResourceVersion(revision, this.#revision)
    const undone = this.eventsSince(resource, revision).filter(
      event => namespace === undefined || event.object.metadata.namespace === namespace,
    )
    if (undone.length === 0) return this.list(resource, namespace)
    const objects = new Map(this.list(resource, namespace).map(object => [keyOf(object), object]))
    for (const event of undone.toReversed()) {
      if (event.old === undefined) objects.delete(keyOf(event.object))
      else objects.set(keyOf(event.old), event.old)
    }
    return [...objects.values()].sort((a, b) => compareKeys(keyOf(a), keyOf(b)))
  }

  /** Events of the resource after `revision`, oldest first. Throws ApiError 410 when some of them are forgotten. */
  eventsSince(resource: Resource, revision: number): StoreEvent[] {
    return this.#history.since(revision).filter(event => event.resource.plural === resource.plural)
  }

  /** Forgets the past: a watch or a page of a list from before now is answered with 410. */
  compact(): void {
    this.#history.compact(this.#revision)
  }

  backup(): Backup {
    return { revision: this.#revision, objects: this.#contents() }
  }

  /**
   * Goes back to the copy: versions are given out again, and watches from before it are answered with 410. Listeners hear nothing of it, as no
   * client does: it is for an API without controllers.
   */
  restore({ revision, objects }: Backup): void {
    for (const { resource, object } of this.#contents()) {
      this.#admit('delete', resource, cloneJson(object), object)
      this.#bucket(resource).remove(object)
    }
    this.#owners = new Owners()
    for (const { resource, object } of objects) {
      // For what it allocates.
      this.#admit('create', resource, cloneJson(object), undefined)
      this.#bucket(resource).set(object)
      this.#owners.track(resource, undefined, object)
    }
    this.#revision = revision
    this.compact()
  }

  #contents(): Backup['objects'] {
    return resources.flatMap(resource => this.list(resource).map(object => ({ resource, object })))
  }

  subscribe(listener: Listener): () => void {
    return this.#dispatcher.subscribe(listener)
  }

  /** Forgets grace periods, and namespaces to be emptied. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  /** Keeps a uid, creationTimestamp and status that the object has. Throws ApiError 404, 409, 403, 422. */
  create(resource: Resource, object: ApiObject, options: WriteOptions = {}): ApiObject {
    const draft = this.#normalise(resource, object)
    draft.metadata.name ||= this.#generateName(resource, draft.metadata)
    const { name, namespace } = draft.metadata
    if (!name) {
      const message = 'Required value: name or generateName is required'
      throw invalid(`${resource.kind} ""`, [{ field: 'metadata.name', reason: 'FieldValueRequired', message }])
    }
    if (resource.namespaced) this.#checkNamespace(resource, namespace ?? '', name)
    if (this.get(resource, namespace, name) !== undefined) throw alreadyExists(resource, name)
    draft.metadata.uid ??= randomUUID()
    draft.metadata.creationTimestamp ??= this.#timestamp()
    if (!withoutGeneration.has(resource.plural)) draft.metadata.generation = 1
    const admitted = this.#admit('create', resource, draft, undefined)
    if (options.dryRun === true) {
      this.#admit('delete', resource, admitted, undefined)
      return freezeJson(admitted)
    }
    return this.#batch(() => this.#commit('ADDED', resource, admitted, undefined))
  }

  /** Throws ApiError 404, 409 when resourceVersion or uid are others than the stored ones, 422. */
  update(resource: Resource, object: ApiObject, options: WriteOptions = {}): ApiObject {
    const draft = this.#normalise(resource, object)
    const old = this.#current(resource, draft)
    this.#keepMetadata(draft.metadata, old.metadata)
    if (resource.subresources.includes('status')) {
      if (old['status'] === undefined) delete draft['status']
      else draft['status'] = cloneJson(old['status'])
    }
    return this.#write('update', resource, draft, old, options)
  }

  updateStatus(resource: Resource, object: ApiObject, options: WriteOptions = {}): ApiObject {
    const asked = this.#normalise(resource, object)
    const old = this.#current(resource, asked)
    const draft = cloneJson(old)
    if (asked['status'] === undefined) delete draft['status']
    else draft['status'] = asked['status']
    return this.#write('status', resource, draft, old, options)
  }

  /** Returns the object as it last was, or as it is when finalizers or a grace period keep it. Throws ApiError 404, 409, 403. */
  delete(resource: Resource, namespace: string | undefined, name: string, options: DeleteOptions = {}): ApiObject {
    const old = this.get(resource, namespace, name)
    if (old === undefined) throw notFound(resource, name)
    this.#checkPreconditions(resource, old, options)
    if (resource === this.#namespaces && keptNamespaces.has(name)) {
      throw forbidden(resource, name, 'this namespace may not be deleted')
    }
    if (options.dryRun === true) return old
    return this.#batch(() => {
      if (options.propagationPolicy === 'Foreground') this.#collectDependents(old, 'Foreground')
      const graceSeconds = options.gracePeriodSeconds ?? 0
      if (resource === this.#namespaces) return this.#deleteNamespace(old, options.emptyAfterMs)
      if ((old.metadata.finalizers ?? []).length > 0 || graceSeconds > 0) {
        return this.#terminate(resource, old, graceSeconds)
      }
      return this.#remove(resource, old, options.propagationPolicy)
    })
  }

  #bucket(resource: Resource): Bucket {
    const bucket = this.#buckets.get(resource.plural)
    if (bucket === undefined) throw new Error(`no such resource: ${resource.plural}`)
    return bucket
  }

  #batch<T>(work: () => T): T {
    return this.#dispatcher.batch(work)
  }

  #timestamp(afterSeconds = 0): string {
    const time = new Date(this.#now().getTime() + afterSeconds * 1000)
    return time.toISOString().replace(/\.\d+Z$/, 'Z')
  }

  // A copy that is ours to change, its members in the order in which the API writes them.
  #normalise(resource: Resource, object: ApiObject): ApiObject {
    const { apiVersion: _version, kind: _kind, metadata, ...rest } = cloneJson(object)
    if (!resource.namespaced) delete metadata.namespace
    else metadata.namespace ||= 'default'
    return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata, ...rest }
  }

  #generateName(resource: Resource, metadata: ObjectMeta): string {
    if (!metadata.generateName) return ''
    const prefix = metadata.generateName.slice(0, maxGeneratedPrefix)
    for (;;) {
      const suffix = Array.from({ length: 5 }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join('')
      if (this.get(resource, metadata.namespace, prefix + suffix) === undefined) return prefix + suffix
    }
  }

  #checkNamespace(resource: Resource, namespace: string, name: string): void {
    const found = this.get(this.#namespaces, undefined, namespace)
    if (found === undefined) throw notFound(this.#namespaces, namespace)
    if (found.metadata.deletionTimestamp !== undefined) {
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`
      throw forbidden(resource, name, why)
    }
  }

  #current(resource: Resource, draft: ApiObject): ApiObject {
    const { name, namespace, resourceVersion, uid } = draft.metadata
    const old = this.get(resource, namespace, name)
    if (old === undefined) throw notFound(resource, name)
    this.#checkPreconditions(resource, old, { preconditions: { uid } })
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) throw conflict(resource, name)
    return old
  }

  #checkPreconditions(resource: Resource, old: ApiObject, { preconditions = {} }: DeleteOptions): void {
    const { uid, resourceVersion } = preconditions
    const { metadata } = old
    if (uid && uid !== metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`
      throw conflict(resource, metadata.name, why)
    }
    if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
      const why =
        `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ` +
        `ResourceVersion in object meta: ${metadata.resourceVersion}`
      throw conflict(resource, metadata.name, why)
    }
  }

  // What only the server writes stays as it is, whatever an update says.
  #keepMetadata(draft: ObjectMeta, old: ObjectMeta): void {
    for (const field of systemFields) {
      if (old[field] === undefined) delete draft[field]
      else Object.assign(draft, { [field]: old[field] })
    }
  }

  #admit(operation: Operation, resource: Resource, object: ApiObject, old: ApiObject | undefined): ApiObject {
    return this.#admission === undefined ? object : this.#admission.admit(operation, resource, object, old)
  }

  #write(
    operation: 'update' | 'status',
    resource: Resource,
    draft: ApiObject,
    old: ApiObject,
    options: WriteOptions,
  ): ApiObject {
    draft.metadata.resourceVersion = old.metadata.resourceVersion ?? ''
    const admitted = this.#admit(operation, resource, draft, old)
    // As in the real API, a write that changes nothing is no event and takes no resourceVersion.
    if (equalJson(admitted, old)) return old
    if (operation === 'update' && old.metadata.generation !== undefined && !equalSpecs(admitted, old)) {
      admitted.metadata.generation = old.metadata.generation + 1
    }
    if (options.dryRun === true) {
      this.#admit(operation, resource, cloneJson(old), admitted)
      return freezeJson(admitted)
    }
    return this.#batch(() => {
      const { metadata } = admitted
      if (metadata.deletionTimestamp !== undefined && isFinalized(metadata)) return this.#remove(resource, admitted)
      return this.#commit('MODIFIED', resource, admitted, old)
    })
  }

  #commit(type: StoreEvent['type'], resource: Resource, object: ApiObject, old: ApiObject | undefined): ApiObject {
    object.metadata.resourceVersion = String(++this.#revision)
    freezeJson(object)
    const bucket = this.#bucket(resource)
    if (type === 'DELETED') bucket.remove(object)
    else bucket.set(object)
    this.#owners.track(resource, old, type === 'DELETED' ? undefined : object)
    const event: StoreEvent = { type, resource, object, old }
    this.#history.add(event)
    this.#dispatcher.push(event)
    return object
  }

  #terminate(resource: Resource, old: ApiObject, graceSeconds: number): ApiObject {
    if (old.metadata.deletionTimestamp !== undefined) return old
    const draft = cloneJson(old)
    draft.metadata.deletionTimestamp = this.#timestamp(graceSeconds)
    draft.metadata.deletionGracePeriodSeconds = graceSeconds
    if (graceSeconds > 0) this.#later(graceSeconds * 1000, () => this.#endGrace(resource, draft))
    return this.#commit('MODIFIED', resource, draft, old)
  }

  // Finalizers, if any, keep the object beyond its grace period: the update that takes the last one off removes it.
  #endGrace(resource: Resource, terminating: ApiObject): void {
    const { namespace, name, uid } = terminating.metadata
    const object = this.get(resource, namespace, name)
    if (object?.metadata.uid !== uid || object === undefined) return
    this.#batch(() => {
      const draft = cloneJson(object)
      draft.metadata.deletionGracePeriodSeconds = 0
      if (isFinalized(draft.metadata)) this.#remove(resource, object)
      else this.#commit('MODIFIED', resource, draft, object)
    })
  }

  #remove(resource: Resource, object: ApiObject, policy: PropagationPolicy = 'Background'): ApiObject {
    const { namespace, name } = object.metadata
    const stored = this.get(resource, namespace, name)
    const last = this.#admit('delete', resource, cloneJson(object), stored)
    const gone = this.#commit('DELETED', resource, last, stored)
    this.#collectDependents(gone, policy)
    this.#finishNamespace(namespace)
    return gone
  }

  // An object that has other owners loses this one; else it goes too (or, when orphaned, stays without owner).
  #collectDependents(owner: ApiObject, policy: PropagationPolicy): void {
    const ownerUid = owner.metadata.uid ?? ''
    for (const { resource, namespace, name } of this.#owners.dependentsOf(ownerUid)) {
      const object = this.get(resource, namespace, name)
      if (object === undefined) continue
      const others = (object.metadata.ownerReferences ?? []).filter(reference => reference.uid !== ownerUid)
      if (others.length > 0 || policy === 'Orphan') {
        const draft = cloneJson(object)
        if (others.length > 0) draft.metadata.ownerReferences = others
        else delete draft.metadata.ownerReferences
        this.#commit('MODIFIED', resource, draft, object)
      } else if ((object.metadata.finalizers ?? []).length > 0) {
        this.#terminate(resource, object, 0)
      } else {
        this.#remove(resource, object)
      }
    }
  }

  #deleteNamespace(old: ApiObject, emptyAfterMs = 0): ApiObject {
    const { name } = old.metadata
    let terminating = old
    if (old.metadata.deletionTimestamp === undefined) {
      const draft = cloneJson(old)
      draft.metadata.deletionTimestamp = this.#timestamp()
      draft['status'] = { phase: 'Terminating' }
      terminating = this.#commit('MODIFIED', this.#namespaces, draft, old)
      if (emptyAfterMs > 0) this.#later(emptyAfterMs, () => this.#batch(() => this.#emptyNamespace(name)))
    }
    if (emptyAfterMs === 0) this.#emptyNamespace(name)
    return terminating
  }

  #emptyNamespace(name: string): void {
    for (const { resource, object } of this.#contentOf(name)) {
      const { namespace, name } = object.metadata
      // A cascade of an object before it may have taken it.
      if (this.get(resource, namespace, name) !== undefined) this.delete(resource, namespace, name)
    }
    this.#finishNamespace(name)
  }

  // The timers keep no process alive: what waits is lost with the store anyway.
  #later(delayMs: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, delayMs)
    timer.unref()
    this.#timers.add(timer)
  }

  // A terminating namespace goes with the last object in it.
  #finishNamespace(name: string | undefined): void {
    if (name === undefined) return
    const namespace = this.get(this.#namespaces, undefined, name)
    if (namespace?.metadata.deletionTimestamp === undefined || !isFinalized(namespace.metadata)) return
    const empty = resources.every(resource => !this.#bucket(resource).hasNamespace(name))
    if (empty) this.#remove(this.#namespaces, namespace)
  }

  #contentOf(namespace: string): { resource: Resource; object: ApiObject }[] {
    return resources
      .filter(resource => resource.namespaced)
      .flatMap(resource => this.list(resource, namespace).map(object => ({ resource, object })))
  }
}

const systemFields = [
  'uid',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const satisfies (keyof ObjectMeta)[]

function isFinalized(metadata: ObjectMeta): boolean {
  return (metadata.finalizers ?? []).length === 0 && (metadata.deletionGracePeriodSeconds ?? 0) === 0
}

// Everything that is neither metadata nor status counts as specification: slices have no `spec`.
function equalSpecs(a: ApiObject, b: ApiObject): boolean {
  const { metadata: _a, status: _aStatus, ...left } = a
  const { metadata: _b, status: _bStatus, ...right } = b
  return equalJson(left, right)
}
