// The objects of one resource, by namespace and name, listed in the order of etcd's keys.

import type { ApiObject } from './object.ts'

/** Orders as etcd does, whose keys end in `NAMESPACE/NAME`. */
export function keyOf(object: ApiObject): string {
  const { namespace, name } = object.metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}

export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

interface Space {
  objects: Map<string, ApiObject>
  /** Sorted; undefined since a name came or went. */
  names: string[] | undefined
}

export class Bucket {
  readonly #spaces = new Map<string, Space>()

  get(namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#spaces.get(namespace ?? '')?.objects.get(name)
  }

  set(object: ApiObject): void {
    const namespace = object.metadata.namespace ?? ''
    let space = this.#spaces.get(namespace)
    if (space === undefined) {
      space = { objects: new Map(), names: undefined }
      this.#spaces.set(namespace, space)
    }
    if (!space.objects.has(object.metadata.name)) space.names = undefined
    space.objects.set(object.metadata.name, object)
  }

  remove(object: ApiObject): void {
    const namespace = object.metadata.namespace ?? ''
    const space = this.#spaces.get(namespace)
    if (space === undefined) return
    space.objects.delete(object.metadata.name)
    space.names = undefined
    if (space.objects.size === 0) this.#spaces.delete(namespace)
  }

  hasNamespace(namespace: string): boolean {
    return this.#spaces.has(namespace)
  }

  /** All namespaces when none is named. */
  list(namespace?: string): ApiObject[] {
    if (namespace !== undefined) return listSpace(this.#spaces.get(namespace))
    const namespaces = [...this.#spaces.keys()].sort((a, b) => compareKeys(`${a}/`, `${b}/`))
    return namespaces.flatMap(key => listSpace(this.#spaces.get(key)))
  }
}

function listSpace(space: Space | undefined): ApiObject[] {
  if (space === undefined) return []
  const { objects } = space
  space.names ??= [...objects.keys()].sort(compareKeys)
  return space.names.map(name => objects.get(name)).filter(object => object !== undefined)
}
