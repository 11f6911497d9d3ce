// What the rules that fit one query make of it: the question that goes on, and what happens to its answer.

import { HEADER_LENGTH } from '../../wire/constants.ts'
import { type EdnsOption, decodeOptions, encodeOptions, findOptions } from '../../wire/option.ts'
import type { Query } from '../../wire/query.ts'
import { type Question, Subquery } from '../../server/subquery.ts'
import type { NameRewriter } from './pattern.ts'

/** TTLs are brought into this range, in seconds. */
export interface TtlRange {
  readonly min: number
  readonly max: number
}

export interface RcodeChange {
  readonly from: number
  readonly to: number
}

export class Plan {
  /** The question that goes on, when it is not the client's. */
  subquery: Subquery | undefined
  /** What a rule has made of the name, when that is no name. */
  badName: string | undefined
  // In the order of the rules; the answer goes through them backwards.
  readonly owners: NameRewriter[] = []
  readonly values: NameRewriter[] = []
  readonly targets: NameRewriter[] = []
  readonly ttls: TtlRange[] = []
  readonly rcodes: RcodeChange[] = []
  readonly #client: Query
  readonly #free: Subquery[]
  #options: EdnsOption[] | undefined

  /** `free`: subqueries that nobody uses. */
  constructor(client: Query, free: Subquery[]) {
    this.#client = client
    this.#free = free
  }

  /** The question as the rules so far have left it. */
  get query(): Query {
    return this.subquery?.query ?? this.#client
  }

  /** EDNS options of that question. */
  get options(): readonly EdnsOption[] {
    return (this.#options ??= decodeOptions(findOptions(this.#client)))
  }

  setOptions(options: EdnsOption[]): void {
    this.#options = options
    this.change({})
  }

  change(change: Partial<Omit<Question, 'options'>>): void {
    const { bytes, start, nameLength, qtype, qclass } = this.query
    const at = start + HEADER_LENGTH
    const options = this.#options && encodeOptions(this.#options)
    const question = { name: bytes.subarray(at, at + nameLength), qtype, qclass, options, ...change }
    const subquery = this.subquery ?? this.#free.pop()
    if (subquery) subquery.begin(this.#client, question)
    this.subquery = subquery ?? new Subquery(this.#client, question)
    this.subquery.query.asked = this.#client.asked
  }

  /** Nobody looks at the subquery any more. */
  release(): void {
    if (this.subquery && this.#free.length < MAX_FREE) this.#free.push(this.subquery)
    this.subquery = undefined
  }
}

/** Each has room for the largest message. */
const MAX_FREE = 16
