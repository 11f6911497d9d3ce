// Walks the records of a message, one after the other, without allocating: one object serves for message after message.

import { read16, skipName } from './query.ts'

export class RecordCursor {
  /** Which section the record is in: 0 answer, 1 authority, 2 additional. */
  section = 0
  /** Offsets of the record's parts: owner, type, TTL, rdata, and the end of the rdata. */
  ownerAt = 0
  typeAt = 0
  ttlAt = 0
  rdataAt = 0
  end = 0
  type = 0
  class = 0
  /** The records are malformed: what comes cannot be told. */
  isBroken = false
  #bytes: Uint8Array = new Uint8Array(0)
  #messageEnd = 0
  readonly #left = new Uint16Array(3)

  /** Begins in front of the first record, `from`; the message ends at `end`. */
  reset(bytes: Uint8Array, from: number, end: number, answers: number, authorities: number, additionals: number): void {
    this.#bytes = bytes
    this.#messageEnd = end
    this.end = from
    this.section = 0
    this.isBroken = false
    this.#left[0] = answers
    this.#left[1] = authorities
    this.#left[2] = additionals
  }

  /** Goes to the next record; false behind the last one, and when what follows is no record (then `isBroken`). */
  next(): boolean {
    const left = this.#left
    while (this.section < 3 && left[this.section] === 0) this.section++
    if (this.section === 3 || this.isBroken) return false
    const bytes = this.#bytes
    const typeAt = skipName(bytes, this.end, this.#messageEnd)
    const rdataEnd = typeAt < 0 || typeAt + 10 > this.#messageEnd ? -1 : typeAt + 10 + read16(bytes, typeAt + 8)
    if (rdataEnd < 0 || rdataEnd > this.#messageEnd) {
      this.isBroken = true
      return false
    }
    left[this.section]--
    this.ownerAt = this.end
    this.typeAt = typeAt
    this.ttlAt = typeAt + 4
    this.rdataAt = typeAt + 10
    this.end = rdataEnd
    this.type = read16(bytes, typeAt)
    this.class = read16(bytes, typeAt + 2)
    return true
  }

  /** TTL of the record, in seconds. */
  get ttlSeconds(): number {
    return ((read16(this.#bytes, this.ttlAt) << 16) | read16(this.#bytes, this.ttlAt + 2)) >>> 0
  }
}
