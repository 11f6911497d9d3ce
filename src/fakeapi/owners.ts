// Which objects are owned by which: what the garbage collector of Kubernetes knows.

import type { ApiObject, Resource } from './object.ts'

export interface Dependent {
  resource: Resource
  namespace: string | undefined
  name: string
}

export class Owners {
  /** Owner's uid, then the dependent's uid. */
  readonly #dependents = new Map<string, Map<string, Dependent>>()

  /** Follows one write: `old` and `object` are the dependent before and after. */
  track(resource: Resource, old: ApiObject | undefined, object: ApiObject | undefined): void {
    if (old?.metadata.ownerReferences === object?.metadata.ownerReferences) return
    for (const owner of old?.metadata.ownerReferences ?? []) {
      const owned = this.#dependents.get(owner.uid)
      owned?.delete(old?.metadata.uid ?? '')
      if (owned?.size === 0) this.#dependents.delete(owner.uid)
    }
    if (object === undefined) return
    const { uid = '', namespace, name } = object.metadata
    for (const owner of object.metadata.ownerReferences ?? []) {
      let owned = this.#dependents.get(owner.uid)
      if (owned === undefined) this.#dependents.set(owner.uid, (owned = new Map()))
      owned.set(uid, { resource, namespace, name })
    }
  }

  dependentsOf(uid: string): Dependent[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])]
  }
}
