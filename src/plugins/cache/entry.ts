// An answer that is kept: its records as they were encoded. Pointers in them count from the start of the message and stay true, as the
// question before them always has the same length. Octets are held as strings of one octet a character: a buffer of its own would cost
// more than most answers are long, and is slower to copy from.

import type { Rcode } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, write16 } from '../../wire/reply.ts'
import { type Examination, Kind } from './examination.ts'
import { KnownQuestion } from './key.ts'

/** Octets that an entry takes beside its name and its records, with its place in the store: rounded up from what was measured. */
const OVERHEAD = 352

/** When an answer was stored, and for how long. */
export interface Lifetime {
  readonly nowMs: number
  readonly ttlSeconds: number
}

export class Entry extends KnownQuestion {
  readonly records: string
  readonly answers: number
  readonly authorities: number
  readonly additionals: number
  readonly rcode: Rcode
  readonly kind: Kind
  /** It has what its question asks for. */
  readonly isAnswering: boolean
  readonly authoritative: boolean
  readonly recursionAvailable: boolean
  readonly authenticData: boolean
  readonly flagsSet: number
  readonly flagsCleared: number
  readonly ttlSeconds: number
  readonly storedMs: number
  /** The answer that this entry, which is none, has taken the place of (`prefer_positive`). */
  lastAnswer: Entry | undefined = undefined
  /** Queries without a long pause between them, and the time of the last (`prefetch`). */
  hits = 0
  hitMs: number
  /** The source is being asked again; before `retryMs` it is not. */
  isRefreshing = false
  retryMs: number

  /** `recordsAt`: where the records of the reply begin. */
  constructor(query: Query, reply: Reply, rcode: Rcode, found: Examination, recordsAt: number, lifetime: Lifetime) {
    super(query)
    this.records = reply.bytes.toString('latin1', recordsAt, reply.position)
    this.answers = reply.counts[0]
    this.authorities = reply.counts[1]
    this.additionals = reply.counts[2]
    this.rcode = rcode
    this.kind = found.kind
    this.isAnswering = found.isAnswering
    this.authoritative = reply.authoritative
    this.recursionAvailable = reply.recursionAvailable
    this.authenticData = reply.authenticData
    this.flagsSet = reply.flagsSet
    this.flagsCleared = reply.flagsCleared
    this.ttlSeconds = lifetime.ttlSeconds
    this.storedMs = lifetime.nowMs
    this.hitMs = lifetime.nowMs
    this.retryMs = lifetime.nowMs
  }

  get isDenial(): boolean {
    return this.kind === Kind.Denial || this.kind === Kind.Failure
  }

  /** What it costs to keep, in octets. */
  get size(): number {
    return OVERHEAD + this.name.length + this.records.length + (this.lastAnswer?.size ?? 0)
  }

  /** Seconds that are left; 0 or less when its time is over. */
  remainingSeconds(nowMs: number): number {
    return this.ttlSeconds - Math.floor((nowMs - this.storedMs) / 1000)
  }

  /** Appends the records with this TTL, as many as fit; TC is set when some do not. Flags are the caller's. */
  writeRecords(reply: Reply, ttlSeconds: number): void {
    const { records, answers, authorities, additionals } = this
    const { counts, position } = reply
    if (records.length === 0) return
    if (reply.hasRoom(records.length)) {
      reply.bytes.write(records, position, 'latin1')
      reply.position += records.length
      counts[0] += answers
      counts[1] += authorities
      counts[2] += additionals
      cursor.reset(reply.bytes, position, reply.position, answers, authorities, additionals)
      writeTtls(reply.bytes, cursor, ttlSeconds)
      return
    }
    scratch.write(records, 0, 'latin1')
    cursor.reset(scratch, 0, records.length, answers, authorities, additionals)
    writeTtls(scratch, cursor, ttlSeconds)
    cursor.reset(scratch, 0, records.length, answers, authorities, additionals)
    while (cursor.next() && reply.fits(cursor.end - cursor.ownerAt)) {
      reply.copy(scratch, cursor.ownerAt, cursor.end - cursor.ownerAt)
      counts[cursor.section]++
    }
  }
}

/** Gives all records that are left to the cursor one TTL. */
export function writeTtls(bytes: Uint8Array, cursor: RecordCursor, ttlSeconds: number): void {
  while (cursor.next()) {
    write16(bytes, cursor.ttlAt, ttlSeconds >>> 16)
    write16(bytes, cursor.ttlAt + 2, ttlSeconds & 0xffff)
  }
}

const cursor = new RecordCursor()
/** The longest message; pages that nothing has reached cost no memory. */
const scratch = Buffer.allocUnsafeSlow(65_535)
