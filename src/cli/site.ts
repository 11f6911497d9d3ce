// The running server: what the process has once (metrics, HTTP endpoints, reloads), and those who answer, which are this thread or, with
// `multisocket`, a crew of others.

import type { Logger } from 'pino'
import type { ServerBlock as ParsedBlock } from '../corefile/parser.ts'
import { Registry } from '../metrics/registry.ts'
import { PLUGINS } from '../plugins/order.ts'
import { Reloader } from '../plugins/reload/reload.ts'
import { formatServer } from '../plugins/servername.ts'
import { HttpEndpoints } from '../server/http.ts'
import { type ApiDefaults, type Plugin, type ControlContext, TransientError } from '../server/plugin.ts'
import type { BoundAddress } from '../server/server.ts'
import { Configuration, type ConfigurationOptions, parseBlocks, parseWritten } from './configuration.ts'
import { Crew } from './crew.ts'
import { LAMEDUCK_LIMITS, outlast } from './lameduck.ts'
import type { LogTarget } from './log.ts'
import type { Memory } from './memory.ts'
import { type Candidate, Station } from './station.ts'

export interface SiteOptions {
  /** Text of the Corefile; without a server block in it, `whoami` and `log` are served on `.`. */
  readonly corefile: string
  /** Its path, for errors and relative paths. */
  readonly file: string
  /** Reads the Corefile anew, for a reload; throws when it cannot. Without it there is none. */
  readonly readCorefile?: () => string
  /** Port of keys that name none. */
  readonly defaultPort: number
  readonly log: Logger
  readonly version: string
  readonly api?: ApiDefaults
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The plugins that there are, in execution order. */
  readonly plugins?: readonly Plugin[]
  /** Told of lists. */
  readonly memory?: Pick<Memory, 'load' | 'relieve' | 'brace'>
  /** Where serving threads log to; by default lines of text on standard output. */
  readonly threadLog?: LogTarget
  /** A plugin has found that the process must end; it is logged. */
  readonly onFatal?: () => void
}

const ANSWERING_ON = `answering after the lameduck until the readiness probe has failed, and nothing comes for ${LAMEDUCK_LIMITS.quietMs / 1000}s`

export class Site {
  readonly metrics = new Registry()
  readonly http = new HttpEndpoints()
  readonly #options: ConfigurationOptions
  readonly #context: ControlContext
  readonly #reloader: Reloader
  readonly #station: Station
  readonly #memory: SiteOptions['memory']
  /** Undefined as long as this thread answers itself. */
  readonly crew: Crew | undefined
  readonly #first: Candidate
  readonly #blocks: readonly ParsedBlock[]
  #isActive = false
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  /** The configuration that a start or a reload has begun with, and the end of the last. */
  #next: Configuration | undefined
  #changing: Promise<void> = Promise.resolve()

  /** Sets everything up and opens nothing. Throws CorefileError for the first mistake. */
  constructor(options: SiteOptions) {
    const { corefile, log, version, api = {}, plugins = PLUGINS } = options
    this.#options = { file: options.file, defaultPort: options.defaultPort, env: options.env, plugins }
    const isWritten = parseWritten(corefile, this.#options, () => {}).length > 0
    const blocks = parseBlocks(corefile, this.#options, message => log.warn(message))
    this.#memory = options.memory
    const read = options.readCorefile
    this.#reloader = new Reloader({
      read: read && (() => this.#readAgain(read, isWritten)),
      apply: parsed => this.#reload(parsed),
      running: blocks,
      log,
      metrics: this.metrics,
    })
    this.#context = {
      version,
      log,
      notices: log,
      api,
      metrics: this.metrics,
      http: this.http,
      pollCorefile: () => this.#reloader.poll(),
      relieve: isAsked => options.memory?.relieve(isAsked),
      brace: () => options.memory?.brace() ?? (() => {}),
      isAlone: () => this.crew === undefined,
      fail(message) {
        log.fatal(message)
        options.onFatal?.()
      },
    }
    this.#station = new Station({ log, notices: log, reusePort: false })
    this.#blocks = blocks
    this.#first = this.#prepare(blocks)
    if (this.#first.configuration.threads > 0) {
      this.crew = new Crew({
        version,
        notices: log,
        metrics: this.metrics,
        log: options.threadLog ?? { format: 'text', descriptor: 1 },
        configuration: { file: options.file, defaultPort: options.defaultPort },
      })
    }
  }

  /**
   * An editor empties a file before it writes it. Who began with server blocks does not go over to the default, in which no `reload` would ever
   * look again.
   */
  #readAgain(read: () => string, isWritten: boolean): ParsedBlock[] {
    const text = read()
    const isEmpty = parseWritten(text, this.#options, () => {}).length === 0
    if (isWritten && isEmpty) throw new Error(`the Corefile '${this.#options.file}': there is no server block in it`)
    return parseBlocks(text, this.#options, () => {})
  }

  get #configuration(): Configuration {
    return this.#station.configuration ?? this.#first.configuration
  }

