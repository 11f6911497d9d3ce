// Prints what went wrong while a query was answered, and lets it pass on: the server makes SERVFAIL of it.

import type { Logger } from 'pino'
import type { Handler } from '../../server/handler.ts'
import { Rcode, formatType } from '../../wire/constants.ts'
import { formatName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { formatDuration } from '../duration.ts'

export type Level = 'warn' | 'error' | 'info' | 'debug'

/** `consolidate`: errors that match are counted, and told once for each period. */
export interface Consolidation {
  readonly periodMs: number
  readonly pattern: RegExp
  /** The pattern as it was written. */
  readonly source: string
  readonly level: Level
  /** The first error of a period is printed at once. */
  readonly showFirst: boolean
}

export class ErrorReporter {
  readonly #log: Logger
  readonly #tallies: readonly Tally[]
  readonly #hasStacktrace: boolean

  constructor(log: Logger, consolidations: readonly Consolidation[], hasStacktrace: boolean) {
    this.#log = log
    this.#tallies = consolidations.map(consolidation => new Tally(consolidation, log))
    this.#hasStacktrace = hasStacktrace
  }

  report(query: Query, rcode: Rcode, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const tally = this.#tallies.find(({ consolidation }) => consolidation.pattern.test(message))
    if (tally?.add()) return
    const line = `plugin/errors: ${rcode} ${formatName(query.name)} ${formatType(query.qtype)}: ${message}`
    const stack = this.#hasStacktrace && error instanceof Error ? `\n${error.stack}` : ''
    this.#log[tally?.consolidation.level ?? 'error'](line + stack)
  }

  /** Prints what has been counted so far; from now on nothing is held back. */
  stop(): void {
    for (const tally of this.#tallies) tally.stop()
  }
}

class Tally {
  readonly consolidation: Consolidation
  readonly #log: Logger
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(consolidation: Consolidation, log: Logger) {
    this.consolidation = consolidation
    this.#log = log
  }

  /** Counts one error; false when it is to be printed all the same. */
  add(): boolean {
    if (this.#isStopped) return false
    this.#count++
    if (this.#count > 1) return true
    this.#timer = setTimeout(() => this.#flush(), this.consolidation.periodMs).unref()
    return !this.consolidation.showFirst
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#flush()
  }

  #flush(): void {
    const count = this.#count
    this.#count = 0
    const { level, periodMs, showFirst, source } = this.consolidation
    if (count < (showFirst ? 2 : 1)) return
    this.#log[level](`plugin/errors: ${count} errors like '${source}' occurred in last ${formatDuration(periodMs)}`)
  }
}

export class Errors implements Handler {
  readonly #next: Handler
  readonly #reporter: ErrorReporter

  constructor(next: Handler, reporter: ErrorReporter) {
    this.#next = next
    this.#reporter = reporter
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    let rcode: Rcode | Promise<Rcode>
    try {
      rcode = this.#next.serve(query, reply)
    } catch (error) {
      this.#reporter.report(query, Rcode.SERVFAIL, error)
      throw error
    }
    if (typeof rcode !== 'number') return this.#settle(query, reply, rcode)
    if (reply.failure) this.#reporter.report(query, rcode, reply.failure)
    return rcode
  }

  async #settle(query: Query, reply: Reply, pending: Promise<Rcode>): Promise<Rcode> {
    try {
      const rcode = await pending
      if (reply.failure) this.#reporter.report(query, rcode, reply.failure)
      return rcode
    } catch (error) {
      this.#reporter.report(query, Rcode.SERVFAIL, error)
      throw error
    }
  }
}
