// Values of Go's text/template, as far as questions and answers need them, and the functions on them (pkg.go.dev/text/template, strconv).

/** Integers are bigint, so that strings and numbers are told apart; undefined is Go's "no value". */
export type Value = string | bigint | boolean | undefined | readonly string[] | ReadonlyMap<string, string>

/** Why a template cannot be executed for this question. */
class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

export type TemplateFunction = (...args: readonly Value[]) => Value

export function printValue(value: Value): string {
  if (value === undefined) return '<no value>'
  if (isList(value)) return `[${value.join(' ')}]`
  if (isMap(value)) {
    const sorted = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
    return `map[${sorted.map(([key, text]) => `${key}:${text}`).join(' ')}]`
  }
  return String(value)
}

/** False, 0, nothing, and what is empty are false. */
export function isTrue(value: Value): boolean {
  if (isMap(value)) return value.size > 0
  return isList(value) ? value.length > 0 : Boolean(value)
}

const isMap = (value: Value): value is ReadonlyMap<string, string> => value instanceof Map
const isList = (value: Value): value is readonly string[] => Array.isArray(value)

const MAX_BITS = 64n
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'

/** Go's strconv.ParseUint: the text of a number, its base (0: as its prefix says), and how many bits it may have. */
function parseUint(text: Value, base: Value, bits: Value): bigint {
  if (typeof text !== 'string' || typeof base !== 'bigint' || typeof bits !== 'bigint') {
    throw new TemplateError('parseInt takes a text, a base and a number of bits')
  }
  const refuse = (why: string): TemplateError => new TemplateError(`parsing ${JSON.stringify(text)}: ${why}`)
  let digits = text.toLowerCase()
  let radix = base
  if (base === 0n) {
    const prefix = /^0([xob]?)(?=.)/.exec(digits)
    radix = prefix ? ({ x: 16n, b: 2n }[prefix[1]] ?? 8n) : 10n
    digits = digits.slice(prefix?.[0].length ?? 0).replaceAll('_', '')
  }
  if (radix < 2n || radix > 36n) throw refuse(`invalid base ${base}`)
  if (bits < 0n || bits > MAX_BITS) throw refuse(`invalid bit size ${bits}`)
  if (digits === '') throw refuse('invalid syntax')
  let value = 0n
  for (const digit of digits) {
    const number = BigInt(DIGITS.indexOf(digit))
    if (number < 0n || number >= radix) throw refuse('invalid syntax')
    value = value * radix + number
    if (value >= 1n << (bits || MAX_BITS)) throw refuse('value out of range')
  }
  return value
}

function index(value: Value, ...keys: readonly Value[]): Value {
  let found = value
  for (const key of keys) {
    if (isMap(found) && typeof key === 'string') found = found.get(key) ?? ''
    else if (isList(found) && typeof key === 'bigint') {
      if (key < 0n || key >= BigInt(found.length)) throw new TemplateError(`index out of range: ${key}`)
      found = found[Number(key)]
    } else throw new TemplateError('index takes .Match with a number, or .Group with a name')
  }
  return found
}

function count(value: Value): bigint {
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value))
  if (isMap(value)) return BigInt(value.size)
  if (isList(value)) return BigInt(value.length)
  throw new TemplateError(`len of ${printValue(value)}`)
}

function slice(value: Value, from: Value = 0n, to?: Value): Value {
  if (typeof value !== 'string' || typeof from !== 'bigint' || (to !== undefined && typeof to !== 'bigint')) {
    throw new TemplateError('slice takes a text and one or two numbers')
  }
  const end = to ?? BigInt(value.length)
  if (from < 0n || end > BigInt(value.length) || from > end) throw new TemplateError('index out of range')
  return value.slice(Number(from), Number(end))
}

/** Basic values of one kind, as Go compares them. */
function compare(a: Value, b: Value): number {
  const isBasic = typeof a === 'string' || typeof a === 'bigint' || typeof a === 'boolean'
  if (!isBasic || typeof a !== typeof b) throw new TemplateError('incompatible types for comparison')
  if (a === b) return 0
  return a < (b as typeof a) ? -1 : 1
}

const VERB = /%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g

function printf(format: Value, ...args: readonly Value[]): string {
  if (typeof format !== 'string') throw new TemplateError('printf takes a format first')
  let next = 0
  return format.replace(VERB, (_, flags: string, width = '0', precision: string | undefined, verb: string) => {
    if (verb === '%') return '%'
    if (next >= args.length) return `%!${verb}(MISSING)`
    const text = formatVerb(args[next++], verb, flags, precision)
    if (flags.includes('-')) return text.padEnd(Number(width))
    const isPadded = flags.includes('0') && 'dxXob'.includes(verb)
    return text.padStart(Number(width), isPadded ? '0' : ' ')
  })
}

function formatVerb(value: Value, verb: string, flags: string, precision: string | undefined): string {
  if (verb === 'v') return printValue(value)
  if (typeof value === 'string') {
    const text = precision === undefined ? value : value.slice(0, Number(precision))
    if (verb === 's') return text
    if (verb === 'q') return JSON.stringify(text)
    if (verb === 'x') return Buffer.from(text).toString('hex')
    if (verb === 'X') return Buffer.from(text).toString('hex').toUpperCase()
  }
  if (typeof value === 'bigint') {
    const radix = { d: 10, x: 16, X: 16, o: 8, b: 2 }[verb]
    const prefix = flags.includes('#') && radix === 16 ? `0${verb}` : ''
    if (radix) return prefix + (verb === 'X' ? value.toString(radix).toUpperCase() : value.toString(radix))
  }
  if (typeof value === 'boolean' && verb === 't') return String(value)
  throw new TemplateError(`printf: %${verb} of ${printValue(value)}`)
}

/** Spaces between operands when neither is a string, as Go's Sprint. */
function print(...args: readonly Value[]): string {
  return args.reduce<string>((text, arg, i) => {
    const isApart = i > 0 && typeof arg !== 'string' && typeof args[i - 1] !== 'string'
    return text + (isApart ? ' ' : '') + printValue(arg)
  }, '')
}

/** By their names in templates. */
export const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  parseInt: parseUint,
  index,
  len: count,
  slice,
  printf,
  print,
  println: (...args) => `${args.map(printValue).join(' ')}\n`,
  eq: (a, ...others) => others.some(other => compare(a, other) === 0),
  ne: (a, b) => compare(a, b) !== 0,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  and: (...args) => args.find(arg => !isTrue(arg)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  not: value => !isTrue(value),
}