  /** The keys of all blocks as CoreDNS prints them at its start: `.:53`. */
  get keys(): readonly string[] {
    return this.#configuration.keys
  }

  /** Sockets that are open; the ports are the real ones. Those of several threads for one port are one. */
  addresses(): BoundAddress[] {
    return Object.values(this.#addressesByName()).flat()
  }

  #addressesByName(): Readonly<Record<string, readonly BoundAddress[]>> {
    return this.crew?.addresses ?? this.#station.addresses()
  }

  /** URLs of the sockets and endpoints whose port the system chose, because the Corefile asked for port 0. */
  chosenPorts(): string[] {
    const unfixed = this.#configuration.listeners.filter(({ port }) => port === 0)
    const addresses = this.#addressesByName()
    const servers = unfixed.flatMap(({ name }) => addresses[name] ?? []).filter(({ transport }) => transport === 'udp')
    return [
      ...servers.map(({ address, port }) => formatServer('dns', address, port)),
      ...this.http.chosenPorts().map(address => `http://${address}`),
    ]
  }

  /** Starts plugins and servers. Rejects, with nothing left open, when one of them cannot start. */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    try {
      await this.#change(this.#first, this.#blocks)
      this.#isActive = true
    } catch (error) {
      // Whoever has asked for the end need not hear that there was no start.
      if (this.#stopping) return
      await this.stop()
      throw error
    }
  }

  /** Reads the Corefile and goes over to it, changed or not. Resolves when that is done, or has failed and was told: never rejects. */
  reload(): Promise<void> {
    return this.#reloader.reload()
  }

  /** Lameduck, then the last answers, then the end. `isPatient` waits after a lameduck until nobody asks any more. */
  stop(isPatient = false): Promise<void> {
    this.#stopping ??= this.#stop(isPatient)
    return this.#stopping
  }

  async #stop(isPatient: boolean): Promise<void> {
    // A start or a reload that waits for something is given up.
    await this.#next?.plugins.stop()
    await this.#changing
    const plugins = this.#station.configuration?.plugins
    const lameduck = plugins?.lameduck() ?? Promise.resolve()
    const received = (): Promise<number> => this.crew?.countReceived() ?? this.#station.countReceived()
    const isEndKnown = (): boolean => plugins?.isEndKnown ?? true
    const tell = (): void => this.#context.log.info(ANSWERING_ON)
    await (isPatient ? outlast(lameduck, received, isEndKnown, tell) : lameduck)
    await Promise.all([this.crew?.stop(), this.#station.close(false)])
    await plugins?.stop()
    await this.http.close()
  }

  /** Sets a configuration up. Opens nothing. Throws CorefileError. */
  #prepare(blocks: readonly ParsedBlock[]): Candidate {
    const role = { process: this.#context, control: this.#context }
    const configuration = new Configuration(blocks, this.#options, role)
    return this.#station.prepare(configuration, configuration.threads === 0)
  }

  async #reload(parsed: readonly ParsedBlock[]): Promise<void> {
    if (!this.#isActive) throw new TransientError('the server has not started yet')
    this.#checkRunning()
    const candidate = this.#prepare(parsed)
    const hasThreads = candidate.configuration.threads > 0
    if (hasThreads !== (this.crew !== undefined)) {
      throw new Error('multisocket: who serves the ports cannot change while they are open: this takes a restart')
    }
    await this.#change(candidate, parsed)
  }

  /** Starts a configuration beside the one that answers; when all is well, it takes over, in one step. Otherwise nothing has changed. */
  #change(candidate: Candidate, blocks: readonly ParsedBlock[]): Promise<void> {
    const done = this.#replace(candidate, blocks)
    this.#changing = done.catch(() => {})
    return done
  }

  async #replace(candidate: Candidate, blocks: readonly ParsedBlock[]): Promise<void> {
    const station = this.#station
    let retired: Promise<unknown> | undefined
    const swap = (): void => {
      this.#next = undefined
      retired = station.retire(station.swap(candidate))
    }
    this.#next = candidate.configuration
    try {
      await station.open(
        candidate,
        () => this.#checkRunning(),
        async () => this.#memory?.load(),
      )
      await this.#memory?.load()
      if (this.crew) await this.#changeCrew(this.crew, candidate, blocks, swap)
      else swap()
    } finally {
      this.#next = undefined
    }
    await retired
  }

  async #changeCrew(crew: Crew, candidate: Candidate, blocks: readonly ParsedBlock[], swap: () => void): Promise<void> {
    const { configuration } = candidate
    try {
      await crew.change(configuration, blocks, () => {
        this.#checkRunning()
        swap()
      })
    } catch (error) {
      await this.#station.abandon(candidate)
      throw error
    }
  }

  #checkRunning(): void {
    if (this.#stopping) throw new Error('the server is about to end')
  }
}
