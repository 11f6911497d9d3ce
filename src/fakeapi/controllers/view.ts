import type { ApiObject, ObjectStore, OwnerReference, StoreEvent } from '../object.ts'
import type { EndpointSlice, Pod, Service, Workload } from '../shapes.ts'

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

export function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** The owner that an object is managed by, if any. */
export function controllerOf({ metadata }: ApiObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(reference => reference.controller === true)
}

/** Objects of one kind, grouped by what `groupOf` says of them; those of which it says nothing are left out. */
export class ObjectIndex<Kind extends ApiObject> {
  readonly #kind: string
  readonly #groupOf: (object: Kind) => string | undefined
  readonly #groups = new Map<string, Map<string, Kind>>()

  constructor(kind: string, groupOf: (object: Kind) => string | undefined) {
    this.#kind = kind
    this.#groupOf = groupOf
  }

  of(group: string | undefined): Kind[] {
    return [...(this.#groups.get(group ?? '')?.values() ?? [])]
  }

  apply({ type, resource, object, old }: StoreEvent): void {
    if (resource.kind !== this.#kind) return
    const before = old && this.#groupOf(old as Kind)
    const after = type === 'DELETED' ? undefined : this.#groupOf(object as Kind)
    const key = keyOf(object)
    if (before !== undefined && before !== after) this.#remove(before, key)
    if (type === 'DELETED') this.#remove(this.#groupOf(object as Kind), key)
    if (after === undefined) return
    const group = this.#groups.get(after)
    if (group) group.set(key, object as Kind)
    else this.#groups.set(after, new Map([[key, object as Kind]]))
  }

  #remove(name: string | undefined, key: string): void {
    const group = this.#groups.get(name ?? '')
    group?.delete(key)
    if (group?.size === 0) this.#groups.delete(name ?? '')
  }
}

/** What the controllers see: the store, and the groups of objects that they ask for all the time. */
export class View {
  readonly store: ObjectStore
  readonly pods = new ObjectIndex<Pod>('Pod', pod => pod.metadata.namespace)
  readonly podsOfOwner = new ObjectIndex<Pod>('Pod', pod => controllerOf(pod)?.uid)
  readonly services = new ObjectIndex<Service>('Service', service => service.metadata.namespace)
  readonly replicaSets = new ObjectIndex<Workload>('ReplicaSet', set => set.metadata.namespace)
  /** By the `namespace/name` of the Service that their label names. */
  readonly slices = new ObjectIndex<EndpointSlice>('EndpointSlice', ({ metadata }) => {
    const service = metadata.labels?.[SERVICE_NAME_LABEL]
    return service === undefined ? undefined : `${metadata.namespace}/${service}`
  })

  constructor(store: ObjectStore) {
    this.store = store
  }

  apply(event: StoreEvent): void {
    for (const index of [this.pods, this.podsOfOwner, this.services, this.replicaSets, this.slices]) index.apply(event)
  }

  get(kind: string, key: string): ApiObject | undefined {
    const { namespace, name } = splitKey(key)
    return this.store.get(this.store.resource(kind), namespace, name)
  }

  create(object: ApiObject): ApiObject {
    return this.store.create(this.store.resource(object.kind), object)
  }

  update(object: ApiObject): ApiObject {
    return this.store.update(this.store.resource(object.kind), object)
  }

  updateStatus(object: ApiObject): ApiObject {
    return this.store.updateStatus(this.store.resource(object.kind), object)
  }

  delete({ kind, metadata }: ApiObject): void {
    this.store.delete(this.store.resource(kind), metadata.namespace, metadata.name)
  }
}
