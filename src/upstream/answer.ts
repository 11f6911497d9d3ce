// The answer of an upstream server, read and relayed. One object serves for answer after answer.
//
// The question that was sent is the client's, octet for octet in length, so records can be copied as they are: pointers into the question and
// into each other stay right, as long as nothing between them is left out. OPT is the affair of two neighbours (RFC 6891 section 7) and is
// left out; where that, or whatever else, would leave a pointer wrong, the records are written anew.

import { RDATA_NAMES, pointsBack, writeExpanded } from '../wire/compression.ts'
import {
  Flag,
  HEADER_LENGTH,
  MAX_MESSAGE_SIZE,
  MAX_NAME_LENGTH,
  QUESTION_POINTER,
  Rcode,
  Type,
} from '../wire/constants.ts'
import { RecordCursor } from '../wire/cursor.ts'
import { lowerOctet } from '../wire/name.ts'
import { type Query, read16, skipName } from '../wire/query.ts'
import { type Reply, type Section, write16 } from '../wire/reply.ts'

const SECTIONS: readonly Section[] = [0, 1, 2]

export class Answer {
  /** With the upper bits from OPT. */
  rcode: Rcode = Rcode.NOERROR
  flags = 0
  /** Records of each section, without OPT. */
  readonly counts = new Uint16Array(3)
  readonly #cursor = new RecordCursor()
  /** Where each section ends. */
  readonly #ends = new Uint32Array(3)
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #recordsAt = 0
  #isCopyable = false

  /** TC: the server has left something out. */
  get isTruncated(): boolean {
    return (this.flags & Flag.TC) !== 0
  }

  /** No error and no answer. */
  get isNodata(): boolean {
    return this.rcode === Rcode.NOERROR && this.counts[0] === 0
  }

  /**
   * Reads `bytes[start, end)`, whose question is known to be right and is read no further than `bytes` is valid. False when the records are
   * malformed; a truncated message may break off anywhere, and has the records that are whole.
   */
  read(bytes: Buffer, start: number, end: number): boolean {
    const { counts } = this
    const cursor = this.#cursor
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.flags = read16(bytes, start + 2)
    this.rcode = this.flags & 15
    this.#recordsAt = skipName(bytes, start + HEADER_LENGTH, end) + 4
    this.#ends.fill(this.#recordsAt)
    this.#isCopyable = true
    counts.fill(0)
    let hasOpt = false
    cursor.reset(
      bytes,
      this.#recordsAt,
      end,
      read16(bytes, start + 6),
      read16(bytes, start + 8),
      read16(bytes, start + 10),
    )
    while (cursor.next()) {
      const { section } = cursor
      if (cursor.type === Type.OPT && section === 2) {
        hasOpt = true
        this.rcode = (this.flags & 15) | (bytes[cursor.ttlAt] << 4)
        continue
      }
      // What comes after OPT moves forward when OPT goes.
      if (hasOpt || !this.#isSelfContained()) this.#isCopyable = false
      counts[section]++
      for (let i = section; i < 3; i++) this.#ends[i] = cursor.end
    }
    return !cursor.isBroken || this.isTruncated
  }

  /** Whether all names of the record end by themselves, or in what stands before them. */
  #isSelfContained(): boolean {
    const cursor = this.#cursor
    if (!pointsBack(this.#bytes, this.#start, cursor.ownerAt)) return false
    const layout = RDATA_NAMES[cursor.type]
    if (!layout) return true
    let at = cursor.rdataAt + layout[0]
    for (let i = 0; i < layout[1]; i++) {
      const next = skipName(this.#bytes, at, cursor.end)
      if (next < 0 || !pointsBack(this.#bytes, this.#start, at)) return false
      at = next
    }
    return true
  }

  /**
   * Writes the answer to `reply`, as much of it as fits, with TC where that is not all. False, with `reply` as it was, when names in it are
   * malformed. Needs the bytes that were read.
   */
  relay(query: Query, reply: Reply): boolean {
    const { position } = reply
    const isInPlace = position - reply.start === this.#recordsAt - this.#start
    if (this.#isCopyable && isInPlace) this.#copy(reply)
    else if (!this.#rewrite(query, reply)) {
      reply.position = position
      reply.counts.fill(0)
      reply.truncated = false
      return false
    }
    const { flags } = this
    reply.authoritative = (flags & Flag.AA) !== 0
    reply.recursionAvailable = (flags & Flag.RA) !== 0
    reply.authenticData = (flags & Flag.AD) !== 0
    if (this.isTruncated) reply.truncated = true
    return true
  }

  #copy(reply: Reply): void {
    let from = this.#recordsAt
    for (const section of SECTIONS) {
      const length = this.#ends[section] - from
      const count = this.counts[section]
      // Behind a gap, pointers would be wrong.
      if (reply.addRecords(section, this.#bytes, from, length, count) < count) return
      from += length
    }
  }

  /** Writes each record with its names in full, but for the question's; false when one is malformed. */
  #rewrite(query: Query, reply: Reply): boolean {
    const cursor = this.#cursor
    const bytes = this.#bytes
    const at = this.#start
    cursor.reset(
      bytes,
      this.#recordsAt,
      this.#end,
      read16(bytes, at + 6),
      read16(bytes, at + 8),
      read16(bytes, at + 10),
    )
    while (cursor.next()) {
      if (cursor.type === Type.OPT && cursor.section === 2) continue
      const length = this.#expandRecord(query)
      if (length < 0) return false
      if (reply.addRecords(cursor.section as Section, expanded, 0, length, 1) === 0) return true
    }
    return true
  }

  /** Writes the record to `expanded`; returns its length, or -1 when it is malformed. */
  #expandRecord(query: Query): number {
    const cursor = this.#cursor
    const bytes = this.#bytes
    let at = this.#expandName(cursor.ownerAt, 0)
    if (at < 0) return -1
    if (isQuestion(query, at)) {
      write16(expanded, 0, QUESTION_POINTER)
      at = 2
    }
    at += bytes.copy(expanded, at, cursor.typeAt, cursor.rdataAt)
    const rdataAt = at
    let from = cursor.rdataAt
    const layout = RDATA_NAMES[cursor.type]
    if (layout) {
      at += bytes.copy(expanded, at, from, from + layout[0])
      from += layout[0]
      for (let i = 0; i < layout[1]; i++) {
        const next = skipName(bytes, from, cursor.end)
        at = this.#expandName(from, at)
        if (next < 0 || at < 0) return -1
        from = next
      }
    }
    at += bytes.copy(expanded, at, from, cursor.end)
    const length = at - rdataAt
    if (length > MAX_MESSAGE_SIZE) return -1
    write16(expanded, rdataAt - 2, length)
    return at
  }

  /** Writes the name at `from` to `expanded`, from `at` on; returns where it ends, or -1. */
  #expandName(from: number, at: number): number {
    const length = writeExpanded(this.#bytes, this.#start, this.#end, from, expanded, at)
    return length < 0 ? -1 : at + length
  }
}

/** One record with all names in full: an owner, a head, the longest rdata, in which two names may grow. */
const expanded = Buffer.allocUnsafeSlow(MAX_MESSAGE_SIZE + 3 * MAX_NAME_LENGTH + 10)

function isQuestion(query: Query, length: number): boolean {
  if (length !== query.nameLength || length === 1) return false
  for (let i = 0; i < length; i++) if (lowerOctet(expanded[i]) !== query.name[i]) return false
  return true
}
