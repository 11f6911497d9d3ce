// JSON Patch (RFC 6902) over JSON Pointer (RFC 6901), and JSON Merge Patch (RFC 7396).

import { badRequest } from './errors.ts'
import { cloneJson, equalJson, isObject, type JsonObject } from './json.ts'
import { ApiError } from './object.ts'

/** Returns the patched copy. Throws ApiError 400 for a patch that is none, 422 for one that does not fit the document. */
export function applyJsonPatch(document: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is an array of operations (RFC 6902)')
  // Under one more member, the whole document is a value like any other, and its pointer is the empty one.
  const root: JsonObject = { document: cloneJson(document) }
  for (const operation of patch) {
    if (!isObject(operation)) throw badRequest('each operation of a JSON patch is an object (RFC 6902)')
    applyOperation(root, operation)
  }
  const result = root['document']
  if (!isObject(result)) throw unprocessable('the patch leaves no object')
  return result
}

function applyOperation(root: JsonObject, operation: JsonObject): void {
  const path = readPointer(operation, 'path')
  switch (operation['op']) {
    case 'add':
      add(root, path, readValue(operation))
      break
    case 'remove':
      remove(root, path)
      break
    case 'replace':
      remove(root, path)
      add(root, path, readValue(operation))
      break
    case 'move': {
      const from = readPointer(operation, 'from')
      if (path.length > from.length && from.every((token, index) => token === path[index])) {
        throw unprocessable('move of a value into itself')
      }
      const moved = read(root, from)
      remove(root, from)
      add(root, path, moved)
      break
    }
    case 'copy':
      add(root, path, cloneJson(read(root, readPointer(operation, 'from'))))
      break
    case 'test':
      if (!equalJson(read(root, path), readValue(operation))) {
        throw unprocessable(`testing value ${formatPointer(path)} failed: test failed`)
      }
      break
    default:
      throw badRequest(`unexpected kind of JSON patch operation: ${JSON.stringify(operation['op'])}`)
  }
}

function readValue(operation: JsonObject): unknown {
  if (operation['value'] === undefined) throw badRequest(`the operation ${String(operation['op'])} needs a value`)
  return cloneJson(operation['value'])
}

function readPointer(operation: JsonObject, member: 'path' | 'from'): string[] {
  const pointer = operation[member]
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) {
    throw badRequest(`"${member}" of a JSON patch operation is a JSON pointer that starts with "/" (RFC 6901)`)
  }
  const tokens = pointer.split('/').slice(1)
  return ['document', ...tokens.map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))]
}

function formatPointer(path: readonly string[]): string {
  return `/${path.slice(1).join('/')}`
}

function unprocessable(message: string): ApiError {
  return new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`)
}

function missing(path: readonly string[]): ApiError {
  return unprocessable(`missing value at ${formatPointer(path)}`)
}

function read(root: JsonObject, path: readonly string[]): unknown {
  let here: unknown = root
  for (const token of path) {
    if (Array.isArray(here)) here = here[indexIn(here, token, path, here.length - 1)]
    else if (isObject(here) && Object.hasOwn(here, token)) here = here[token]
    else throw missing(path)
  }
  return here
}

function indexIn(list: readonly unknown[], token: string, path: readonly string[], max: number): number {
  const index = /^(?:0|[1-9]\d*)$/.test(token) ? Number(token) : -1
  if (index < 0 || index > max) {
    throw unprocessable(`${formatPointer(path)}: "${token}" is no index of a list of ${list.length} items`)
  }
  return index
}

function add(root: JsonObject, path: readonly string[], value: unknown): void {
  const parent = read(root, path.slice(0, -1))
  const token = path.at(-1) ?? ''
  if (Array.isArray(parent)) {
    const index = token === '-' ? parent.length : indexIn(parent, token, path, parent.length)
    parent.splice(index, 0, value)
  } else if (isObject(parent)) {
    parent[token] = value
  } else {
    throw missing(path)
  }
}

function remove(root: JsonObject, path: readonly string[]): void {
  const parent = read(root, path.slice(0, -1))
  const token = path.at(-1) ?? ''
  if (Array.isArray(parent)) parent.splice(indexIn(parent, token, path, parent.length - 1), 1)
  else if (isObject(parent) && Object.hasOwn(parent, token)) delete parent[token]
  else throw missing(path)
}

/** RFC 7396: null removes, objects merge, all else replaces. Returns the patched copy. */
export function applyMergePatch(target: unknown, patch: JsonObject): JsonObject {
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else if (isObject(value)) result[key] = applyMergePatch(result[key], value)
    else result[key] = cloneJson(value)
  }
  return result
}
