// Records of one RRset change places, in the encoded reply: whoever takes the first address then spreads its load.
//
// What is swapped is everything of a record behind its class: TTL, RDLENGTH and rdata. Owners, types and lengths stay where they are, so that
// offsets into the message stay true. A run is records side by side with the same owner, type and length. Addresses have no names in
// them, so nothing can point into what moves.

import type { Prefix } from '../../corefile/cidr.ts'
import { contains } from '../../corefile/networks.ts'
import type { Handler } from '../../server/handler.ts'
import { expandName } from '../../wire/compression.ts'
import { QUESTION_POINTER, Rcode, Type } from '../../wire/constants.ts'
import { hashName, lowerName } from '../../wire/name.ts'
import { type Query, read16, skipName } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'
import { type WeightFile, type Weighted, findWeight } from './weights.ts'

/** Type and class: what a record has between its owner and what may move. */
const TYPE_AND_CLASS_LENGTH = 4
/** TTL and RDLENGTH, before the rdata. */
const TTL_AND_LENGTH = 6
const SECTIONS = [Section.Answer, Section.Authority, Section.Additional] as const

/** What decides which record comes first. */
export interface Policy {
  /** `prefer`: networks whose addresses come before others. */
  readonly preferred: readonly Prefix[]
  /** `weighted`: one address is drawn by weight and comes first; nothing else is moved. */
  readonly weights?: WeightFile
}

export class Loadbalance implements Handler {
  readonly #next: Handler
  readonly #preferred: readonly Prefix[]
  readonly #weights: WeightFile | undefined
  #random: number

  /** `seed` is any integer but 0. */
  constructor(next: Handler, { preferred, weights }: Policy, seed: number) {
    this.#next = next
    this.#preferred = preferred
    this.#weights = weights
    this.#random = seed | 0 || 1
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const rcode = this.#next.serve(query, reply)
    if (typeof rcode === 'number') {
      if (rcode === Rcode.NOERROR) this.#shuffle(query, reply)
      return rcode
    }
    return rcode.then(settled => {
      if (settled === Rcode.NOERROR) this.#shuffle(query, reply)
      return settled
    })
  }

  #shuffle(query: Query, reply: Reply): void {
    // The records of a zone transfer have their order (RFC 5936 section 2.2).
    if (query.qtype === Type.AXFR || query.qtype === Type.IXFR) return
    if (this.#weights && query.qtype !== Type.A && query.qtype !== Type.AAAA && query.qtype !== Type.SRV) return
    let at = reply.start + query.questionEnd - query.start
    for (const section of SECTIONS) {
      at = this.#shuffleSection(query, reply, at, reply.counts[section])
      if (at < 0) return
    }
  }

