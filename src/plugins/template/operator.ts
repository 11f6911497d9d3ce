// Operators of expressions, and the functions that ask something of each element of a list.

import { type ExprType, type ExprValue, ExpressionError, bounded } from './library.ts'

/** One with two sides. */
export interface Operator {
  readonly precedence: number
  readonly isRight?: boolean
  /** Of both sides; any when absent. */
  readonly takes?: ExprType
  readonly returns: ExprType
  readonly of?: (a: never, b: never) => ExprValue
}

const scalar = (value: ExprValue): ExprValue => {
  if (typeof value === 'object') throw new ExpressionError('lists are not compared')
  return value
}
const compare = (of: (a: number | string, b: number | string) => boolean): Operator => ({
  precedence: 20,
  returns: 'bool',
  of: (a: ExprValue, b: ExprValue) => {
    const isOrdered = typeof a === 'number' || typeof a === 'string'
    if (!isOrdered || typeof a !== typeof b) throw new ExpressionError('only two numbers or two texts are ordered')
    return of(a, b as typeof a)
  },
})
const test = (of: (a: string, b: string) => boolean): Operator => ({
  precedence: 20,
  takes: 'string',
  returns: 'bool',
  of,
})
const reckon = (precedence: number, of: (a: number, b: number) => number, isRight = false): Operator => ({
  precedence,
  isRight,
  takes: 'number',
  returns: 'number',
  of,
})
const power = reckon(100, (a, b) => a ** b, true)

/** By their signs and words. Those without `of` look at a side only if they have to, or at the text of the pattern. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  or: { precedence: 10, takes: 'bool', returns: 'bool' },
  and: { precedence: 15, takes: 'bool', returns: 'bool' },
  '==': { precedence: 20, returns: 'bool', of: (a: ExprValue, b: ExprValue) => scalar(a) === scalar(b) },
  '!=': { precedence: 20, returns: 'bool', of: (a: ExprValue, b: ExprValue) => scalar(a) !== scalar(b) },
  '<': compare((a, b) => a < b),
  '<=': compare((a, b) => a <= b),
  '>': compare((a, b) => a > b),
  '>=': compare((a, b) => a >= b),
  in: { precedence: 20, returns: 'bool', of: isIn },
  matches: { precedence: 20, takes: 'string', returns: 'bool' },
  contains: test((a, b) => a.includes(b)),
  startsWith: test((a, b) => a.startsWith(b)),
  endsWith: test((a, b) => a.endsWith(b)),
  '..': { precedence: 25, takes: 'number', returns: 'array', of: range },
  '+': {
    precedence: 30,
    returns: 'any',
    of: (a: ExprValue, b: ExprValue) => {
      if (typeof a === 'number' && typeof b === 'number') return a + b
      if (typeof a === 'string' && typeof b === 'string') return bounded(a + b)
      throw new ExpressionError('+ takes two numbers or two texts')
    },
  },
  '-': reckon(30, (a, b) => a - b),
  '*': reckon(60, (a, b) => a * b),
  '/': reckon(60, (a, b) => a / b),
  '%': reckon(60, (a, b) => {
    if (!Number.isInteger(a) || !Number.isInteger(b) || b === 0) throw new ExpressionError(`${a} % ${b}`)
    return a % b
  }),
  '**': power,
  '^': power,
  '??': { precedence: 500, returns: 'any' },
}
export const ALIASES: Readonly<Record<string, string>> = { '||': 'or', '&&': 'and' }
export const UNARY = { not: 50, sign: 90 } as const

function isIn(value: ExprValue, list: ExprValue): boolean {
  if (Array.isArray(list)) return list.includes(scalar(value))
  if (list instanceof Map) return typeof value === 'string' && list.has(value)
  throw new ExpressionError('in takes a list or a map')
}

function range(from: number, to: number): number[] {
  if (!Number.isInteger(from) || !Number.isInteger(to)) throw new ExpressionError(`${from}..${to}`)
  if (to - from >= 4096) throw new ExpressionError('a range becomes too long')
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
}

/** Functions of a list and a predicate, in which `#` is the element. `ask` asks it of one. */
export interface Predicate {
  readonly returns: ExprType
  /** Whether the predicate is a condition. */
  readonly isCondition: boolean
  readonly of: (values: readonly ExprValue[], ask: (value: ExprValue) => ExprValue) => ExprValue
}

export const PREDICATES: Readonly<Record<string, Predicate>> = {
  all: { returns: 'bool', isCondition: true, of: (values, ask) => values.every(value => ask(value) === true) },
  any: { returns: 'bool', isCondition: true, of: (values, ask) => values.some(value => ask(value) === true) },
  none: { returns: 'bool', isCondition: true, of: (values, ask) => !values.some(value => ask(value) === true) },
  one: {
    returns: 'bool',
    isCondition: true,
    of: (values, ask) => values.filter(value => ask(value) === true).length === 1,
  },
  filter: { returns: 'array', isCondition: true, of: (values, ask) => values.filter(value => ask(value) === true) },
  count: {
    returns: 'number',
    isCondition: true,
    of: (values, ask) => values.filter(value => ask(value) === true).length,
  },
  find: { returns: 'any', isCondition: true, of: (values, ask) => values.find(value => ask(value) === true) },
  map: { returns: 'array', isCondition: false, of: (values, ask) => values.map(ask) },
}
