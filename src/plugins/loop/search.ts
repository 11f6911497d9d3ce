// The search, which runs once for all threads: asks for names that nobody can know, and looks whether they come here.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Block, Upstream } from '../../server/plugin.ts'
import { Subquery } from '../../server/subquery.ts'
import { Class, Flag, Rcode, Type } from '../../wire/constants.ts'
import { parseName } from '../../wire/name.ts'
import { Query } from '../../wire/query.ts'
import type { Wanted } from './wanted.ts'

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

export class LoopSearch {
  readonly #block: Block
  readonly #wanted: Wanted
  readonly #zone: string
  readonly #stopped = new AbortController()

  constructor(block: Block, wanted: Wanted) {
    this.#block = block
    this.#wanted = wanted
    this.#zone = block.zones[0]
  }

  stop(): void {
    this.#stopped.abort()
    this.#wanted.end()
  }

  /**
   * Asks each upstream that the block's plugins tell of, then by the block's own chain for those that none tells of. Calls `onFound` for each
   * that brings a question back. Does not reject.
   */
  async run(onFound: (finding: LoopFinding) => void): Promise<void> {
    const deadlineMs = performance.now() + SEARCH_MS
    const wanted = this.#wanted
    const suspects = new Set(this.#block.instances.flatMap(({ instance }) => instance.upstreams ?? []))
    const total = suspects.size
    do {
      for (const upstream of suspects) {
        const { qname } = await this.#probe(0, ({ query, reply }) => upstream.ask(query, reply))
        if (wanted.seen === 0) continue
        suspects.delete(upstream)
        onFound({ upstream, qname })
      }
      if (total > 0 && suspects.size === 0) break
      const { qname, rcode } = await this.#probe(MAX_SEEN, subquery => subquery.ask(this.#block.resolver))
      const isFound = wanted.seen > MAX_SEEN
      if (isFound) onFound({ upstream: undefined, qname })
      if (isFound || rcode !== Rcode.SERVFAIL) break
      await delay(RETRY_MS, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => {})
    } while (!this.#stopped.signal.aborted && performance.now() < deadlineMs)
    wanted.end()
  }

  /** Asks for a new name; `wanted.seen` then tells how often it came here. */
  async #probe(
    maxSeen: number,
    ask: (subquery: Subquery) => Rcode | Promise<Rcode>,
  ): Promise<{ qname: string; rcode: Rcode }> {
    const qname = `${drawNumber()}.${drawNumber()}.${this.#zone === '.' ? '' : this.#zone}`
    const name = parseName(qname)
    // A zone that leaves no room for the name cannot be asked about.
    if (this.#stopped.signal.aborted || !name) {
      this.#wanted.end()
      return { qname, rcode: Rcode.NXDOMAIN }
    }
    this.#wanted.begin(name, maxSeen)
    const parent = new Query()
    parent.flags = Flag.RD
    parent.clientAddress = LOOPBACK
    return { qname, rcode: await ask(new Subquery(parent, { name, qtype: Type.HINFO, qclass: Class.IN })) }
  }
}

/** 62 random bits. */
const drawNumber = (): bigint => randomBytes(8).readBigUInt64BE() >> 2n
