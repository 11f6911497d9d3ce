// Decides by its client's address whether a query is answered.

import type { Networks } from '../../corefile/networks.ts'
import type { Counter } from '../../metrics/cell.ts'
import { type Handler, NO_ANSWER } from '../../server/handler.ts'
import { Rcode } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { NO_ZONE, type Scope } from '../scope.ts'

export const ACTIONS = ['allow', 'block', 'filter', 'drop'] as const
export type Action = (typeof ACTIONS)[number]

export interface Policy {
  readonly action: Action
  /** Undefined for all types. */
  readonly qtypes: ReadonlySet<number> | undefined
  /** Undefined for all clients. */
  readonly networks: Networks | undefined
}

export interface AclCounters {
  readonly allowed: Counter
  /** By the number of the zone in the scope. */
  readonly blocked: readonly Counter[]
  readonly filtered: readonly Counter[]
  readonly dropped: readonly Counter[]
}

/** Extended errors `Blocked` and `Filtered` (RFC 8914 sections 4.16 and 4.18). */
const BLOCKED = 15
const FILTERED = 17

export class Acl implements Handler {
  readonly #next: Handler
  readonly #scope: Scope
  readonly #policies: readonly Policy[]
  readonly #author: number
  readonly #counters: () => AclCounters
  #counted: AclCounters | undefined

  /** `counters` is called at the first query. */
  constructor(next: Handler, scope: Scope, policies: readonly Policy[], author: number, counters: () => AclCounters) {
    this.#next = next
    this.#scope = scope
    this.#policies = policies
    this.#author = author
    this.#counters = counters
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const counters = (this.#counted ??= this.#counters())
    const zone = this.#scope.find(query)
    const action = zone === NO_ZONE ? 'allow' : this.#decide(query)
    if (action === 'allow') {
      counters.allowed.inc()
      return this.#next.serve(query, reply)
    }
    reply.author = this.#author
    if (action === 'drop') {
      counters.dropped[zone].inc()
      return NO_ANSWER
    }
    if (action === 'filter') {
      counters.filtered[zone].inc()
      reply.setExtendedError(FILTERED)
      return Rcode.NOERROR
    }
    counters.blocked[zone].inc()
    reply.setExtendedError(BLOCKED)
    return Rcode.REFUSED
  }

  #decide(query: Query): Action {
    const policies = this.#policies
    for (let i = 0; i < policies.length; i++) {
      const { action, qtypes, networks } = policies[i]
      if (qtypes !== undefined && !qtypes.has(query.qtype)) continue
      if (networks === undefined || networks.has(query.clientAddress)) return action
    }
    return 'allow'
  }
}
