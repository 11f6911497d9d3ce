// EDNS options (RFC 6891 section 6.1.2), read from a client's OPT so that a question that goes on in its place has them too.

import { Type } from './constants.ts'
import { RecordCursor } from './cursor.ts'
import { type Query, read16 } from './query.ts'

export interface EdnsOption {
  readonly code: number
  readonly data: Uint8Array
}

const NO_OPTIONS = new Uint8Array(0)
const OPTION_HEAD_LENGTH = 4

/** The options in the query's OPT, as they stand there: a view that is valid as long as `query.bytes`. */
export function findOptions(query: Query): Uint8Array {
  if (!query.hasEdns) return NO_OPTIONS
  const { bytes, start } = query
  const cursor = new RecordCursor()
  const count = (at: number): number => read16(bytes, start + at)
  cursor.reset(bytes, query.questionEnd, query.end, count(6), count(8), count(10))
  while (cursor.next()) {
    if (cursor.section === 2 && cursor.type === Type.OPT) return bytes.subarray(cursor.rdataAt, cursor.end)
  }
  return NO_OPTIONS
}

/** Encoded options one by one; what does not end where it says is left out with all that follows it. */
export function decodeOptions(encoded: Uint8Array): EdnsOption[] {
  const options: EdnsOption[] = []
  for (let at = 0; at + OPTION_HEAD_LENGTH <= encoded.length; ) {
    const from = at + OPTION_HEAD_LENGTH
    const end = from + read16(encoded, at + 2)
    if (end > encoded.length) break
    options.push({ code: read16(encoded, at), data: encoded.slice(from, end) })
    at = end
  }
  return options
}

export function encodeOptions(options: readonly EdnsOption[]): Uint8Array {
  const encoded = Buffer.alloc(options.reduce((sum, { data }) => sum + OPTION_HEAD_LENGTH + data.length, 0))
  let at = 0
  for (const { code, data } of options) {
    encoded.writeUInt16BE(code, at)
    encoded.writeUInt16BE(data.length, at + 2)
    encoded.set(data, at + OPTION_HEAD_LENGTH)
    at += OPTION_HEAD_LENGTH + data.length
  }
  return encoded
}
