// The objects of one query on its way through the server, kept and used again.

import { MAX_MESSAGE_SIZE } from '../wire/constants.ts'
import { Query } from '../wire/query.ts'
import { Reply } from '../wire/reply.ts'
import { Tally } from './tally.ts'

/** Room for a batch of replies, one behind the other: the largest message finds its place behind 64 KB of others. */
export const BATCH_ROOM = 2 * (MAX_MESSAGE_SIZE + 1)

/** A query with the room for its reply. Whoever takes one from the pool gives it back when the reply has left. */
export class Exchange {
  readonly query = new Query()
  /**
   * Its own room, in which a reply that lay anywhere in a batch keeps its place: handlers remember positions. Pages that no reply has
   * reached cost no memory.
   */
  readonly #room = Buffer.allocUnsafeSlow(BATCH_ROOM)
  readonly reply = new Reply(this.#room)

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
    if (reply.bytes === this.#room) return
    reply.bytes.copy(this.#room, reply.start, reply.start, reply.position)
    this.release()
  }

  /** Gives up a buffer of the transport's in which replies were written. */
  release(): void {
    this.reply.bytes = this.#room
  }
}

/** Queries that wait for something at one time. Each holds some KB, and as many sockets or timers as its handler does. */
const MAX_TAKEN = 10_000
/** Pairs that are kept after a burst: making one costs more than a query. Below this, queries that wait for an upstream make none. */
const MAX_FREE = 1_024

export class ExchangePool {
  /** How many may be taken before new queries are turned away. */
  readonly maxTaken: number
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
    return this.#free.pop() ?? new Exchange()
  }

  giveBack(exchange: Exchange): void {
    if (this.#free.length < MAX_FREE) this.#free.push(exchange)
    this.#taken.remove()
  }

  /** Resolves when every pair has come back, at the latest after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void> {
    return this.#taken.zero(timeoutMs)
  }
}
