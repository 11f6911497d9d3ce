// A view over one received message. One object is used for message after message: parsing fills its fields and allocates nothing.
// It reads what an authoritative server needs: the header, the question, and OPT among the additional records.

import { HASH_SEED, hashOctet, lowerOctet } from './name.ts'
import { Flag, HEADER_LENGTH, MAX_NAME_LENGTH, MIN_UDP_SIZE, Opcode, Rcode, Type } from './constants.ts'

/** How a message came: what bounds the size of its answer, and the `proto` label of metrics. */
export const Transport = { UDP: 0, TCP: 1 } as const
export type Transport = (typeof Transport)[keyof typeof Transport]

/** What `Query.parse` found. `Answer`: go on with `rcode` NOERROR, or reply at once with another; `Ignore`: say nothing. */
export const Verdict = { Answer: 0, Reject: 1, Ignore: 2 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

const MAX_LABELS = 128
const NO_ADDRESS = new Uint8Array(0)

export class Query {
  /** The message as it came, in whatever buffer holds it; valid until the reply is sent. */
  bytes: Uint8Array = NO_ADDRESS
  /** Where the message begins and ends in `bytes`. */
  start = 0
  end = 0

  id = 0
  /** The second word of the header. */
  flags = 0
  opcode = 0
  /** Why a message is rejected; NOERROR for one that is to be answered. */
  rcode: Rcode = Rcode.NOERROR

  /** The question's name, folded to lower case, in wire form; `nameLength` octets of it count. */
  readonly name = new Uint8Array(MAX_NAME_LENGTH)
  nameLength = 0
  /** Hash of the lower-case name, as `hashName` gives it. */
  nameHash = 0
  /** Where each label begins in `name`, the leftmost first; the root is not counted. */
  readonly labels = new Uint8Array(MAX_LABELS)
  labelCount = 0
  qtype = 0
  qclass = 0
  /** Where the question ends in `bytes`; 0 when it could not be read. */
  questionEnd = 0

  hasEdns = false
  ednsVersion = 0
  /** What the client can take over UDP: its EDNS size, at least 512 (RFC 6891 section 6.2.3), or 512 without EDNS. */
  udpSize = MIN_UDP_SIZE
  /** The DO bit (RFC 3225). */
  dnssecOk = false

  transport: Transport = Transport.UDP
  /** The client's address, 4 or 16 octets; valid as long as `bytes`. */
  clientAddress: Uint8Array = NO_ADDRESS
  clientPort = 0
  /** How many questions that the server asks itself this one is within; 0 for a client's. See `Subquery`. */
  depth = 0
  /** What the client has asked, where this is what a rule has made of it; else this query itself. `Query.parse` resets it. */
  asked: Query = this

  /** Length of the message in octets. */
  get size(): number {
    return this.end - this.start
  }

  /**
   * Reads the message `bytes[start, end)`. Every input is legal: the verdict tells whether to answer it, to reject it with `rcode`, or to
   * leave it alone. What is accepted is what CoreDNS accepts (miekg/dns DefaultMsgAcceptFunc).
   */
  parse(bytes: Uint8Array, start: number, end: number): Verdict {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.asked = this
    this.rcode = Rcode.NOERROR
    this.questionEnd = 0
    this.nameLength = 0
    this.labelCount = 0
    this.hasEdns = false
    this.dnssecOk = false
    this.udpSize = MIN_UDP_SIZE
    if (end - start < HEADER_LENGTH) return Verdict.Ignore
    this.id = read16(bytes, start)
    this.flags = read16(bytes, start + 2)
    this.opcode = (this.flags >> 11) & 15
    // An answer is never answered: two servers would talk for ever.
    if ((this.flags & Flag.QR) !== 0) return Verdict.Ignore
    if (this.opcode !== Opcode.QUERY && this.opcode !== Opcode.NOTIFY) return this.#reject(Rcode.NOTIMP)
    const answers = read16(bytes, start + 6)
    const authorities = read16(bytes, start + 8)
    const additionals = read16(bytes, start + 10)
    // RFC 9619: one question; a NOTIFY may bring a SOA, a signed query TSIG beside OPT.
    if (read16(bytes, start + 4) !== 1 || answers > 1 || authorities > 1 || additionals > 2) {
      return this.#reject(Rcode.FORMERR)
    }
    const questionEnd = this.#readQuestion(bytes, start + HEADER_LENGTH, end)
    if (questionEnd < 0) return this.#reject(Rcode.FORMERR)
    this.questionEnd = questionEnd
    if (
      answers + authorities + additionals > 0 &&
      !this.#readRecords(questionEnd, answers + authorities, additionals)
    ) {
      return this.#reject(Rcode.FORMERR)
    }
    // RFC 6891 section 6.1.3: a version that is not known is BADVERS, whatever the question.
    if (this.ednsVersion !== 0 && this.hasEdns) return this.#reject(Rcode.BADVERS)
    return Verdict.Answer
  }

  #reject(rcode: Rcode): Verdict {
    this.rcode = rcode
    return Verdict.Reject
  }

  /** Reads name, type and class; returns where the question ends, or -1. */
  #readQuestion(bytes: Uint8Array, from: number, end: number): number {
    const { name, labels } = this
    let at = from
    let length = 0
    let count = 0
    let hash = HASH_SEED
    for (;;) {
      if (at >= end) return -1
      const label = bytes[at++]
      name[length++] = label
      hash = hashOctet(hash, label)
      if (label === 0) break
      // No pointer either: the first name of a message has nothing before it to point to.
      if (label > 63 || length + label >= MAX_NAME_LENGTH || at + label > end) return -1
      labels[count++] = length - 1
      for (const labelEnd = at + label; at < labelEnd; at++) {
        const octet = lowerOctet(bytes[at])
        name[length++] = octet
        hash = hashOctet(hash, octet)
      }
    }
    if (at + 4 > end) return -1
    this.nameLength = length
    this.nameHash = hash
    this.labelCount = count
    this.qtype = read16(bytes, at)
    this.qclass = read16(bytes, at + 2)
    return at + 4
  }

  /** Walks the records after the question and takes OPT from the additional ones; false when they are malformed. */
  #readRecords(from: number, others: number, additionals: number): boolean {
    const { bytes, end } = this
    let at = from
    for (let i = 0; i < others + additionals; i++) {
      const ownerAt = at
      at = skipName(bytes, at, end)
      if (at < 0 || at + 10 > end) return false
      const rdataEnd = at + 10 + read16(bytes, at + 8)
      if (rdataEnd > end) return false
      if (i >= others && read16(bytes, at) === Type.OPT) {
        // RFC 6891 section 6.1.1: the owner is the root, and there is at most one.
        if (this.hasEdns || bytes[ownerAt] !== 0) return false
        this.hasEdns = true
        this.udpSize = Math.max(MIN_UDP_SIZE, read16(bytes, at + 2))
        this.ednsVersion = bytes[at + 5]
        this.dnssecOk = (bytes[at + 6] & 0x80) !== 0
      }
      at = rdataEnd
    }
    return true
  }
}

export const read16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** Where the name at `at` ends (pointers are not followed, so this ends), or -1 when it is malformed or runs past `end`. */
export function skipName(bytes: Uint8Array, at: number, end: number): number {
  for (;;) {
    if (at >= end) return -1
    const label = bytes[at]
    if (label === 0) return at + 1
    if (label >= 0xc0) return at + 2 <= end ? at + 2 : -1
    if (label > 63) return -1
    at += label + 1
  }
}
