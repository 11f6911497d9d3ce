// Typed readers of single tokens. Each throws CorefileError `bad_argument` at the token.

import { familyOf } from '../wire/address.ts'
import { type Prefix, parsePrefix } from './cidr.ts'
import { CorefileError } from './error.ts'
import type { Token } from './token.ts'

export interface Range {
  min?: number
  max?: number
}

/** A decimal integer with an optional sign, as Go's strconv.Atoi reads it. */
export function parseInteger(token: Token, range: Range = {}): number {
  const value = /^[+-]?\d{1,15}$/.test(token.text) ? Number(token.text) : Number.NaN
  if (!isWithin(value, range)) throw badValue(token, `an integer${formatRange(range, String)}`)
  return value
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5
  μs: 1e-3, // U+03BC
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/** A duration as Go's time.ParseDuration reads it (`1h30m`, `500ms`, `1.5s`, `0`), in milliseconds; so is the range. */
export function parseDurationMs(token: Token, range: Range = {}): number {
  const value = readDuration(token.text)
  if (!isWithin(value, range)) {
    throw badValue(token, `a duration such as 5s, 500ms or 1h30m${formatRange(range, formatDuration)}`)
  }
  return value
}

function readDuration(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const body = text.replace(/^[+-]/, '')
  if (body === '0') return 0
  let sum = 0
  DURATION_PART.lastIndex = 0
  while (DURATION_PART.lastIndex < body.length) {
    const part = DURATION_PART.exec(body)
    if (part === null) return Number.NaN
    sum += Number(part[1]) * UNIT_MS[part[2]]
  }
  return body === '' ? Number.NaN : sign * sum
}

/** A prefix in CIDR notation; an address alone is a prefix of full length. */
export function parseCidr(token: Token): Prefix {
  const prefix = parsePrefix(token.text)
  if (prefix === undefined) throw badValue(token, 'an IP address or a network such as 10.0.0.0/8 or fd00::/8')
  return prefix
}

export interface Address {
  /** An IP address without brackets, a host name, or '' when only a port is given (`:8080`). */
  host: string
  port: number
}

/** As `readAddress`; throws for what is none. */
export function parseAddress(token: Token, defaultPort?: number): Address {
  const address = readAddress(token.text, defaultPort)
  if (address === undefined) throw badValue(token, 'an address such as 10.0.0.10:53, [fd00::1]:53 or :8080')
  return address
}

/**
 * `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, and, when there is a default for the port, also `HOST` or an address alone.
 * An IPv6 address may carry a scope (`fe80::1%eth0`). Undefined for what is none of them.
 */
export function readAddress(text: string, defaultPort?: number): Address | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (defaultPort !== undefined && (familyOf(bare) === 6 || (bare === text && text !== '' && !text.includes(':')))) {
    return isHost(bare) ? { host: bare, port: defaultPort } : undefined
  }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535 || (match[1] !== undefined && familyOf(match[1]) !== 6)) return undefined
  const host = match[1] ?? match[2] ?? ''
  return host === '' || isHost(host) ? { host, port } : undefined
}

function isHost(text: string): boolean {
  // Digits and dots alone are meant as an IPv4 address, not as a name.
  return familyOf(text) !== 0 || (/^[\w.-]+$/.test(text) && !/^[\d.]+$/.test(text))
}

function badValue(token: Token, expected: string): CorefileError {
  return new CorefileError('bad_argument', token, `bad value '${token.text}'`, expected)
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Range): boolean {
  return value >= min && value <= max
}

function formatRange({ min, max }: Range, format: (value: number) => string): string {
  if (min !== undefined && max !== undefined) return ` from ${format(min)} to ${format(max)}`
  if (min !== undefined) return ` of at least ${format(min)}`
  return max === undefined ? '' : ` of at most ${format(max)}`
}

function formatDuration(ms: number): string {
  for (const [unit, factor] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`
  }
  return ms === 0 ? '0s' : `${ms}ms`
}
