// Asks the rest of the chain again, for the cache and not for a client.

import type { Handler } from '../../server/handler.ts'
import { Subquery } from '../../server/subquery.ts'
import { Flag, type Rcode } from '../../wire/constants.ts'
import type { Query, Transport } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import type { Clock } from './clock.ts'

/** Each holds a reply of up to 64 KB, and what its handler holds. */
const MAX_ASKING = 256

export interface Asked {
  readonly query: Query
  readonly reply: Reply
  readonly rcode: Rcode
}

export class Refresher {
  readonly #next: Handler
  #asking = 0

  constructor(next: Handler) {
    this.#next = next
  }

  /** Asks the question of `parent`. Undefined when the handler failed, or when too many are asking. Does not reject. */
  ask(parent: Query, transport: Transport): Asked | undefined | Promise<Asked | undefined> {
    if (this.#asking >= MAX_ASKING) return undefined
    const name = parent.name.slice(0, parent.nameLength)
    const subquery = new Subquery(parent, { name, qtype: parent.qtype, qclass: parent.qclass })
    const { query, reply } = subquery
    query.transport = transport
    // There is no client, and the parent's message is gone before this is over.
    query.clientAddress = new Uint8Array(4)
    query.clientPort = 0
    // The answer tells AD to whoever wants to know (RFC 6840 section 5.7).
    query.flags |= Flag.AD
    query.bytes[3] |= Flag.AD
    try {
      const rcode = subquery.ask(this.#next)
      return typeof rcode === 'number' ? { query, reply, rcode } : this.#wait(query, reply, rcode)
    } catch {
      return undefined
    }
  }

  async #wait(query: Query, reply: Reply, pending: Promise<Rcode>): Promise<Asked | undefined> {
    this.#asking++
    try {
      return { query, reply, rcode: await pending }
    } catch {
      return undefined
    } finally {
      this.#asking--
    }
  }
}

/** What `pending` gives, or undefined when that takes longer than `timeoutMs`. */
export async function waitAtMost<T>(pending: Promise<T>, timeoutMs: number, clock: Clock): Promise<T | undefined> {
  let timer: unknown
  const timeout = new Promise<undefined>(resolve => {
    timer = clock.setTimeout(() => resolve(undefined), timeoutMs)
  })
  const first = await Promise.race([pending, timeout])
  clock.clearTimeout(timer)
  return first
}
