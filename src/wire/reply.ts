// A writer of one reply, straight into the buffer that will be sent. One object is used for reply after reply and allocates nothing.
// Room for OPT is kept from the start, so that a truncated reply still carries it (RFC 6891 section 7).

import {
  Flag,
  HEADER_LENGTH,
  MAX_MESSAGE_SIZE,
  MAX_UDP_SIZE,
  OPT_LENGTH,
  QUESTION_POINTER,
  Rcode,
  Type,
} from './constants.ts'
import { type Query, Transport, read16, skipName } from './query.ts'

/** The sections of a message that hold records, in their order (RFC 1035 section 4.1). */
export const Section = { Answer: 0, Authority: 1, Additional: 2 } as const
export type Section = (typeof Section)[keyof typeof Section]

/** The head of an option in OPT, and the code of an extended error (RFC 6891 section 6.1.2, RFC 8914 section 2). */
const EXTENDED_ERROR_LENGTH = 6
const EXTENDED_ERROR_OPTION = 15
const NO_EXTENDED_ERROR = -1
const NO_TEXT = new Uint8Array(0)

/** Below this, a loop of our own beats the call into Buffer's copy. */
const SHORT_COPY = 48

/** Where a reply may be more than one message: a zone transfer over TCP (RFC 5936 section 2.2). */
export interface MessageStream {
  /**
   * Sends what is written of the reply as a message, and begins the next. Resolves when the client's system has taken it; false when there is
   * nobody any more. Does not reject.
   */
  send(query: Query, reply: Reply): Promise<boolean>
}

/** Gives a reply that does not fit where it lies a buffer for the longest message. */
export type MoreRoom = () => Buffer

export class Reply {
  /** The buffer that is written to; the message is `bytes[start, position)`. May be another one after each record, see `hasRoom`. */
  bytes: Buffer
  start = 0
  /** Where the next octet goes. */
  position = 0
  /** No record may reach beyond this without asking `hasRoom`. */
  limit = 0
  /** How many records each section holds. */
  readonly counts = new Uint16Array(3)
  /** AA: the answer comes from a zone of this server. */
  authoritative = false
  /** RA: whoever answered would recurse. */
  recursionAvailable = false
  /** AD: an upstream server has validated what it sent (RFC 6840 section 5.8). */
  authenticData = false
  /** TC: something that belongs to the reply did not fit. */
  truncated = false
  /** Made from live data at less cost than a copy: nobody is to keep it (`cache`). */
  isLive = false
  /** Header bits that a plugin wants set or clear, whatever else says; see `header`. */
  flagsSet = 0
  flagsCleared = 0
  /** Why the reply is SERVFAIL, where somebody wants to know: `errors` logs it. */
  failure: Error | undefined = undefined
  /** Number of the plugin that made the reply, as the server block counts them; -1 when none did. Metrics tell it. */
  author = -1
  /** The server that was asked for it last, `10.0.0.10:53`; empty when none was (`forward`). */
  upstream = ''
  /** Takes messages before the last one; undefined where there can be only one. */
  stream: MessageStream | undefined = undefined
  readonly #moreRoom: MoreRoom | undefined
  /** Octets that the finished message may have, whatever `bytes` has room for. */
  #maxSize = 0
  /** Octets of OPT; 0 when the client sent none, and then the reply has none (RFC 6891 section 7). */
  #optLength = 0
  #extendedError = NO_EXTENDED_ERROR
  #extendedErrorText: Uint8Array = NO_TEXT

  /** With `moreRoom`, `bytes` may be too small for the longest message: question and OPT must fit. */
  constructor(bytes: Buffer, moreRoom?: MoreRoom) {
    this.bytes = bytes
    this.#moreRoom = moreRoom
  }

