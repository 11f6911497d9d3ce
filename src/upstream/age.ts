// How long an answer has been in caches of HTTP (RFC 9111 section 5.1), and what that means for its TTLs (RFC 8484 section 5.1).

import { HEADER_LENGTH, Type } from '../wire/constants.ts'
import { RecordCursor } from '../wire/cursor.ts'
import { read16, skipName } from '../wire/query.ts'

/** Greater ages are this one (RFC 9111 section 1.2.2). */
const MAX_AGE_SECONDS = 2 ** 31

/** The field `Age`; 0 where it is none. */
export function parseAge(field: string | undefined): number {
  return field !== undefined && /^\d+$/.test(field) ? Math.min(Number(field), MAX_AGE_SECONDS) : 0
}

const cursor = new RecordCursor()

/** Lowers the TTLs of a message with one question, down to 0; of malformed records those in front. */
export function subtractAge(bytes: Buffer, ageSeconds: number): void {
  const recordsAt = skipName(bytes, HEADER_LENGTH, bytes.length) + 4
  cursor.reset(bytes, recordsAt, bytes.length, read16(bytes, 6), read16(bytes, 8), read16(bytes, 10))
  while (cursor.next()) {
    // What stands there in OPT are flags (RFC 6891 section 6.1.3).
    if (cursor.type === Type.OPT) continue
    bytes.writeUInt32BE(Math.max(0, cursor.ttlSeconds - ageSeconds), cursor.ttlAt)
  }
}
