// Values of expressions, and the functions of the expr language (expr-lang.org/docs/language-definition) that are there for them.

/** Numbers are whole or not; undefined is `nil`. */
export type ExprValue = string | number | boolean | undefined | readonly ExprValue[] | ReadonlyMap<string, ExprValue>

/** What is known of a value before it is there. */
export type ExprType = 'string' | 'number' | 'bool' | 'array' | 'map' | 'nil' | 'any'

/** Why an expression has no value for this question. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
}

/** `C` is what the functions are asked about. */
export interface ExprFunction<C> {
  /** Types of the arguments; the last `optional` may be left out. */
  readonly args: readonly ExprType[]
  readonly optional?: number
  readonly returns: ExprType
  /** Arguments have the types that are said. */
  call(args: readonly ExprValue[], context: C): ExprValue
}

export function typeOf(value: ExprValue): ExprType {
  if (value === undefined) return 'nil'
  if (Array.isArray(value)) return 'array'
  if (value instanceof Map) return 'map'
  return typeof value === 'boolean' ? 'bool' : (typeof value as 'string' | 'number')
}

interface ValueOf {
  string: string
  number: number
  bool: boolean
  array: readonly ExprValue[]
  map: ReadonlyMap<string, ExprValue>
  nil: undefined
  any: ExprValue
}

/** Throws ExpressionError for a value of another type. */
export function requireValue<T extends ExprType>(value: ExprValue, type: T): ValueOf[T] {
  if (type === 'any' || typeOf(value) === type) return value as ValueOf[T]
  throw new ExpressionError(`a ${typeOf(value)} in place of a ${type}`)
}

/** Characters of the longest text that an expression makes: names have 255 octets. */
const MAX_TEXT = 65_536
/** Elements of its longest list. */
const MAX_ELEMENTS = 4_096

/** Throws ExpressionError for what is longer than anything should be. */
export function bounded<T extends string | readonly ExprValue[]>(value: T): T {
  if (value.length <= (typeof value === 'string' ? MAX_TEXT : MAX_ELEMENTS)) return value
  throw new ExpressionError('a text or a list becomes too long')
}

export function print(value: ExprValue): string {
  if (value === undefined) return '<nil>'
  if (typeof value !== 'object') return String(value)
  if (!(value instanceof Map)) return `[${join(value as readonly ExprValue[], ' ')}]`
  const entries: [string, ExprValue][] = [...value]
  return `map[${join(
    entries.map(([key, inner]) => `${key}:${print(inner)}`),
    ' ',
  )}]`
}

/** Looks at the length after each element: lists within lists may share what they hold. */
const join = (values: readonly ExprValue[], separator: string): string =>
  values.reduce<string>((text, value, i) => bounded(text + (i > 0 ? separator : '') + print(value)), '')

type Body = (...args: never[]) => ExprValue

const define = (args: readonly ExprType[], returns: ExprType, body: Body, optional = 0): ExprFunction<unknown> => ({
  args,
  returns,
  optional,
  call: values => (body as (...args: readonly ExprValue[]) => ExprValue)(...values),
})

/** `max(list)`, `max(a, b)`. */
const listed = (a: ExprValue, b: ExprValue): readonly ExprValue[] =>
  Array.isArray(a) ? a : b === undefined ? [a] : [a, b]

const text = (body: (text: string) => string): ExprFunction<unknown> => define(['string'], 'string', body)
const number = (body: (value: number) => number): ExprFunction<unknown> => define(['number'], 'number', body)

function toNumber(value: ExprValue): number {
  const result = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof result === 'number' && !Number.isNaN(result)) return result
  throw new ExpressionError(`${print(value)} is no number`)
}

function toInteger(value: ExprValue): number {
  if (typeof value === 'string' && !/^[-+]?\d+$/.test(value)) throw new ExpressionError(`${value} is no whole number`)
  return Math.trunc(toNumber(value))
}