  /** Begins the reply to `query` at `start`: keeps room for header and OPT, and repeats the question as the client spelt it. */
  begin(query: Query, start = 0): void {
    this.start = start
    this.counts.fill(0)
    this.authoritative = false
    this.recursionAvailable = false
    this.authenticData = false
    this.truncated = false
    this.isLive = false
    this.flagsSet = 0
    this.flagsCleared = 0
    this.failure = undefined
    this.author = -1
    this.upstream = ''
    this.#optLength = query.hasEdns ? OPT_LENGTH : 0
    this.#extendedError = NO_EXTENDED_ERROR
    this.maxSize = query.transport === Transport.UDP ? Math.min(query.udpSize, MAX_UDP_SIZE) : MAX_MESSAGE_SIZE
    const { bytes } = this
    let at = start + HEADER_LENGTH
    for (let i = query.start + HEADER_LENGTH; i < query.questionEnd; i++) bytes[at++] = query.bytes[i]
    this.position = at
  }

  /** Drops every record written so far, to begin the answer anew. A limit that was lowered stays. */
  clear(query: Query): void {
    const { author } = this
    const end = this.limit + this.#optLength
    this.begin(query, this.start)
    this.limit = Math.min(this.limit, end - this.#optLength)
    this.author = author
  }

  /** Takes over what `other` says of the answer beside its records, before any is written: flags, extended error, failure, author, upstream. */
  adopt(other: Reply): void {
    this.authoritative = other.authoritative
    this.recursionAvailable = other.recursionAvailable
    this.authenticData = other.authenticData
    this.truncated ||= other.truncated
    this.isLive ||= other.isLive
    this.flagsSet |= other.flagsSet
    this.flagsCleared |= other.flagsCleared
    this.failure = other.failure
    this.author = other.author
    this.upstream = other.upstream
    if (other.#extendedError !== NO_EXTENDED_ERROR) {
      this.setExtendedError(other.#extendedError, other.#extendedErrorText)
    }
  }

  /** Octets that the finished message may have: what the client takes, unless a plugin sets it otherwise. */
  get maxSize(): number {
    return this.#maxSize
  }

  set maxSize(size: number) {
    this.#maxSize = size
    this.limit = Math.min(this.start + size, this.bytes.length) - this.#optLength
  }

  /** Moves what is written to another buffer, from `start` on. */
  move(bytes: Buffer, start: number): void {
    this.bytes.copy(bytes, start, this.start, this.position)
    this.position += start - this.start
    this.start = start
    this.bytes = bytes
    this.maxSize = this.#maxSize
  }

  /** Lowers the limit to a message of `size` octets, before anything is written (`bufsize`). */
  lowerLimit(size: number): void {
    this.maxSize = Math.min(this.#maxSize, size)
  }

  /**
   * Says in OPT why the answer is what it is (RFC 8914); nothing to a client without EDNS. Before the records, so that room is kept; where
   * there is none, `text` (UTF-8) is left out.
   */
  setExtendedError(infoCode: number, text: Uint8Array = NO_TEXT): void {
    if (this.#optLength === 0 || this.#extendedError !== NO_EXTENDED_ERROR) return
    if (!this.hasRoom(EXTENDED_ERROR_LENGTH)) return
    this.#extendedError = infoCode
    this.#extendedErrorText = this.hasRoom(EXTENDED_ERROR_LENGTH + text.length) ? text : NO_TEXT
    const length = EXTENDED_ERROR_LENGTH + this.#extendedErrorText.length
    this.#optLength += length
    this.limit -= length
  }

  /** Octets of the message so far. */
  get size(): number {
    return this.position - this.start
  }

  /** Octets of the message when OPT is written. */
  get finishedSize(): number {
    return this.position - this.start + this.#optLength
  }

  /** Whether `length` more octets fit; `bytes` may be another buffer afterwards, with everything at the same place. */
  hasRoom(length: number): boolean {
    return this.position + length <= this.limit || this.#grow(length)
  }

  #grow(length: number): boolean {
    if (!this.#moreRoom || this.start + this.#maxSize <= this.bytes.length) return false
    this.move(this.#moreRoom(), this.start)
    return this.position + length <= this.limit
  }

  /** Whether `length` more octets fit; if not, the reply is marked as truncated. */
  fits(length: number): boolean {
    if (this.hasRoom(length)) return true
    this.truncated = true
    return false
  }

  write8(value: number): void {
    this.bytes[this.position++] = value
  }

  write16(value: number): void {
    this.bytes[this.position++] = value >>> 8
    this.bytes[this.position++] = value
  }

  write32(value: number): void {
    this.write16(value >>> 16)
    this.write16(value & 0xffff)
  }

  /** Copies `length` octets of `source`, as they are. The caller has asked `fits`. */
  copy(source: Buffer, from: number, length: number): void {
    const { bytes, position } = this
    if (length > SHORT_COPY) source.copy(bytes, position, from, from + length)
    else for (let i = 0; i < length; i++) bytes[position + i] = source[from + i]
    this.position = position + length
  }

  /** Writes a record's head: `owner` is a pointer (0xc000 | offset), the class is IN. The rdata follows by the caller. */
  writeRecordHead(owner: number, type: number, ttlSeconds: number, rdataLength: number): void {
    this.write16(owner)
    this.write16(type)
    this.write16(1)
    this.write32(ttlSeconds)
    this.write16(rdataLength)
  }

  /** Writes a whole record whose owner is the question's name, if it fits. */
  addRecord(section: Section, type: number, ttlSeconds: number, rdata: Uint8Array, rdataLength = rdata.length): void {
    if (!this.fits(12 + rdataLength)) return
    this.writeRecordHead(QUESTION_POINTER, type, ttlSeconds, rdataLength)
    for (let i = 0; i < rdataLength; i++) this.bytes[this.position++] = rdata[i]
    this.counts[section]++
  }

  /**
   * Copies `count` encoded records, as many as fit; the rest are left out and TC is set (RFC 2181 section 9; CoreDNS sets it
   * for additional records too). Returns how many were written.
   */
  addRecords(section: Section, source: Buffer, from: number, length: number, count: number): number {
    if (this.hasRoom(length)) {
      this.copy(source, from, length)
      this.counts[section] += count
      return count
    }
    this.truncated = true
    const end = from + length
    let at = from
    let written = 0
    while (written < count) {
      const next = recordEnd(source, at, end)
      if (next < 0 || !this.hasRoom(next - at)) break
      this.copy(source, at, next - at)
      at = next
      written++
    }
    this.counts[section] += written
    return written
  }

  /** Writes header and OPT, and so ends the reply. Returns its length in octets. */
  finish(query: Query, rcode: Rcode): number {
    const { bytes, start, counts } = this
    const hasOpt = this.#optLength > 0
    if (hasOpt) this.#writeOpt(query, rcode)
    write16(bytes, start, query.id)
    write16(bytes, start + 2, this.headerFlags(query) | (query.opcode << 11) | (rcode & 15))
    write16(bytes, start + 4, query.questionEnd > 0 ? 1 : 0)
    write16(bytes, start + 6, counts[Section.Answer])
    write16(bytes, start + 8, counts[Section.Authority])
    write16(bytes, start + 10, counts[Section.Additional] + (hasOpt ? 1 : 0))
    return this.position - start
  }

  /** The bits of `Flag` that the header has. */
  headerFlags(query: Query): number {
    let flags = Flag.QR | (query.flags & (Flag.RD | Flag.CD))
    if (this.authoritative) flags |= Flag.AA
    if (this.truncated) flags |= Flag.TC
    if (this.recursionAvailable) flags |= Flag.RA
    if (this.authenticData) flags |= Flag.AD
    return (flags | this.flagsSet) & ~this.flagsCleared
  }

  #writeOpt(query: Query, rcode: Rcode): void {
    this.write8(0)
    this.write16(Type.OPT)
    this.write16(query.udpSize)
    this.write8(rcode >> 4) // the upper bits of the rcode (RFC 6891 section 6.1.3)
    this.write8(0)
    this.write16(query.dnssecOk ? 0x8000 : 0)
    this.write16(this.#optLength - OPT_LENGTH)
    if (this.#extendedError === NO_EXTENDED_ERROR) return
    const text = this.#extendedErrorText
    this.write16(EXTENDED_ERROR_OPTION)
    this.write16(text.length + 2)
    this.write16(this.#extendedError)
    for (let i = 0; i < text.length; i++) this.write8(text[i])
  }
}

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

/** Where the record at `at` ends, or -1 when it runs past `end`. */
export function recordEnd(bytes: Uint8Array, at: number, end: number): number {
  const head = skipName(bytes, at, end)
  if (head < 0 || head + 10 > end) return -1
  const next = head + 10 + read16(bytes, head + 8)
  return next <= end ? next : -1
}
