// Follows a client's search path for it: the client asks for a name with the first suffix, and hears of the first name along the path that is
// there. CoreDNS plugin/autopath.

import type { Counter } from '../../metrics/cell.ts'
import { type Handler, NO_ANSWER } from '../../server/handler.ts'
import { NO_SEARCH, type SearchPath } from '../../server/searchpath.ts'
import { Rcode } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import type { Scope } from '../scope.ts'
import { Relocation } from './relocation.ts'
import { Walk } from './walk.ts'

/** Each has room for the largest message, and for the largest question. */
const MAX_FREE = 64

export class AutoPath implements Handler {
  readonly #next: Handler
  readonly #scope: Scope
  readonly #path: SearchPath
  readonly #successes: Counter
  readonly #relocation = new Relocation()
  readonly #free: Walk[] = []

  constructor(next: Handler, scope: Scope, path: SearchPath, successes: Counter) {
    this.#next = next
    this.#scope = scope
    this.#path = path
    this.#successes = successes
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (!this.#scope.has(query)) return this.#next.serve(query, reply)
    const baseLength = this.#path.match(query)
    if (baseLength === NO_SEARCH) return this.#next.serve(query, reply)
    const { rest } = this.#path
    const first = this.#next.serve(query, reply)
    if (typeof first !== 'number') return this.#waitForFirst(query, reply, baseLength, rest, first)
    return this.#afterFirst(query, reply, baseLength, rest, first)
  }

  // What has to wait is in functions of its own: one that makes a closure allocates whenever it is called.

  async #waitForFirst(
    query: Query,
    reply: Reply,
    baseLength: number,
    rest: readonly WireName[],
    pending: Promise<Rcode>,
  ): Promise<Rcode> {
    return this.#afterFirst(query, reply, baseLength, rest, await pending)
  }

  #afterFirst(
    query: Query,
    reply: Reply,
    baseLength: number,
    rest: readonly WireName[],
    first: Rcode,
  ): Rcode | Promise<Rcode> {
    if (isMissing(first)) return this.#walk(query, reply, baseLength, rest, first, 0, this.#free.pop() ?? new Walk())
    this.#successes.inc()
    return first
  }

  /** Asks for one name after the other, from the suffix `index` on. The reply holds what was said of the first name, with its rcode. */
  #walk(
    query: Query,
    reply: Reply,
    baseLength: number,
    rest: readonly WireName[],
    first: Rcode,
    index: number,
    walk: Walk,
  ): Rcode | Promise<Rcode> {
    for (let i = index; i < rest.length; i++) {
      if (!walk.begin(query, baseLength, rest[i])) continue
      const rcode = this.#next.serve(walk.query, walk.reply)
      if (typeof rcode !== 'number') {
        walk.keepClient()
        return this.#wait(query, reply, baseLength, rest, first, i, walk, rcode)
      }
      if (!isMissing(rcode)) return this.#finish(query, reply, rcode, walk)
    }
    this.#giveBack(walk)
    return first
  }

  async #wait(
    query: Query,
    reply: Reply,
    baseLength: number,
    rest: readonly WireName[],
    first: Rcode,
    index: number,
    walk: Walk,
    pending: Promise<Rcode>,
  ): Promise<Rcode> {
    const rcode = await pending
    if (!isMissing(rcode)) return this.#finish(query, reply, rcode, walk)
    return this.#walk(query, reply, baseLength, rest, first, index + 1, walk)
  }

  #finish(query: Query, reply: Reply, rcode: Rcode, walk: Walk): Rcode {
    reply.clear(query)
    reply.adopt(walk.reply)
    let outcome = rcode
    if (rcode === Rcode.NOERROR) {
      if (this.#relocation.write(walk, query, reply)) this.#successes.inc()
      else {
        reply.failure = new Error('malformed answer to a name of the search path')
        outcome = Rcode.SERVFAIL
      }
    }
    this.#giveBack(walk)
    return outcome
  }

  #giveBack(walk: Walk): void {
    if (this.#free.length < MAX_FREE) this.#free.push(walk)
  }
}

/** The walk goes on; anything else, a failure too, is the answer: a name further on must not take the place of one that may be there. */
const isMissing = (rcode: Rcode): boolean => rcode === Rcode.NXDOMAIN || rcode === NO_ANSWER
