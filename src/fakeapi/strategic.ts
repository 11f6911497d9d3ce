// Strategic merge patch: a merge patch that knows which lists are maps (apimachinery/pkg/util/strategicpatch).

import { badRequest } from './errors.ts'
import { cloneJson, equalJson, isObject, type JsonObject } from './json.ts'
import { indexOfItem, isSetAt, type ListMap, listMapAt } from './listmap.ts'

const setOrder = '$setElementOrder/'
const deleteFrom = '$deleteFromPrimitiveList/'

/** Returns the patched copy. Throws ApiError 400 for a directive or a list item that makes no sense. */
export function applyStrategicPatch(target: JsonObject, patch: JsonObject, path: readonly string[] = []): JsonObject {
  const directive = patch['$patch']
  if (directive === 'replace') return cloneWithoutDirectives(patch)
  if (directive === 'delete') return {}
  if (directive !== undefined && directive !== 'merge') {
    throw badRequest(`unrecognized $patch directive ${JSON.stringify(directive)} at ${path.join('.') || 'the root'}`)
  }
  const result = { ...target }
  retainKeys(result, patch['$retainKeys'])
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue
    const here = [...path, key]
    if (value === null) delete result[key]
    else if (isObject(value)) patchMember(result, key, value, here)
    else if (Array.isArray(value)) result[key] = patchList(result[key], value, here)
    else result[key] = value
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deleteFrom)) deleteScalars(result, key.slice(deleteFrom.length), value)
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(setOrder)) orderList(result, key.slice(setOrder.length), value, path)
  }
  return result
}

function patchMember(result: JsonObject, key: string, value: JsonObject, path: readonly string[]): void {
  if (value['$patch'] === 'delete') delete result[key]
  else result[key] = applyStrategicPatch(isObject(result[key]) ? result[key] : {}, value, path)
}

// A union such as a Deployment's strategy: members that the patch does not retain belong to another branch of it.
function retainKeys(result: JsonObject, retained: unknown): void {
  if (!Array.isArray(retained)) return
  for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key]
}

function patchList(target: unknown, patch: unknown[], path: readonly string[]): unknown[] {
  const current: unknown[] = Array.isArray(target) ? target : []
  if (isSetAt(path)) return [...current, ...patch.filter(item => !current.includes(item))]
  const map = listMapAt(path)
  if (map === undefined || !patch.every(isObject)) return cloneJson(patch)
  if (patch.some(item => item['$patch'] === 'replace')) {
    return patch.filter(item => item['$patch'] !== 'replace').map(item => cloneWithoutDirectives(item))
  }
  const result = [...current]
  for (const item of patch) {
    if (item[map.key] === undefined) {
      throw badRequest(
        `map: ${JSON.stringify(item)} at ${path.join('.')} does not contain declared merge key: ${map.key}`,
      )
    }
    const index = indexOfItem(map, result, item)
    const found = result[index]
    if (item['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1)
    } else if (isObject(found)) {
      result[index] = applyStrategicPatch(found, item, path)
    } else {
      result.push(applyStrategicPatch({}, item, path))
    }
  }
  return result
}

function deleteScalars(result: JsonObject, key: string, value: unknown): void {
  const list = result[key]
  if (Array.isArray(list) && Array.isArray(value)) result[key] = list.filter(item => !value.includes(item))
}

// Items that the order does not name (another client's) keep their place relative to the item before them.
function orderList(result: JsonObject, key: string, order: unknown, path: readonly string[]): void {
  const list: unknown = result[key]
  if (!Array.isArray(list) || !Array.isArray(order)) return
  const map = listMapAt([...path, key])
  const ranks = list.map(item => rankOf(map, order, item))
  let last = -1
  const sorted = list.map((item: unknown, index) => {
    const rank = ranks[index] ?? -1
    if (rank >= 0) last = rank
    return { item, rank: rank >= 0 ? rank : last + 0.5 }
  })
  result[key] = sorted.sort((a, b) => a.rank - b.rank).map(({ item }) => item)
}

function rankOf(map: ListMap | undefined, order: readonly unknown[], item: unknown): number {
  if (map === undefined || !isObject(item)) return order.findIndex(other => equalJson(other, item))
  return order.findIndex(other => {
    if (!isObject(other) || other[map.key] !== item[map.key]) return false
    const { secondKey } = map
    return secondKey === undefined || other[secondKey] === undefined || other[secondKey] === item[secondKey]
  })
}

function cloneWithoutDirectives(value: JsonObject): JsonObject {
  const { $patch: _patch, ...rest } = value
  return cloneJson(rest)
}
