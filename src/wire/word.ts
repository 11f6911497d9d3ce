// The words that records in zone files are made of (RFC 1035 section 5.1), and what any of them may be.

import { MAX_NAME_LENGTH } from './constants.ts'
import { type WireName, parseName } from './name.ts'

/** Why a text is no record, and where: `column 12: 'x' is no address`. */
export class RecordError extends Error {
  override readonly name = 'RecordError'

  /** `column` counts from 1. */
  constructor(column: number, what: string) {
    super(`column ${column}: ${what}`)
  }
}

/** A word of a record, escapes and all. */
export interface Word {
  readonly text: string
  /** Where it begins, counted from 1. */
  readonly column: number
  /** Written in quotes, which are not part of the text. */
  readonly isQuoted: boolean
  /** Nothing is between it and the word before. */
  readonly isGlued: boolean
}

/** RFC 2181 section 8. */
const MAX_TTL_SECONDS = 2 ** 31 - 1
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

export const endColumn = ({ text, column, isQuoted }: Word): number => column + text.length + (isQuoted ? 2 : 0)

/** Words, without comments and parentheses: those only let a record go on in the next line. */
export function splitWords(text: string): Word[] {
  const words: Word[] = []
  const word = /"((?:[^"\\]|\\[^])*)"|((?:[^\s"();\\]|\\[^])+)|([()])|;[^\n]*|\s+|[^]/g
  let depth = 0
  let end = -1
  for (const match of text.matchAll(word)) {
    const [whole, quoted, plain, brace] = match
    const column = match.index + 1
    if (brace !== undefined) {
      depth += brace === '(' ? 1 : -1
      if (depth < 0) throw new RecordError(column, "')' without '('")
    } else if (quoted !== undefined || plain !== undefined) {
      words.push({ text: quoted ?? plain, column, isQuoted: quoted !== undefined, isGlued: end === match.index })
      end = match.index + whole.length
    } else if (whole === '"') throw new RecordError(column, 'a quote without its end')
    else if (whole === '\\') throw new RecordError(column, 'nothing after the backslash')
    else if (whole.includes('\n') && !whole.startsWith(';') && depth === 0 && /\S/.test(text.slice(match.index))) {
      throw new RecordError(column, 'a second line without parentheses')
    }
  }
  if (depth > 0) throw new RecordError(text.length, "'(' without ')'")
  return words
}

/** A name, absolute or relative to `origin`. */
export function readName(word: Word, origin: WireName): WireName {
  const { text, column } = word
  if (text === '@') return origin
  const name = parseName(text)
  if (!name || text === '') throw new RecordError(column, `'${text}' is no domain name`)
  if (isAbsolute(text) || origin.length === 1) return name
  if (name.length - 1 + origin.length > MAX_NAME_LENGTH) throw new RecordError(column, `'${text}' is too long a name`)
  const absolute = new Uint8Array(name.length - 1 + origin.length)
  absolute.set(name.subarray(0, -1))
  absolute.set(origin, name.length - 1)
  return absolute
}

/** Whether the dot at its end is one, and not the end of an escape. */
const isAbsolute = (text: string): boolean => /(^|[^\\])(\\\\)*\.$/.test(text)

/** Seconds, or as BIND writes them: `1h30m`. */
export function readTtl({ text, column }: Word): number {
  if (!/^(\d+|(\d+[smhdw])+)$/i.test(text)) throw new RecordError(column, `'${text}' is no time in seconds`)
  let seconds = 0
  for (const [, digits, unit] of text.matchAll(/(\d+)([a-z]?)/gi)) {
    seconds += Number(digits) * (UNIT_SECONDS[unit.toLowerCase()] ?? 1)
  }
  if (seconds > MAX_TTL_SECONDS) throw new RecordError(column, `${text} is more than ${MAX_TTL_SECONDS} seconds`)
  return seconds
}

export function encodeInteger(value: number, length: 1 | 2 | 4): Uint8Array {
  const octets = Buffer.alloc(length)
  octets.writeUIntBE(value, 0, length)
  return octets
}

export function decodeBase64(text: string, column: number): Uint8Array {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z\d+/]+={0,2}$/.test(text)
  if (isBase64) return Buffer.from(text, 'base64')
  throw new RecordError(column, `'${text}' is not base64`)
}

/** The octets of a text: UTF-8, `\DDD` for any octet, `\X` for X. */
export function decodeText({ text, column }: Pick<Word, 'text' | 'column'>): Uint8Array {
  const parts = text.matchAll(/\\(\d{3})|\\([^])|[^\\]+/g)
  return Buffer.concat(
    Array.from(parts, ([whole, digits, escaped]) => {
      if (digits === undefined) return Buffer.from(escaped ?? whole, 'utf8')
      if (Number(digits) > 255) throw new RecordError(column, `\\${digits} is no octet`)
      return Buffer.of(Number(digits))
    }),
  )
}
