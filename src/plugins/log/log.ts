// One line for each query that a rule selects.

import type { Logger } from 'pino'
import type { Handler } from '../../server/handler.ts'
import { Rcode } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { isWithin } from '../scope.ts'
import { classify, typify } from './classify.ts'
import type { Format } from './format.ts'

export interface Rule {
  /** The rule is for this name and all below it; in lower case. */
  readonly scope: WireName
  /** Bits of `Class`. */
  readonly classes: number
  readonly format: Format
}

export class Log implements Handler {
  readonly #next: Handler
  readonly #rules: readonly Rule[]
  readonly #log: Logger

  constructor(next: Handler, rules: readonly Rule[], log: Logger) {
    this.#next = next
    this.#rules = rules
    this.#log = log
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const rule = this.#findRule(query)
    if (!rule) return this.#next.serve(query, reply)
    const startMs = performance.now()
    let rcode: Rcode | Promise<Rcode>
    try {
      rcode = this.#next.serve(query, reply)
    } catch (error) {
      this.#print(rule, query, reply, Rcode.SERVFAIL, startMs)
      throw error
    }
    if (typeof rcode !== 'number') return this.#settle(rule, query, reply, rcode, startMs)
    this.#print(rule, query, reply, rcode, startMs)
    return rcode
  }

  async #settle(rule: Rule, query: Query, reply: Reply, pending: Promise<Rcode>, startMs: number): Promise<Rcode> {
    let rcode: Rcode = Rcode.SERVFAIL
    try {
      rcode = await pending
      return rcode
    } finally {
      this.#print(rule, query, reply, rcode, startMs)
    }
  }

  /** The first whose name fits: a later one is not asked, even when this one leaves the class out. */
  #findRule(query: Query): Rule | undefined {
    for (const rule of this.#rules) if (isWithin(query, rule.scope)) return rule
    return undefined
  }

  #print(rule: Rule, query: Query, reply: Reply, rcode: Rcode, startMs: number): void {
    const type = typify(query, reply, rcode)
    if ((rule.classes & classify(type)) === 0) return
    this.#log.info(rule.format({ query, reply, rcode, type, durationMs: performance.now() - startMs }))
  }
}
