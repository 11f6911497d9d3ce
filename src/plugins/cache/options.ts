// The directive's tokens as options; the same Corefiles as CoreDNS's plugin/cache/setup.go.

import type { Cursor } from '../../corefile/directive.ts'
import { parseZones } from '../../corefile/key.ts'
import type { Token } from '../../corefile/token.ts'
import { parseDurationMs, parseInteger } from '../../corefile/value.ts'
import { MAX_TIMER_MS } from '../duration.ts'

/** What one of the two stores keeps, and for how long. */
export interface Limits {
  /** Entries. */
  capacity: number
  minTtlSeconds: number
  maxTtlSeconds: number
  /** Nothing in these zones is stored. */
  exceptions: string[]
}

export interface PrefetchOptions {
  /** How many queries make a name popular; 0 is off. */
  amount: number
  /** The longest pause between them. */
  durationMs: number
  /** The rest of the TTL below which it is fetched again. */
  percentage: number
}

export interface StaleOptions {
  /** How long after its end an answer may be given; 0 is off. */
  forSeconds: number
  /** Whether the source is asked before a stale answer is given. */
  isVerified: boolean
  /** How long it is waited for then; 0 is as long as it takes. */
  timeoutMs: number
  /** TTL of stale answers. */
  ttlSeconds: number
  /** The pause after a refresh that failed; 0 is none. */
  recheckMs: number
  /** `serve_stale_policy prefer_positive`. */
  prefersPositive: boolean
}

export interface CacheOptions {
  zones: string[]
  success: Limits
  denial: Limits
  /** How long SERVFAIL is kept; 0 is not at all. */
  servfailSeconds: number
  prefetch: PrefetchOptions
  stale: StaleOptions
  /** `keepttl`: TTLs are not counted down. */
  keepsTtl: boolean
}

const DEFAULT_CAPACITY = 9_984
/** CoreDNS has 256 shards of the same size, of at least four entries. */
const SHARDS = 256
const MIN_CAPACITY = 4 * SHARDS
/** What one Map can hold is twice as much. */
const MAX_CAPACITY = 1 << 23
/** RFC 2181 section 8. */
const MAX_TTL_SECONDS = 2 ** 31 - 1
/** RFC 2308 section 7.1 for SERVFAIL, RFC 8767 section 5 for the pause after a refresh that failed. */
const FIVE_MINUTES_MS = 300_000
const HOUR_SECONDS = 3_600
const PROPERTIES = [
  'success',
  'denial',
  'prefetch',
  'serve_stale',
  'serve_stale_policy',
  'servfail',
  'disable',
  'keepttl',
]

export function readOptions(cursor: Cursor, blockZones: readonly string[]): CacheOptions {
  const args = cursor.remainingArgs()
  const ttlSeconds = /^[+-]?\d+$/.test(args[0]?.text ?? '') ? readTtl(args.shift()!) : undefined
  const zones = args.flatMap(parseZones)
  const options: CacheOptions = {
    zones: zones.length > 0 ? zones : [...new Set(blockZones)],
    success: defaultLimits(ttlSeconds ?? HOUR_SECONDS),
    denial: defaultLimits(ttlSeconds ?? HOUR_SECONDS / 2),
    servfailSeconds: 5,
    prefetch: { amount: 0, durationMs: 60_000, percentage: 10 },
    stale: defaultStale(),
    keepsTtl: false,
  }
  let policy: Cursor | undefined
  let hasStale = false
  for (const property of cursor.block()) {
    if (property.name.text === 'serve_stale_policy') {
      if (policy) throw property.error('bad_argument', 'serve_stale_policy is there twice', 'it once', property.name)
      policy = property
    }
    hasStale ||= property.name.text === 'serve_stale'
    readProperty(property, options)
    property.end()
    property.noBlock()
  }
  if (policy && !hasStale) {
    throw policy.error('bad_argument', 'serve_stale_policy without serve_stale', 'serve_stale as well', policy.name)
  }
  return options
}

