// When the Corefile is read again, and what is told of it. How one configuration takes the place of another is the site's.

import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { ServerBlock } from '../../corefile/parser.ts'
import type { Gauge } from '../../metrics/cell.ts'
import type { GaugeFamily } from '../../metrics/family.ts'
import type { Registry } from '../../metrics/registry.ts'
import { TransientError } from '../../server/plugin.ts'

export interface ReloaderOptions {
  /** Reads the Corefile and all that it imports; throws when it cannot. Undefined where there is nothing to read again. */
  readonly read: (() => ServerBlock[]) | undefined
  /** Goes over to these blocks; rejects, with everything as it was, when that cannot be. */
  readonly apply: (blocks: readonly ServerBlock[]) => Promise<void>
  /** What the server starts with. */
  readonly running: readonly ServerBlock[]
  readonly log: Logger
  readonly metrics: Registry
}

export class Reloader {
  readonly #options: ReloaderOptions
  readonly #failed: Gauge
  readonly #versions: GaugeFamily
  #hideVersion: () => void
  #running: string
  /** The fingerprint that was tried last, or why there was none: what has failed is not tried again until it is something else. */
  #tried: string
  /** How many attempts have not ended, and the end of the last. */
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(options: ReloaderOptions) {
    const { running, metrics } = options
    this.#options = options
    this.#running = fingerprint(running)
    this.#tried = this.#running
    this.#failures().inc(0)
    this.#failed = metrics
      .gauge('kubezone_reload_last_failed', 'Whether the Corefile that was read last could not be taken over.')
      .cell()
    this.#versions = metrics.gauge(
      'coredns_reload_version_info',
      "A metric with a constant '1' value labeled by hash, and value which type of hash generated.",
      ['hash', 'value'],
    )
    this.#hideVersion = this.#showVersion()
  }

  /** Goes over to the Corefile if it is not what was tried last. Never rejects: what fails is told. */
  async poll(): Promise<void> {
    if (this.#waiting === 0) await this.#enqueue(false)
  }

  /** Goes over to the Corefile whatever is in it. Never rejects: what fails is told. */
  async reload(): Promise<void> {
    if (this.#options.read) await this.#enqueue(true)
    else this.#options.log.error('plugin/reload: the Corefile was read from standard input and cannot be read again')
  }

  /** One after the other. */
  #enqueue(isForced: boolean): Promise<void> {
    this.#waiting++
    this.#last = this.#last.then(() => this.#attempt(isForced)).finally(() => this.#waiting--)
    return this.#last
  }

  async #attempt(isForced: boolean): Promise<void> {
    const { read, apply, log } = this.#options
    if (!read) return
    let blocks: ServerBlock[]
    let wanted: string
    try {
      blocks = read()
      wanted = fingerprint(blocks)
    } catch (error) {
      const { message } = error as Error
      if (isForced || message !== this.#tried) this.#tellFailure(`Corefile parse failed: ${message}`)
      this.#tried = message
      return
    }
    if (!isForced && wanted === this.#tried) return
    this.#tried = wanted
    if (!isForced && wanted === this.#running) {
      this.#failed.set(0)
      log.info('plugin/reload: the Corefile is again the one that is running')
      return
    }
    log.info('Reloading')
    try {
      await apply(blocks)
    } catch (error) {
      if (error instanceof TransientError) this.#tried = ''
      this.#tellFailure(`Corefile changed but reload failed: ${(error as Error).message}`)
      return
    }
    this.#running = wanted
    this.#failed.set(0)
    this.#hideVersion()
    this.#hideVersion = this.#showVersion()
    log.info(`plugin/reload: Running configuration SHA512 = ${wanted}`)
    log.info('Reloading complete')
  }

  #tellFailure(what: string): void {
    this.#failures().inc()
    this.#failed.set(1)
    this.#options.log.error(`plugin/reload: ${what}; what was running goes on`)
  }

  #failures() {
    const help = 'Counter of the number of failed reload attempts.'
    return this.#options.metrics.counter('coredns_reload_failed_total', help).cell()
  }

  #showVersion(): () => void {
    return this.#versions.track(['sha512', this.#running], () => 1)
  }
}

/** SHA-512 over what the blocks say, imports included: comments and where things stand do not count. */
function fingerprint(blocks: readonly ServerBlock[]): string {
  const words = blocks.map(({ keys, directives }) => [
    keys.map(({ text }) => text),
    directives.map(({ tokens }) => tokens.map(({ text, quoted, startsLine }) => [text, quoted, startsLine])),
  ])
  return createHash('sha512').update(JSON.stringify(words)).digest('hex')
}
