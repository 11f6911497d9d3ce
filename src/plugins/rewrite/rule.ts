// The rules: which queries each is for, and what it adds to the plan. CoreDNS plugin/rewrite, a file for each there.

import type { Query } from '../../wire/query.ts'
import { parseName } from '../../wire/name.ts'
import { type NamePattern, NameReturn, type NameRewriter, type QueryText } from './pattern.ts'
import type { Plan } from './plan.ts'

export interface Rule {
  /** `stop`: no rule after it, once it was applied. */
  readonly isLast: boolean
  /** Whether it is for this question; nothing is allocated, but for the text where a pattern needs it. */
  fits(query: Query, text: QueryText): boolean
  /** False when there was nothing to do after all: then it does not count as applied. */
  apply(plan: Plan, text: QueryText): boolean
}

/** How the names of an answer come back: `answer auto`, `answer name`, `answer value`. */
export interface AnswerRules {
  /** The rewritten name, and names below it, become the one before. */
  readonly isReturned: boolean
  readonly owners: readonly NameRewriter[]
  readonly values: readonly NameRewriter[]
}

export class NameRule implements Rule {
  readonly isLast: boolean
  readonly #pattern: NamePattern
  readonly #answers: AnswerRules

  constructor(isLast: boolean, pattern: NamePattern, answers: AnswerRules) {
    this.isLast = isLast
    this.#pattern = pattern
    this.#answers = answers
  }

  fits(query: Query, text: QueryText): boolean {
    return this.#pattern.fits(query, text)
  }

  apply(plan: Plan, text: QueryText): boolean {
    const before = text.of(plan.query)
    const after = this.#pattern.rewrite(before, plan.query)
    if (after === undefined) return false
    // What is left of a name when all of it was taken away is not the root.
    const name = after === '' ? undefined : parseName(after)
    if (!name) {
      plan.badName = after
      return true
    }
    plan.change({ name })
    const { isReturned, owners, values } = this.#answers
    if (isReturned) {
      const back = new NameReturn(after, before)
      plan.owners.push(back)
      plan.values.push(back)
    }
    plan.owners.push(...owners)
    plan.values.push(...values)
    return true
  }
}

/** Another type, another class. */
export class NumberRule implements Rule {
  readonly isLast: boolean
  readonly #field: 'qtype' | 'qclass'
  readonly #from: number
  readonly #to: number

  constructor(isLast: boolean, field: 'qtype' | 'qclass', from: number, to: number) {
    this.isLast = isLast
    this.#field = field
    this.#from = from
    this.#to = to
  }

  fits(query: Query): boolean {
    return query[this.#field] === this.#from
  }

  apply(plan: Plan): boolean {
    plan.change({ [this.#field]: this.#to })
    return true
  }
}

/** Leaves the question alone and notes what becomes of its answer. */
export class ReplyRule implements Rule {
  readonly isLast: boolean
  readonly #pattern: NamePattern | undefined
  readonly #note: (plan: Plan) => void

  /** Without a pattern, it is for every question. */
  constructor(isLast: boolean, pattern: NamePattern | undefined, note: (plan: Plan) => void) {
    this.isLast = isLast
    this.#pattern = pattern
    this.#note = note
  }

  fits(query: Query, text: QueryText): boolean {
    return this.#pattern === undefined || this.#pattern.fits(query, text)
  }

  apply(plan: Plan): boolean {
    this.#note(plan)
    return true
  }
}
