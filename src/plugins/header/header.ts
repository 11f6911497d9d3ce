// Sets or clears bits in the headers of queries, for the plugins behind, and of replies.

import type { Handler } from '../../server/handler.ts'
import type { Rcode } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'

/** Bits of `Flag`; none is in both. */
export interface FlagChange {
  readonly set: number
  readonly clear: number
}

export class Header implements Handler {
  readonly #next: Handler
  readonly #query: FlagChange
  readonly #response: FlagChange

  constructor(next: Handler, query: FlagChange, response: FlagChange) {
    this.#next = next
    this.#query = query
    this.#response = response
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    query.flags = (query.flags | this.#query.set) & ~this.#query.clear
    const rcode = this.#next.serve(query, reply)
    if (typeof rcode !== 'number') return this.#settle(reply, rcode)
    this.#change(reply)
    return rcode
  }

  async #settle(reply: Reply, pending: Promise<Rcode>): Promise<Rcode> {
    const rcode = await pending
    this.#change(reply)
    return rcode
  }

  /** Of several plugins that change a flag, the first in the chain has the last word. */
  #change(reply: Reply): void {
    const { set, clear } = this.#response
    reply.flagsSet = (reply.flagsSet | set) & ~clear
    reply.flagsCleared = (reply.flagsCleared | clear) & ~set
  }
}