function readProperty(property: Cursor, options: CacheOptions): void {
  switch (property.name.text) {
    case 'success':
      readLimits(property, options.success)
      break
    case 'denial':
      readLimits(property, options.denial)
      break
    case 'prefetch':
      readPrefetch(property, options.prefetch)
      break
    case 'serve_stale':
      options.stale = { ...readStale(property), prefersPositive: options.stale.prefersPositive }
      break
    case 'serve_stale_policy':
      readKeyword(property, ['prefer_positive'])
      options.stale.prefersPositive = true
      break
    case 'servfail':
      options.servfailSeconds = Math.floor(property.durationMs(0, FIVE_MINUTES_MS) / 1000)
      break
    case 'disable': {
      const limits = readKeyword(property, ['success', 'denial']) === 'success' ? options.success : options.denial
      const zones = property.zones()
      limits.exceptions.push(...(zones.length > 0 ? zones : ['.']))
      break
    }
    case 'keepttl':
      options.keepsTtl = true
      break
    default:
      throw property.unknown(PROPERTIES)
  }
}

function defaultLimits(maxTtlSeconds: number): Limits {
  return { capacity: DEFAULT_CAPACITY, minTtlSeconds: 5, maxTtlSeconds, exceptions: [] }
}

const defaultStale = (): StaleOptions => ({
  forSeconds: 0,
  isVerified: false,
  timeoutMs: 0,
  ttlSeconds: 0,
  recheckMs: 0,
  prefersPositive: false,
})

/** CoreDNS keeps 0 and what is below for later meanings. */
const readTtl = (token: Token): number => parseInteger(token, { min: 1, max: MAX_TTL_SECONDS })

/** `CAPACITY [TTL] [MINTTL]`. */
function readLimits(property: Cursor, limits: Limits): void {
  const capacity = property.integer(0, MAX_CAPACITY)
  limits.capacity = Math.max(Math.floor(capacity / SHARDS) * SHARDS, MIN_CAPACITY)
  const ttl = property.nextArg()
  if (ttl) limits.maxTtlSeconds = readTtl(ttl)
  const minTtl = property.nextArg()
  if (minTtl) limits.minTtlSeconds = parseInteger(minTtl, { min: 0, max: MAX_TTL_SECONDS })
}

/** `AMOUNT [DURATION] [PERCENTAGE%]`. */
function readPrefetch(property: Cursor, prefetch: PrefetchOptions): void {
  prefetch.amount = property.integer(0)
  const duration = property.nextArg()
  if (duration) prefetch.durationMs = parseDurationMs(duration)
  const percentage = property.nextArg()
  if (!percentage) return
  const value = /^\d+%$/.test(percentage.text) ? Number.parseInt(percentage.text) : Number.NaN
  if (!(value >= 10 && value <= 90)) {
    throw property.error('bad_argument', `bad percentage '${percentage.text}'`, '10% to 90%', percentage)
  }
  prefetch.percentage = value
}

/** `[DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]`. */
function readStale(property: Cursor): StaleOptions {
  const stale = { ...defaultStale(), forSeconds: HOUR_SECONDS }
  const duration = property.nextArg()
  if (!duration) return stale
  stale.forSeconds = Math.floor(parseDurationMs(duration, { min: 0 }) / 1000)
  if (property.args.length === 1) return stale
  stale.isVerified = readKeyword(property, ['immediate', 'verify']) === 'verify'
  const timeout = stale.isVerified ? property.nextArg() : undefined
  if (timeout) stale.timeoutMs = parseDurationMs(timeout, { min: 0, max: MAX_TIMER_MS })
  const ttl = property.nextArg()
  if (ttl) stale.ttlSeconds = readStaleTtl(property, ttl)
  const recheck = property.nextArg()
  if (recheck) stale.recheckMs = parseDurationMs(recheck, { min: 0, max: FIVE_MINUTES_MS })
  return stale
}

function readStaleTtl(property: Cursor, token: Token): number {
  const seconds = parseDurationMs(token, { min: 0, max: (2 ** 32 - 1) * 1000 }) / 1000
  if (!Number.isInteger(seconds)) {
    throw property.error('bad_argument', `bad TTL '${token.text}'`, 'whole seconds such as 30s', token)
  }
  return seconds
}

/** One of a few words, in any case. */
function readKeyword(property: Cursor, words: readonly string[]): string {
  const token = property.requireArg(words.join(' or '))
  const word = token.text.toLowerCase()
  if (words.includes(word)) return word
  throw property.error('bad_argument', `'${token.text}' is not known here`, words.join(' or '), token)
}
