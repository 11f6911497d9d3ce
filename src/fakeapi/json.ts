// Plain JSON values: copy, compare, freeze, look up.

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function cloneJson<T>(value: T): T {
  return clone(value) as T
}

function clone(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(clone)
  const copy: JsonObject = {}
  for (const key in value) {
    // Assigning this key would change the prototype of the copy.
    if (key === '__proto__') continue
    const member = (value as JsonObject)[key]
    if (member !== undefined) copy[key] = clone(member)
  }
  return copy
}

/** Equal as JSON: the order of keys does not count, and a member that is undefined is absent. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]))
  }
  if (Array.isArray(b)) return false
  const left = a as JsonObject
  const right = b as JsonObject
  for (const key in left) if (!equalJson(left[key], right[key])) return false
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false
  return true
}

/** Freezes the whole tree in place. A branch that is frozen already is taken to be frozen to its leaves. */
export function freezeJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) freezeJson(member)
  return Object.freeze(value)
}

/** The value at a path of object members, or undefined where the path leaves the tree. */
export function readPath(value: unknown, ...path: readonly string[]): unknown {
  let here: unknown = value
  for (const key of path) {
    if (!isObject(here)) return undefined
    here = here[key]
  }
  return here
}

export function readString(value: unknown, ...path: readonly string[]): string | undefined {
  const found = readPath(value, ...path)
  return typeof found === 'string' ? found : undefined
}

export function readNumber(value: unknown, ...path: readonly string[]): number | undefined {
  const found = readPath(value, ...path)
  return typeof found === 'number' ? found : undefined
}

/** The objects of the array at the path; empty where there is none. */
export function readObjects(value: unknown, ...path: readonly string[]): JsonObject[] {
  const found = readPath(value, ...path)
  return Array.isArray(found) ? found.filter(isObject) : []
}

/** The strings of the array at the path; empty where there is none. */
export function readStrings(value: unknown, ...path: readonly string[]): string[] {
  const found = readPath(value, ...path)
  return Array.isArray(found) ? found.filter(item => typeof item === 'string') : []
}
