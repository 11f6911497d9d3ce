// Server-side apply (KEP-555), without managedFields: what a manager applied last is remembered here, so that a field it
// leaves out the next time goes away. There are no conflicts between managers: the last one to write wins, as with force.

import { cloneJson, equalJson, isObject, type JsonObject } from './json.ts'
import { indexOfItem, listMapAt } from './listmap.ts'
import type { ApiObject } from './object.ts'

export class Appliers {
  /** By uid, then by field manager. */
  readonly #applied = new Map<string, Map<string, JsonObject>>()

  /** The object after `manager` applied `wanted` to it. */
  merge(current: ApiObject, manager: string, wanted: JsonObject): ApiObject {
    const last = this.#applied.get(current.metadata.uid ?? '')?.get(manager) ?? lastClientApplied(current, manager)
    const pruned = prune(current, last, wanted, [])
    const merged = mergeApplied(pruned, wanted, [])
    return { ...(merged as unknown as ApiObject) }
  }

  remember(object: ApiObject, manager: string, wanted: JsonObject): void {
    const uid = object.metadata.uid ?? ''
    let managers = this.#applied.get(uid)
    if (managers === undefined) this.#applied.set(uid, (managers = new Map()))
    managers.set(manager, cloneJson(wanted))
  }

  forget(uid: string): void {
    this.#applied.delete(uid)
  }
}

// kubectl that goes over from client-side to server-side apply takes its fields along (KEP-2155).
function lastClientApplied({ metadata }: ApiObject, manager: string): JsonObject {
  const text = metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']
  if (text === undefined || manager !== 'kubectl') return {}
  try {
    const config: unknown = JSON.parse(text)
    return isObject(config) ? config : {}
  } catch {
    return {}
  }
}

// Takes off what the manager had applied and does not want any more, unless someone changed it since.
function prune(current: JsonObject, last: JsonObject, wanted: JsonObject, path: readonly string[]): JsonObject {
  const result = { ...current }
  for (const [key, lastValue] of Object.entries(last)) {
    const here = [...path, key]
    const currentValue = result[key]
    const wantedValue = wanted[key]
    if (isObject(lastValue) && isObject(currentValue)) {
      const left = prune(currentValue, lastValue, isObject(wantedValue) ? wantedValue : {}, here)
      if (wantedValue === undefined && Object.keys(left).length === 0) delete result[key]
      else result[key] = left
    } else if (Array.isArray(lastValue) && Array.isArray(currentValue) && listMapAt(here) !== undefined) {
      result[key] = pruneList(currentValue, lastValue, Array.isArray(wantedValue) ? wantedValue : [], here)
    } else if (wantedValue === undefined && equalJson(lastValue, currentValue)) {
      delete result[key]
    }
  }
  return result
}

function pruneList(current: unknown[], last: unknown[], wanted: unknown[], path: readonly string[]): unknown[] {
  const map = listMapAt(path)
  if (map === undefined) return current
  return current.flatMap(item => {
    if (!isObject(item)) return [item]
    const lastItem = last[indexOfItem(map, last, item)]
    if (!isObject(lastItem)) return [item]
    const wantedItem = wanted[indexOfItem(map, wanted, item)]
    return isObject(wantedItem) ? [prune(item, lastItem, wantedItem, path)] : []
  })
}

function mergeApplied(current: JsonObject, wanted: JsonObject, path: readonly string[]): JsonObject {
  const result = { ...current }
  for (const [key, value] of Object.entries(wanted)) {
    const here = [...path, key]
    const currentValue = result[key]
    const map = listMapAt(here)
    if (isObject(value)) {
      result[key] = mergeApplied(isObject(currentValue) ? currentValue : {}, value, here)
    } else if (Array.isArray(value) && Array.isArray(currentValue) && map !== undefined) {
      const list = [...currentValue]
      for (const item of value.filter(isObject)) {
        const index = indexOfItem(map, list, item)
        const found: unknown = list[index]
        if (isObject(found)) list[index] = mergeApplied(found, item, here)
        else list.push(cloneJson(item))
      }
      result[key] = list
    } else if (value === null) {
      delete result[key]
    } else {
      result[key] = cloneJson(value)
    }
  }
  return result
}
