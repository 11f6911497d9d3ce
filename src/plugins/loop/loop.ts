// Finds upstream servers that hand questions back to us, after CoreDNS's plugin/loop: a name that nobody can know is asked for, and whoever
// brings it here has it from us.

import type { Handler } from '../../server/handler.ts'
import { type Block, joinChain } from '../../server/plugin.ts'
import { Rcode, Type } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import type { Wanted } from './wanted.ts'

export class Loop implements Handler {
  /** Undefined until there is something to look for. */
  wanted: Wanted | undefined
  readonly #next: Handler
  readonly #author: number
  #cut: Error | undefined

  constructor(next: Handler, block: Block) {
    this.#next = next
    this.#author = joinChain(block, 'loop')
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (this.#cut) return this.#refuse(reply, this.#cut)
    if (query.qtype !== Type.HINFO || !this.wanted?.matches(query)) return this.#next.serve(query, reply)
    // What has come round often enough goes round no more.
    return this.wanted.count() ? this.#next.serve(query, reply) : this.#refuse(reply, undefined)
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
}