  /** Returns where the section of `count` records at `at` ends, -1 when it is malformed. */
  #shuffleSection(query: Query, reply: Reply, at: number, count: number): number {
    const { bytes, position: end } = reply
    let runAt = at
    let runHead = -1
    let runLength = 0
    let runCount = 0
    for (let left = count; left > 0; left--) {
      const head = skipName(bytes, at, end)
      if (head < 0 || head + 10 > end) return -1
      const next = head + 10 + read16(bytes, head + 8)
      if (next > end) return -1
      if (runCount > 0 && next - at === runLength && hasSameHead(bytes, runAt, at, runHead - runAt)) {
        runCount++
      } else {
        if (runCount > 1) this.#moveRun(query, reply, runAt, runHead, runLength, runCount)
        runAt = at
        runHead = head + TYPE_AND_CLASS_LENGTH
        runLength = next - at
        runCount = 1
      }
      at = next
    }
    if (runCount > 1) this.#moveRun(query, reply, runAt, runHead, runLength, runCount)
    return at
  }

  /** `head` is where the first record's TTL is; each record is `length` octets. */
  #moveRun(query: Query, reply: Reply, at: number, head: number, length: number, count: number): void {
    if (this.#weights) this.#drawFirst(this.#weights, query, reply, at, head, length, count)
    else this.#shuffleRun(reply, at, head, length, count)
  }

  /** Brings one address to the front, each as likely as its weight is part of the sum; the one that was there takes its place. */
  #drawFirst(
    weights: WeightFile,
    query: Query,
    reply: Reply,
    at: number,
    head: number,
    length: number,
    count: number,
  ): void {
    const { bytes } = reply
    const type = read16(bytes, head - TYPE_AND_CLASS_LENGTH)
    if (type !== Type.A && type !== Type.AAAA) return
    const weighted = findWeighted(weights, query, reply, at)
    const moved = length - (head - at)
    const addressLength = moved - TTL_AND_LENGTH
    let sum = 0
    for (let i = 0; i < count; i++) {
      sum += weighted ? findWeight(weighted, bytes, head + i * length + TTL_AND_LENGTH, addressLength) : 1
    }
    let drawn = this.#nextRandom() % sum
    for (let i = 0; i < count; i++) {
      drawn -= weighted ? findWeight(weighted, bytes, head + i * length + TTL_AND_LENGTH, addressLength) : 1
      if (drawn >= 0) continue
      if (i > 0) swap(bytes, head, head + i * length, moved)
      return
    }
  }

  /** `head` is where the first record's TTL is; each record is `length` octets. */
  #shuffleRun(reply: Reply, at: number, head: number, length: number, count: number): void {
    const { bytes } = reply
    const type = read16(bytes, head - TYPE_AND_CLASS_LENGTH)
    const isAddress = type === Type.A || type === Type.AAAA
    if (!isAddress && (type !== Type.MX || !isMovable(reply, at, head, length, count))) return
    const moved = length - (head - at)
    // Fisher and Yates: every order is as likely.
    for (let i = 0; i < count - 1; i++) {
      const j = i + (this.#nextRandom() % (count - i))
      if (i !== j) swap(bytes, head + i * length, head + j * length, moved)
    }
    if (isAddress && this.#preferred.length > 0) this.#prefer(bytes, head, length, count, moved)
  }

  /** Brings the addresses of the first prefix to the front, then those of the second, and so on. They stay in random order. */
  #prefer(bytes: Uint8Array, head: number, length: number, count: number, moved: number): void {
    let first = 0
    for (const prefix of this.#preferred) {
      if (prefix.address.length !== moved - TTL_AND_LENGTH) continue
      for (let i = first; i < count; i++) {
        if (!contains(prefix, bytes, head + i * length + TTL_AND_LENGTH)) continue
        if (i !== first) swap(bytes, head + i * length, head + first * length, moved)
        first++
      }
    }
  }

  /** Marsaglia's xorshift with the shifts 13, 17, 5: fair enough to spread load, and it allocates nothing. */
  #nextRandom(): number {
    let x = this.#random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#random = x
    // 31 bits: half of the larger numbers would be objects of the heap until this is compiled into its callers.
    return x >>> 1
  }
}

/** The weights of the owner of the record at `at`: most often the question's name. */
function findWeighted(weights: WeightFile, query: Query, reply: Reply, at: number): Weighted | undefined {
  if (read16(reply.bytes, at) === QUESTION_POINTER) return weights.find(query.name, query.nameLength, query.nameHash)
  const owner = expandName(reply.bytes, reply.start, at, reply.position)
  if (!owner) return undefined
  const name = lowerName(owner)
  return weights.find(name, name.length, hashName(name, 0, name.length))
}

/** Whether owner, type and class are the same octets. A name encoded in two ways ends a run early, which does no harm. */
function hasSameHead(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

function swap(bytes: Uint8Array, a: number, b: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const octet = bytes[a + i]
    bytes[a + i] = bytes[b + i]
    bytes[b + i] = octet
  }
}

/**
 * Whether nothing can point into a run whose rdata has names: it is the last of the message, and no name in it is compressed against another
 * of its records.
 */
function isMovable(reply: Reply, at: number, head: number, length: number, count: number): boolean {
  const { bytes, start, position } = reply
  if (at + count * length !== position) return false
  for (let i = 0; i < count; i++) {
    const end = at + (i + 1) * length
    const preferenceEnd = head + i * length + TTL_AND_LENGTH + 2
    if (skipName(bytes, preferenceEnd, end) !== end) return false
    let label = preferenceEnd
    while (bytes[label] > 0 && bytes[label] < 0xc0) label += bytes[label] + 1
    if (bytes[label] !== 0 && start + (read16(bytes, label) & 0x3fff) >= at) return false
  }
  return true
}
