import type { ApiObject, ObjectStore, OwnerReference, StoreEvent } from '../object.ts'
import { matchesLabels } from '../shapes.ts'
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

/** Objects of one kind, each in all the groups that `groupsOf` says. */
class ObjectIndex<Kind extends ApiObject> {
  readonly #kind: string
  readonly #groupsOf: (object: Kind) => string[]
  readonly #groups = new Map<string, Map<string, Kind>>()

  constructor(kind: string, groupsOf: (object: Kind) => string[]) {
    this.#kind = kind
    this.#groupsOf = groupsOf
  }

  of(group: string): Kind[] {
    return [...(this.#groups.get(group)?.values() ?? [])]
  }

  apply({ type, resource, object, old }: StoreEvent): void {
    if (resource.kind !== this.#kind) return
    const key = keyOf(object)
    if (old) for (const name of this.#groupsOf(old as Kind)) this.#remove(name, key)
    if (type === 'DELETED') return
    for (const name of this.#groupsOf(object as Kind)) {
      const group = this.#groups.get(name)
      if (group) group.set(key, object as Kind)
      else this.#groups.set(name, new Map([[key, object as Kind]]))
    }
  }

  #remove(name: string, key: string): void {
    const group = this.#groups.get(name)
    group?.delete(key)
    if (group?.size === 0) this.#groups.delete(name)
  }
}

/** What the controllers see: the store, and the groups of objects that they ask for all the time. */
export class View {
  readonly store: ObjectStore
  /** Pods by each of their labels. */
  readonly #podsByLabel = new ObjectIndex<Pod>('Pod', ({ metadata }) =>
    Object.entries(metadata.labels ?? {}).map(label => labelGroup(metadata.namespace, label)),
  )
  /** Services by one label of their selector: a pod that they select has it. */
  readonly #servicesByLabel = new ObjectIndex<Service>('Service', ({ metadata, spec }) =>
    firstLabel(spec.selector).map(label => labelGroup(metadata.namespace, label)),
  )
  readonly #podsByOwner = new ObjectIndex<Pod>('Pod', pod => [ownerGroup(pod)])
  readonly #replicaSetsByOwner = new ObjectIndex<Workload>('ReplicaSet', set => [ownerGroup(set)])
  readonly #slicesByService = new ObjectIndex<EndpointSlice>('EndpointSlice', ({ metadata }) => {
    const service = metadata.labels?.[SERVICE_NAME_LABEL]
    return service === undefined ? [] : [`${metadata.namespace}/${service}`]
  })

  constructor(store: ObjectStore) {
    this.store = store
  }

  apply(event: StoreEvent): void {
    this.#podsByLabel.apply(event)
    this.#servicesByLabel.apply(event)
    this.#podsByOwner.apply(event)
    this.#replicaSetsByOwner.apply(event)
    this.#slicesByService.apply(event)
  }

  podsSelectedBy({ metadata, spec }: Service): Pod[] {
    const selector = spec.selector ?? {}
    const groups = firstLabel(selector).map(label => labelGroup(metadata.namespace, label))
    return groups
      .flatMap(group => this.#podsByLabel.of(group))
      .filter(pod => matchesLabels(selector, pod.metadata.labels))
  }

  servicesThatSelect({ metadata }: Pod): Service[] {
    return Object.entries(metadata.labels ?? {})
      .flatMap(label => this.#servicesByLabel.of(labelGroup(metadata.namespace, label)))
      .filter(({ spec }) => matchesLabels(spec.selector ?? {}, metadata.labels))
  }

  /** Pods that are managed by an owner of this kind and name, and pods of its namespace that nobody manages. */
  podsFor(owner: ApiObject): Pod[] {
    return candidateGroups(owner).flatMap(group => this.#podsByOwner.of(group))
  }

  replicaSetsFor(owner: ApiObject): Workload[] {
    return candidateGroups(owner).flatMap(group => this.#replicaSetsByOwner.of(group))
  }

  /** `key`: the `namespace/name` of the Service that the label of the slices names. */
  slicesOf(key: string): EndpointSlice[] {
    return this.#slicesByService.of(key)
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

function labelGroup(namespace: string | undefined, [key, value]: [string, string]): string {
  return `${namespace}/${key}=${value}`
}

function firstLabel(selector: Record<string, string> | undefined): [string, string][] {
  return Object.entries(selector ?? {}).slice(0, 1)
}

function ownerGroup(object: ApiObject): string {
  const owner = controllerOf(object)
  return `${object.metadata.namespace}/${owner?.kind ?? ''}/${owner?.name ?? ''}`
}

function candidateGroups({ kind, metadata }: ApiObject): string[] {
  return [`${metadata.namespace}/${kind}/${metadata.name}`, `${metadata.namespace}//`]
}
