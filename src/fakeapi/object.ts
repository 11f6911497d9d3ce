// The shapes that the parts of the in-process API pass to each other: plain JSON objects as the Kubernetes API has them.

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
}

export interface ObjectMeta {
  name: string
  namespace?: string
  generateName?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  finalizers?: string[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
}

/** Any object of the API. `spec`, `status` and the rest are as the client wrote them, after defaulting. */
export interface ApiObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

/** One row of the API: what discovery tells about it and where its objects live. */
export interface Resource {
  /** '' for the core group. */
  group: string
  version: string
  kind: string
  /** Lower-case plural, as in the path: `endpointslices`. */
  plural: string
  singular: string
  shortNames: readonly string[]
  namespaced: boolean
  /** Sub-resources served besides the object itself. */
  subresources: readonly ('status' | 'scale')[]
}

/** One cause of a 422: `field` is a path as Kubernetes writes it (`spec.ports[0].nodePort`). */
export interface Cause {
  field: string
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotSupported'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
  message: string
}

/** What is thrown to answer a request with a `Status` object of the given HTTP code. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: number
  readonly reason: string
  readonly causes: readonly Cause[]
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: number,
    reason: string,
    message: string,
    causes: readonly Cause[] = [],
    retryAfterSeconds?: number,
  ) {
    super(message)
    this.code = code
    this.reason = reason
    this.causes = causes
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type Operation = 'create' | 'update' | 'status' | 'delete'

/**
 * Runs before the store takes an object: fills in defaults, allocates (cluster IPs, node ports), validates.
 * Returns the object to be stored; throws ApiError 422. For `delete` it releases what was allocated and returns the object.
 */
export interface Admission {
  admit(operation: Operation, resource: Resource, object: ApiObject, old: ApiObject | undefined): ApiObject
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED'

export interface StoreEvent {
  type: WatchEventType
  resource: Resource
  object: ApiObject
  old: ApiObject | undefined
}

/** What controllers need of the store. Objects that come out are frozen or copies: to change one, clone it and write it back. */
export interface ObjectStore {
  resource(kind: string): Resource
  get(resource: Resource, namespace: string | undefined, name: string): ApiObject | undefined
  list(resource: Resource, namespace?: string): ApiObject[]
  create(resource: Resource, object: ApiObject): ApiObject
  update(resource: Resource, object: ApiObject): ApiObject
  /** Writes `status` only. */
  updateStatus(resource: Resource, object: ApiObject): ApiObject
  delete(resource: Resource, namespace: string | undefined, name: string): ApiObject
  /** Called synchronously after each write; returns what ends it. */
  subscribe(listener: (event: StoreEvent) => void): () => void
}
