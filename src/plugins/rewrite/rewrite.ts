// Lets a query go on as another one, and brings the answer back under the name that was asked for. CoreDNS plugin/rewrite.

import { type Handler, NO_ANSWER } from '../../server/handler.ts'
import type { Block } from '../../server/plugin.ts'
import type { Subquery } from '../../server/subquery.ts'
import { Rcode } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import { type WireName, formatName, lowerName, parseName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply, Section } from '../../wire/reply.ts'
import { type NameChange, Transcript } from '../../wire/transcript.ts'
import { type NameRewriter, QueryText } from './pattern.ts'
import { Plan, type TtlRange } from './plan.ts'
import type { Rule } from './rule.ts'
import { openRecords, retarget } from './target.ts'

export class Rewrite implements Handler {
  readonly #next: Handler
  readonly #rules: readonly Rule[]
  readonly #block: Block
  readonly #text = new QueryText()
  readonly #records = new RecordCursor()
  readonly #free: Subquery[] = []

  constructor(next: Handler, rules: readonly Rule[], block: Block) {
    this.#next = next
    this.#rules = rules
    this.#block = block
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const rules = this.#rules
    const text = this.#text
    text.forget()
    for (let i = 0; i < rules.length; i++) if (rules[i].fits(query, text)) return this.#rewrite(query, reply, i)
    return this.#next.serve(query, reply)
  }

  #rewrite(query: Query, reply: Reply, first: number): Rcode | Promise<Rcode> {
    const plan = new Plan(query, this.#free)
    const text = this.#text
    for (let i = first; i < this.#rules.length; i++) {
      const rule = this.#rules[i]
      if (!rule.fits(plan.query, text) || !rule.apply(plan, text)) continue
      if (plan.badName !== undefined) {
        reply.failure = new Error(`invalid name after rewrite: ${plan.badName}`)
        plan.release()
        return Rcode.SERVFAIL
      }
      if (rule.isLast) break
      text.forget()
    }
    const rcode = plan.subquery ? plan.subquery.ask(this.#next) : this.#next.serve(query, reply)
    if (typeof rcode === 'number') return this.#revise(query, reply, plan, rcode)
    return rcode.then(settled => this.#revise(query, reply, plan, settled))
  }

  /** The answer is there: in `reply`, or in the subquery's. */
  #revise(query: Query, reply: Reply, plan: Plan, rcode: Rcode): Rcode | Promise<Rcode> {
    if (plan.targets.length === 0 || rcode === NO_ANSWER) return this.#finish(query, reply, plan, rcode)
    const answer = plan.subquery?.reply ?? reply
    const outcome = retarget(plan.targets, plan.query, answer, rcode, this.#block.resolver)
    if (typeof outcome === 'number') return this.#finish(query, reply, plan, outcome)
    return outcome.then(settled => this.#finish(query, reply, plan, settled))
  }

  #finish(query: Query, reply: Reply, plan: Plan, rcode: Rcode): Rcode {
    if (rcode === NO_ANSWER) {
      plan.release()
      return rcode
    }
    if (plan.ttls.length > 0) this.#limitTtls(plan.query, plan.subquery?.reply ?? reply, plan.ttls)
    const isBack = !plan.subquery || this.#bringBack(query, reply, plan, plan.subquery)
    plan.release()
    if (!isBack) return Rcode.SERVFAIL
    return plan.rcodes.reduceRight((now, { from, to }) => (now === from ? to : now), rcode)
  }

  #limitTtls(query: Query, reply: Reply, ranges: readonly TtlRange[]): void {
    const records = openRecords(query, reply, this.#records)
    while (records.next()) {
      const ttlSeconds = ranges.reduceRight(
        (ttl, { min, max }) => Math.max(min, Math.min(max, ttl)),
        records.ttlSeconds,
      )
      reply.bytes.writeUInt32BE(ttlSeconds, records.ttlAt)
    }
  }

  /** Copies the subquery's answer into the client's reply; false when that cannot be done. */
  #bringBack(query: Query, reply: Reply, plan: Plan, { query: asked, reply: answer }: Subquery): boolean {
    reply.adopt(answer)
    const transcript = new Transcript(query, reply)
    const names = new NamesBack(plan)
    const records = openRecords(asked, answer, this.#records)
    while (records.next()) {
      if (!transcript.add(answer.bytes, answer.start, records, records.section as Section, names)) break
    }
    if (!transcript.isBroken && !records.isBroken) return true
    reply.clear(query)
    reply.failure = new Error(
      names.bad === undefined ? 'malformed answer to a rewritten question' : `invalid name after rewrite: ${names.bad}`,
    )
    return false
  }
}

/** The names of an answer on their way back, the last rule first. */
class NamesBack implements NameChange {
  /** What a rule has made of a name, when that is no name. */
  bad: string | undefined
  readonly #plan: Plan
  // Most owners of an answer are one and the same.
  #lastOwner: WireName | undefined
  #lastResult: WireName | undefined

  constructor(plan: Plan) {
    this.#plan = plan
  }

  owner(name: WireName): WireName | undefined {
    if (this.#lastOwner && Buffer.compare(name, this.#lastOwner) === 0) return this.#lastResult
    this.#lastOwner = name
    this.#lastResult = this.#rewrite(name, this.#plan.owners)
    return this.#lastResult
  }

  value(name: WireName): WireName | undefined {
    return this.#rewrite(name, this.#plan.values)
  }

  #rewrite(name: WireName, rewriters: readonly NameRewriter[]): WireName | undefined {
    if (rewriters.length === 0) return name
    const before = formatName(lowerName(name))
    const after = rewriters.reduceRight((text, rewriter) => rewriter.rewrite(text) ?? text, before)
    // What no rule is for keeps its spelling.
    if (after === before) return name
    const rewritten = after === '' ? undefined : parseName(after)
    if (!rewritten) this.bad = after
    return rewritten
  }
}