function numbers(values: readonly ExprValue[]): number[] {
  return values.map(value => {
    if (typeof value === 'number') return value
    throw new ExpressionError(`${print(value)} is no number`)
  })
}

function replace(value: string, from: string, to: string): string {
  const count = value.split(from).length - 1
  if (value.length + count * (to.length - from.length) > MAX_TEXT) throw new ExpressionError('replace makes too much')
  return value.replaceAll(from, () => to)
}

export const LIBRARY: Readonly<Record<string, ExprFunction<unknown>>> = {
  len: define(['any'], 'number', (value: ExprValue) => {
    if (typeof value === 'string') return Array.from(value).length
    if (Array.isArray(value)) return value.length
    if (value instanceof Map) return value.size
    throw new ExpressionError(`len of ${print(value)}`)
  }),
  lower: text(value => value.toLowerCase()),
  upper: text(value => value.toUpperCase()),
  trim: define(['string', 'string'], 'string', (value: string, signs?: string) => trimSigns(value, signs), 1),
  trimPrefix: define(['string', 'string'], 'string', (value: string, start: string) =>
    value.startsWith(start) ? value.slice(start.length) : value,
  ),
  trimSuffix: define(['string', 'string'], 'string', (value: string, end: string) =>
    end !== '' && value.endsWith(end) ? value.slice(0, -end.length) : value,
  ),
  hasPrefix: define(['string', 'string'], 'bool', (value: string, start: string) => value.startsWith(start)),
  hasSuffix: define(['string', 'string'], 'bool', (value: string, end: string) => value.endsWith(end)),
  indexOf: define(['string', 'string'], 'number', (value: string, part: string) => value.indexOf(part)),
  lastIndexOf: define(['string', 'string'], 'number', (value: string, part: string) => value.lastIndexOf(part)),
  replace: define(['string', 'string', 'string'], 'string', replace),
  repeat: define(['string', 'number'], 'string', (value: string, count: number) => {
    if (!(count >= 0) || value.length * count > MAX_TEXT) throw new ExpressionError(`repeat ${count} times`)
    return value.repeat(count)
  }),
  split: define(['string', 'string'], 'array', (value: string, separator: string) => bounded(value.split(separator))),
  join: define(
    ['array', 'string'],
    'string',
    (values: readonly ExprValue[], separator = '') => join(values, separator),
    1,
  ),
  first: define(['array'], 'any', (values: readonly ExprValue[]) => values[0]),
  last: define(['array'], 'any', (values: readonly ExprValue[]) => values.at(-1)),
  reverse: define(['array'], 'array', (values: readonly ExprValue[]) => values.toReversed()),
  keys: define(['map'], 'array', (value: ReadonlyMap<string, ExprValue>) => [...value.keys()]),
  values: define(['map'], 'array', (value: ReadonlyMap<string, ExprValue>) => [...value.values()]),
  sum: define(['array'], 'number', (values: readonly ExprValue[]) =>
    numbers(values).reduce((sum, value) => sum + value, 0),
  ),
  max: define(['any', 'any'], 'number', (a: ExprValue, b?: ExprValue) => Math.max(...numbers(listed(a, b))), 1),
  min: define(['any', 'any'], 'number', (a: ExprValue, b?: ExprValue) => Math.min(...numbers(listed(a, b))), 1),
  abs: number(Math.abs),
  ceil: number(Math.ceil),
  floor: number(Math.floor),
  round: number(value => Math.sign(value) * Math.round(Math.abs(value))),
  int: define(['any'], 'number', toInteger),
  float: define(['any'], 'number', toNumber),
  string: define(['any'], 'string', print),
}

function trimSigns(value: string, signs?: string): string {
  if (signs === undefined) return value.trim()
  let from = 0
  let to = value.length
  while (from < to && signs.includes(value[from])) from++
  while (to > from && signs.includes(value[to - 1])) to--
  return value.slice(from, to)
}
