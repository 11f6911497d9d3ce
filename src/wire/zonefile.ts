// Resource records as zone files have them (RFC 1035 section 5.1, RFC 3597 section 5): text to wire form, one record at a time.

import { Class, parseClass, parseType } from './constants.ts'
import type { WireName } from './name.ts'
import { encodeRdata } from './rdata.ts'
import { RecordError, endColumn, readName, readTtl, splitWords } from './word.ts'

export interface ZoneRecord {
  /** In the spelling of the text. */
  readonly owner: WireName
  readonly type: number
  readonly class: number
  readonly ttlSeconds: number
  readonly rdata: Uint8Array
}

/** What a record that does not say it has. */
export interface RecordDefaults {
  /** Stands for `@`, and behind names without a dot at their end; the root by default. */
  readonly origin?: WireName
  /** 3600 by default, as in CoreDNS. */
  readonly ttlSeconds?: number
}

const ROOT = Uint8Array.of(0)
const DEFAULT_TTL_SECONDS = 3600
/**
 * Reads `OWNER [TTL] [CLASS] TYPE RDATA`, TTL and class in either order. Parentheses and comments are as in a zone file; a line that begins
 * with a blank has no owner, and so is none here. Throws RecordError.
 */
export function parseRecord(text: string, defaults: RecordDefaults = {}): ZoneRecord {
  const words = splitWords(text)
  const origin = defaults.origin ?? ROOT
  const [first] = words
  if (!first) throw new RecordError(1, 'no record')
  if (first.column > 1 && /^\s/.test(text)) throw new RecordError(1, 'a record begins with its owner, not with a blank')
  const owner = readName(first, origin)
  let ttlSeconds: number | undefined
  let klass: number | undefined
  for (let i = 1; i < words.length; i++) {
    const word = words[i]
    const upper = word.text.toUpperCase()
    const type = parseType(upper)
    if (type !== undefined && upper !== 'ANY') {
      const rdata = encodeRdata(type, words.slice(i + 1), origin, endColumn(word))
      ttlSeconds ??= defaults.ttlSeconds ?? DEFAULT_TTL_SECONDS
      return { owner, type, class: klass ?? Class.IN, ttlSeconds, rdata }
    }
    const asClass = parseClass(upper)
    if (asClass !== undefined && klass === undefined) klass = asClass
    else if (ttlSeconds === undefined && /^\d/.test(upper)) ttlSeconds = readTtl(word)
    else throw new RecordError(word.column, `'${word.text}' is no type`)
  }
  throw new RecordError(endColumn(words[words.length - 1]), 'no type')
}
