// Finds upstream servers that hand questions back to us, after CoreDNS's plugin/loop: a name that nobody can know is asked for, and whoever
// brings it here has it from us.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Handler } from '../../server/handler.ts'
import { type Block, type Upstream, joinChain } from '../../server/plugin.ts'
import { Subquery } from '../../server/subquery.ts'
import { Class, Flag, Rcode, Type } from '../../wire/constants.ts'
import { type WireName, parseName } from '../../wire/name.ts'
import { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'

/** The loop may begin later than this server does: an upstream that does not answer is asked again, for so long. */
const SEARCH_MS = 30_000
const RETRY_MS = 1_000
/** What goes through our own chain is seen once without a loop; CoreDNS allows another one, for a question that is repeated. */
const MAX_SEEN = 2
const LOOPBACK = Uint8Array.of(127, 0, 0, 1)

export interface LoopFinding {
  /** Undefined when no plugin says whom it asks. */
  readonly upstream: Upstream | undefined
  /** The name that came back. */
  readonly qname: string
}

export class Loop implements Handler {
  readonly #next: Handler
  readonly #block: Block
  readonly #zone: string
  readonly #author: number
  readonly #stopped = new AbortController()
  /** The name that is asked for now, in wire form; undefined when nothing is looked for. */
  #wanted: WireName | undefined
  #maxSeen = 0
  #seen = 0
  #cut: Error | undefined

  constructor(next: Handler, block: Block) {
    this.#next = next
    this.#block = block
    this.#zone = block.zones[0]
    this.#author = joinChain(block, 'loop')
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (this.#cut) return this.#refuse(reply, this.#cut)
    if (query.qtype !== Type.HINFO || this.#wanted === undefined || !isName(query, this.#wanted)) {
      return this.#next.serve(query, reply)
    }
    // What has come round often enough goes round no more.
    return ++this.#seen > this.#maxSeen ? this.#refuse(reply, undefined) : this.#next.serve(query, reply)
  }

  #refuse(reply: Reply, failure: Error | undefined): Rcode {
    reply.author = this.#author
    reply.failure = failure
    return Rcode.SERVFAIL
  }

  /** From now on whatever comes here is SERVFAIL: behind this handler are those who forward, before it those who know. */
  cut(reason: Error): void {
    this.#cut = reason
  }

  stop(): void {
    this.#stopped.abort()
    this.#wanted = undefined
  }

  /**
   * Asks each upstream that the block's plugins tell of, then by the block's own chain for those that none tells of. Calls `onFound` for each
   * that brings a question back. Does not reject.
   */
  async search(onFound: (finding: LoopFinding) => void): Promise<void> {
    const deadlineMs = performance.now() + SEARCH_MS
    const suspects = new Set(this.#block.instances.flatMap(({ instance }) => instance.upstreams ?? []))
    const total = suspects.size
    do {
      for (const upstream of suspects) {
        const { qname } = await this.#probe(0, ({ query, reply }) => upstream.ask(query, reply))
        if (this.#seen === 0) continue
        suspects.delete(upstream)
        onFound({ upstream, qname })
      }
      if (total > 0 && suspects.size === 0) break
      const { qname, rcode } = await this.#probe(MAX_SEEN, subquery => subquery.ask(this.#block.resolver))
      if (this.#seen > MAX_SEEN) onFound({ upstream: undefined, qname })
      if (this.#seen > MAX_SEEN || rcode !== Rcode.SERVFAIL) break
      await delay(RETRY_MS, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => {})
    } while (!this.#stopped.signal.aborted && performance.now() < deadlineMs)
    this.#wanted = undefined
  }

  /** Asks for a new name; `#seen` then tells how often it came here. */
  async #probe(
    maxSeen: number,
    ask: (subquery: Subquery) => Rcode | Promise<Rcode>,
  ): Promise<{ qname: string; rcode: Rcode }> {
    const qname = `${drawNumber()}.${drawNumber()}.${this.#zone === '.' ? '' : this.#zone}`
    const name = parseName(qname)
    this.#seen = 0
    // A zone that leaves no room for the name cannot be asked about.
    if (this.#stopped.signal.aborted || !name) return { qname, rcode: Rcode.NXDOMAIN }
    this.#wanted = name
    this.#maxSeen = maxSeen
    const parent = new Query()
    parent.flags = Flag.RD
    parent.clientAddress = LOOPBACK
    return { qname, rcode: await ask(new Subquery(parent, { name, qtype: Type.HINFO, qclass: Class.IN })) }
  }
}

/** 62 random bits. */
const drawNumber = (): bigint => randomBytes(8).readBigUInt64BE() >> 2n

function isName(query: Query, name: WireName): boolean {
  if (query.nameLength !== name.length) return false
  for (let i = 0; i < name.length; i++) if (query.name[i] !== name[i]) return false
  return true
}
