/**
 * Reads of JSON that may be anything: what has not the type that is asked for is as if it were absent. Nothing here
 * throws.
 */
export type JsonObject = { readonly [field: string]: unknown }

const EMPTY_OBJECT: JsonObject = Object.freeze({})
const EMPTY_ARRAY: readonly never[] = Object.freeze([])

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : EMPTY_OBJECT
}

export function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The strings of an array, without empty ones. */
export function stringsOf(value: unknown): readonly string[] {
  return frozenArray(value, element => (typeof element === 'string' && element !== '' ? element : undefined))
}

/**
 * What `convert` makes of each element, those left out for which it makes undefined. One shared array when none is
 * left.
 */
export function frozenArray<T>(value: unknown, convert: (element: unknown) => T | undefined): readonly T[] {
  if (!Array.isArray(value)) return EMPTY_ARRAY
  const made: T[] = []
  for (const element of value as unknown[]) {
    const one = convert(element)
    if (one !== undefined) made.push(one)
  }
  // The copy has room for just its elements; an array that grew has it for 16 more, 128 octets for each endpoint.
  return made.length === 0 ? EMPTY_ARRAY : Object.freeze(made.slice())
}

/** Milliseconds since 1970 of an RFC 3339 time; NaN when there is none. */
export function timeMsOf(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN
}
