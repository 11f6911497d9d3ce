// The objects of one query on its way through the server, kept and used again.

import { FRAME_HEAD_LENGTH } from '../wire/frame.ts'
import { Query } from '../wire/query.ts'
import { Reply } from '../wire/reply.ts'
import { LongRooms, SHORT_ROOM } from './room.ts'
import { Tally } from './tally.ts'

/** A query with the room for its reply. Whoever takes one from the pool gives it back when the reply has left. */
export class Exchange {
  readonly query = new Query()
  readonly reply: Reply
  readonly #short = Buffer.allocUnsafeSlow(SHORT_ROOM)
  readonly #rooms: LongRooms
  #long: Buffer | undefined

  constructor(rooms: LongRooms) {
    this.#rooms = rooms
    this.reply = new Reply(this.#short, () => (this.#long ??= rooms.take()))
  }

  /**
   * Takes message, client and reply out of the transport's buffers, which are used for the next message as soon as the handler has
   * returned.
   */
  keepMessage(): void {
    const { query, reply } = this
    const { start } = query
    query.bytes = Uint8Array.prototype.slice.call(query.bytes, start, query.end)
    query.start = 0
    query.end -= start
    query.questionEnd -= start
    query.clientAddress = query.clientAddress.slice()
    if (reply.bytes === this.#short || reply.bytes === this.#long) return
    const isShort = FRAME_HEAD_LENGTH + reply.finishedSize <= SHORT_ROOM
    reply.move(isShort ? this.#short : (this.#long ??= this.#rooms.take()), FRAME_HEAD_LENGTH)
  }

  /** The long room that the reply lies in, if it does; from then on it is the caller's, to be given back to `ExchangePool.rooms`. */
  takeLong(): Buffer | undefined {
    const long = this.#long
    this.#long = undefined
    this.release()
    return long
  }

  /** Ends the use of any memory but its own short room. */
  release(): void {
    if (this.#long) {
      this.#rooms.giveBack(this.#long)
      this.#long = undefined
    }
    this.reply.bytes = this.#short
    this.reply.stream = undefined
  }
}

/** Queries that wait for something at one time. Each holds 10 KB or less, and as many sockets or timers as its handler does. */
const MAX_TAKEN = 10_000
/** Pairs that are kept after a burst: making one costs more than a query. Below this, queries that wait for an upstream make none. */
const MAX_FREE = 1_024

export class ExchangePool {
  /** How many may be taken before new queries are turned away. */
  readonly maxTaken: number
  readonly rooms = new LongRooms()
  readonly #free: Exchange[] = []
  readonly #taken = new Tally()

  constructor(maxTaken = MAX_TAKEN) {
    this.maxTaken = maxTaken
  }

  get taken(): number {
    return this.#taken.count
  }

  /** Whether more are taken than may be: what was taken last is for a SERVFAIL at once. */
  get isOverdrawn(): boolean {
    return this.#taken.count > this.maxTaken
  }

  /** The pair that was given back last, which the caches of the CPU still hold: without promises it is always the same one. */
  take(): Exchange {
    this.#taken.add()
    return this.#free.pop() ?? new Exchange(this.rooms)
  }

  giveBack(exchange: Exchange): void {
    exchange.release()
    if (this.#free.length < MAX_FREE) this.#free.push(exchange)
    this.#taken.remove()
  }

  /** Resolves when every pair has come back, at the latest after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void> {
    return this.#taken.zero(timeoutMs)
  }
}
