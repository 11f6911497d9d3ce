// Which lists of the API are maps in disguise, and by which members their items are told apart.
// Source: the patchMergeKey and listMapKey marks in k8s.io/api core/v1, apps/v1 and meta/v1.

import { isObject, type JsonObject } from './json.ts'

export interface ListMap {
  /** The member that names an item. */
  key: string
  /** Told apart by this too, where two items share the key: a Service may have 53/UDP and 53/TCP. */
  secondKey?: string
  secondDefault?: string
}

const listMaps: Readonly<Record<string, ListMap>> = {
  conditions: { key: 'type' },
  containers: { key: 'name' },
  initContainers: { key: 'name' },
  ephemeralContainers: { key: 'name' },
  env: { key: 'name' },
  hostAliases: { key: 'ip' },
  imagePullSecrets: { key: 'name' },
  ownerReferences: { key: 'uid' },
  podIPs: { key: 'ip' },
  topologySpreadConstraints: { key: 'topologyKey' },
  volumes: { key: 'name' },
  volumeDevices: { key: 'devicePath' },
  volumeMounts: { key: 'mountPath' },
}

const containerLists = new Set(['containers', 'initContainers', 'ephemeralContainers'])

/** `path` is members only, from the root of the object; undefined for a list that is replaced as a whole. */
export function listMapAt(path: readonly string[]): ListMap | undefined {
  const field = path.at(-1) ?? ''
  if (field === 'ports') {
    if (containerLists.has(path.at(-2) ?? '')) {
      return { key: 'containerPort', secondKey: 'protocol', secondDefault: 'TCP' }
    }
    // Those of EndpointSlices and of Endpoints are atomic.
    if (path.length === 2 && path[0] === 'spec') return { key: 'port', secondKey: 'protocol', secondDefault: 'TCP' }
    return undefined
  }
  // NodeStatus.addresses is a map by type; the addresses in Endpoints are atomic.
  if (field === 'addresses') return path.length === 2 && path[0] === 'status' ? { key: 'type' } : undefined
  // The conditions of an endpoint are an object, not a list, and never come here.
  return Object.hasOwn(listMaps, field) ? listMaps[field] : undefined
}

/** Lists of scalars that merge as sets. */
export function isSetAt(path: readonly string[]): boolean {
  const field = path.at(-1)
  return (field === 'finalizers' && path.length === 2) || field === 'podCIDRs'
}

/** Where in the list the item is that `wanted` names; -1 when it is not there. */
export function indexOfItem(map: ListMap, list: readonly unknown[], wanted: JsonObject): number {
  const sameKey = list.flatMap((item, index) => (isObject(item) && item[map.key] === wanted[map.key] ? [index] : []))
  const { secondKey } = map
  if (secondKey === undefined) return sameKey[0] ?? -1
  // A patch that does not name the second key means the item of that key, if there is only one.
  if (wanted[secondKey] === undefined && sameKey.length === 1) return sameKey[0] ?? -1
  const second = wanted[secondKey] ?? map.secondDefault
  const exact = sameKey.find(index => {
    const item = list[index]
    return isObject(item) && (item[secondKey] ?? map.secondDefault) === second
  })
  return exact ?? -1
}
