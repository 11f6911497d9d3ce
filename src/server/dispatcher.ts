// From a message to its reply, whatever the transport: accept it, find the server block, run the block's handlers.

import type { Logger } from 'pino'
import type { Exchange, ExchangePool } from './exchange.ts'
import { type Handler, NO_ANSWER } from './handler.ts'
import type { ServerObserver } from './observer.ts'
import { Class, MAX_NAME_LENGTH, Rcode, Type } from '../wire/constants.ts'
import { type Query, Verdict } from '../wire/query.ts'
import type { Reply } from '../wire/reply.ts'
import { Tally } from './tally.ts'
import { type WireName, lowerName, parseName } from '../wire/name.ts'

/** A server block, as far as its queries are concerned. */
export interface ServerBlock {
  /** Absolute names. */
  readonly zones: readonly string[]
  readonly handler: Handler
  /** Whether a plugin of the block answers other classes than IN (`chaos`, `forward`). */
  readonly otherClasses?: boolean
}

/** The length that `answer` gives for a message that must be left alone. */
export const NO_REPLY = 0

interface Zone {
  readonly origin: WireName
  readonly block: ServerBlock
}

/** Distinct failures that are remembered, so that each is logged once; then it begins anew. */
const MAX_TOLD = 1_000

/** Answers the messages of one listener; as a handler, the questions that the server asks itself. */
export class Dispatcher implements Handler {
  /** The zones whose wire names have this many octets: a suffix of the qname is compared with those alone. */
  readonly #zonesByLength: (Zone[] | undefined)[] = Array.from({ length: MAX_NAME_LENGTH + 1 })
  readonly #pool: ExchangePool
  readonly #log: Logger
  readonly #observer: ServerObserver
  readonly #told = new Set<string>()
  readonly #waiting = new Tally()

  /** Throws when a zone is not a name, or is in two blocks. */
  constructor(blocks: readonly ServerBlock[], pool: ExchangePool, log: Logger, observer: ServerObserver) {
    this.#pool = pool
    this.#log = log
    this.#observer = observer
    for (const block of blocks) for (const zone of block.zones) this.#addZone(zone, block)
  }

  #addZone(text: string, block: ServerBlock): void {
    const name = parseName(text)
    if (!name) throw new Error(`zone ${text}: not a domain name`)
    const origin = lowerName(name)
    const zones = (this.#zonesByLength[origin.length] ??= [])
    if (zones.some(zone => endsWith(origin, 0, zone.origin))) {
      throw new Error(`zone ${text}: two server blocks on one address serve it; keep one`)
    }
    zones.push({ origin, block })
  }

  /** The chain of the block that has the name; REFUSED where there is none. */
  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const block = this.#findBlock(query)
    return block ? block.handler.serve(query, reply) : Rcode.REFUSED
  }

  /**
   * Answers the message `bytes[start, end)`; `exchange.query` already tells transport and client. The reply is in `exchange.reply`, from
   * `replyStart` on. Returns its length in octets, or NO_REPLY; a promise when a handler has to wait, and then `bytes` is not needed any more.
   * Neither throws nor rejects.
   */
  answer(
    exchange: Exchange,
    bytes: Uint8Array,
    start: number,
    end: number,
    replyStart: number,
  ): number | Promise<number> {
    const { query, reply } = exchange
    const verdict = query.parse(bytes, start, end)
    if (verdict === Verdict.Ignore) return NO_REPLY
    reply.begin(query, replyStart)
    if (verdict === Verdict.Reject) return reply.finish(query, query.rcode)
    if (this.#pool.isOverdrawn) return this.#refuse(exchange, Rcode.SERVFAIL)
    const block = this.#findBlock(query)
    if (!block || (query.qclass !== Class.IN && !block.otherClasses)) return this.#refuse(exchange, Rcode.REFUSED)
    let pending: Promise<Rcode>
    try {
      const rcode = block.handler.serve(query, reply)
      if (typeof rcode === 'number') return rcode === NO_ANSWER ? NO_REPLY : reply.finish(query, rcode)
      pending = rcode
    } catch (error) {
      return this.#panic(exchange, error)
    }
    exchange.keepMessage()
    return this.#settle(exchange, pending)
  }

  async #settle(exchange: Exchange, pending: Promise<Rcode>): Promise<number> {
    this.#waiting.add()
    this.#observer.waitingChanged?.(this.#waiting.count)
    try {
      const rcode = await pending
      return rcode === NO_ANSWER ? NO_REPLY : exchange.reply.finish(exchange.query, rcode)
    } catch (error) {
      return this.#panic(exchange, error)
    } finally {
      this.#waiting.remove()
      this.#observer.waitingChanged?.(this.#waiting.count)
    }
  }

  /** Resolves when every handler that had to wait has its answer, at the latest after `timeoutMs`. */
  settled(timeoutMs: number): Promise<void> {
    return this.#waiting.zero(timeoutMs)
  }

  /**
   * The block of the longest zone that the qname is in. DS at a zone's apex belongs to the parent (RFC 4035 section 3.1.4.1), if its block is
   * here too; the root's is no such parent, as in CoreDNS: it forwards, and would ask the world about a zone that is ours.
   */
  #findBlock(query: Query): ServerBlock | undefined {
    const { name, nameLength, labels, labelCount } = query
    let apex: ServerBlock | undefined
    for (let i = 0; i < labelCount; i++) {
      const block = this.#blockAt(name, labels[i], nameLength)
      if (!block) continue
      if (i > 0 || query.qtype !== Type.DS) return block
      apex = block
    }
    return apex ?? this.#blockAt(name, nameLength - 1, nameLength)
  }

  #blockAt(name: Uint8Array, at: number, nameLength: number): ServerBlock | undefined {
    const zones = this.#zonesByLength[nameLength - at]
    if (!zones) return undefined
    for (let i = 0; i < zones.length; i++) if (endsWith(name, at, zones[i].origin)) return zones[i].block
    return undefined
  }

  #panic(exchange: Exchange, error: unknown): number {
    this.#observer.panicked?.(error)
    const message = error instanceof Error ? error.message : String(error)
    if (!this.#told.has(message)) {
      if (this.#told.size >= MAX_TOLD) this.#told.clear()
      this.#told.add(message)
      this.#log.error({ err: error }, `a handler failed, its queries get SERVFAIL: ${message}`)
    }
    exchange.reply.begin(exchange.query, exchange.reply.start)
    return this.#refuse(exchange, Rcode.SERVFAIL)
  }

  #refuse(exchange: Exchange, rcode: Rcode): number {
    const { query, reply } = exchange
    const length = reply.finish(query, rcode)
    this.#observer.refused?.(query, reply, rcode)
    return length
  }
}

/** Whether `name`, from `at` to its end, is `origin`; the lengths are known to be equal. */
function endsWith(name: Uint8Array, at: number, origin: WireName): boolean {
  for (let i = 0; i < origin.length; i++) if (name[at + i] !== origin[i]) return false
  return true
}
