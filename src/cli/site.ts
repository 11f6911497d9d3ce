// The running server: the sockets, the metrics and the HTTP endpoints of the process, and the configuration that answers on them, which a
// reload replaces.

import type { Logger } from 'pino'
import type { ServerBlock as ParsedBlock } from '../corefile/parser.ts'
import { Registry } from '../metrics/registry.ts'
import { PLUGINS } from '../plugins/order.ts'
import { Reloader } from '../plugins/reload/reload.ts'
import { formatServer } from '../plugins/servername.ts'
import { HttpEndpoints } from '../server/http.ts'
import type { Service } from '../server/listener.ts'
import { type ApiDefaults, type Plugin, type ControlContext, TransientError } from '../server/plugin.ts'
import { type BoundAddress, Server } from '../server/server.ts'
import {
  Configuration,
  type ConfigurationOptions,
  type ConfiguredListener,
  parseBlocks,
  parseWritten,
} from './configuration.ts'
import { LAMEDUCK_LIMITS, outlast } from './lameduck.ts'

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
  /** Gives memory back to the system; called before the first list of *kubernetes* is called complete. */
  readonly relieve?: () => void
  /** A plugin has found that the process must end; it is logged. */
  readonly onFatal?: () => void
}

/** How long a configuration that was replaced may still work at its last answers: as long as a shutdown gives them. */
const GRACE_MS = 5_000

const STILL_ASKED = `still asked after the lameduck: answering until nothing comes for ${LAMEDUCK_LIMITS.quietMs / 1000}s`

/** A listener of a configuration with its sockets. */
interface Post {
  readonly name: string
  readonly port: number
  readonly server: Server
  readonly services: Service[]
}

export class Site {
  readonly metrics = new Registry()
  readonly http = new HttpEndpoints()
  readonly #log: Logger
  readonly #options: ConfigurationOptions
  readonly #context: ControlContext
  readonly #reloader: Reloader
  #configuration: Configuration
  #posts: readonly Post[] = []
  #isActive = false
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  /** The configuration that a reload has begun with, and the end of the last reload. */
  #next: Configuration | undefined
  #reloading: Promise<void> = Promise.resolve()

  /** Sets everything up and opens nothing. Throws CorefileError for the first mistake. */
  constructor(options: SiteOptions) {
    const { corefile, log, version, api = {}, plugins = PLUGINS } = options
    this.#log = log
    this.#options = { file: options.file, defaultPort: options.defaultPort, env: options.env, plugins }
    const isWritten = parseWritten(corefile, this.#options, () => {}).length > 0
    const blocks = parseBlocks(corefile, this.#options, message => log.warn(message))
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
      relieve: options.relieve ?? (() => {}),
      fail(message) {
        log.fatal(message)
        options.onFatal?.()
      },
    }
    this.#configuration = new Configuration(blocks, this.#options, { process: this.#context, control: this.#context })
    this.#posts = this.#man(this.#configuration)
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

  /** The keys of all blocks as CoreDNS prints them at its start: `.:53`. */
  get keys(): readonly string[] {
    return this.#configuration.keys
  }

  /** Sockets that are open; the ports are the real ones. */
  addresses(): BoundAddress[] {
    return this.#posts.flatMap(({ server }) => server.addresses())
  }

  /** URLs of the sockets and endpoints whose port the system chose, because the Corefile asked for port 0. */
  chosenPorts(): string[] {
    const unfixed = new Set(this.#configuration.listeners.filter(({ port }) => port === 0).map(({ name }) => name))
    const bound = this.#posts.filter(({ name }) => unfixed.has(name)).flatMap(({ server }) => server.addresses())
    const servers = bound.filter(({ transport }) => transport === 'udp')
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
    const { plugins } = this.#configuration
    try {
      await plugins.start()
      for (const { server } of this.#posts) {
        if (this.#stopping) return
        await server.start()
      }
      if (this.#stopping) return
      plugins.activate()
      this.#isActive = true
    } catch (error) {
      await plugins.stop()
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
    const { plugins } = this.#configuration
    // A reload that waits for something is given up.
    await this.#next?.plugins.stop()
    await this.#reloading
    const lameduck = plugins.lameduck()
    await (isPatient
      ? outlast(
          lameduck,
          () => this.#received,
          () => this.#log.info(STILL_ASKED),
        )
      : lameduck)
    await Promise.all(this.#posts.map(({ server }) => server.stop()))
    await plugins.stop()
    await this.http.close()
  }

  get #received(): number {
    return this.#posts.reduce((sum, { server }) => sum + server.received, 0)
  }

  /** Finds the sockets of each listener, or makes those that are not there. Nothing is opened, and nothing answered with it yet. */
  #man({ listeners }: Configuration): Post[] {
    const servers = new Map(this.#posts.map(({ name, server }) => [name, server]))
    return listeners.map(({ name, address, port, service, blocks }: ConfiguredListener) => {
      const options = { listeners: [{ address, port, blocks: service.listeners[0].blocks }], log: this.#log }
      const known = servers.get(name)
      const server = known ?? new Server({ ...service, ...options })
      const services = server.prepare(service)
      if (!known) server.change(services)
      for (const block of blocks) block.resolver = services[0].dispatcher
      return { name, port, server, services }
    })
  }

  #reload(parsed: readonly ParsedBlock[]): Promise<void> {
    if (!this.#isActive) return Promise.reject(new TransientError('the server has not started yet'))
    const done = this.#replace(parsed)
    this.#reloading = done.catch(() => {})
    return done
  }

  /** Starts the new configuration beside the old one; when all is well, it takes over, in one step. Otherwise nothing has changed. */
  async #replace(parsed: readonly ParsedBlock[]): Promise<void> {
    this.#checkRunning()
    const next = new Configuration(parsed, this.#options, { process: this.#context, control: this.#context })
    const posts = this.#man(next)
    const held = new Set(this.#posts.map(({ server }) => server))
    const opened = posts.filter(({ server }) => !held.has(server))
    this.#next = next
    try {
      await next.plugins.start()
      for (const post of opened) {
        this.#checkRunning()
        await post.server.start().catch((error: Error) => Promise.reject(this.#explain(post, error)))
      }
      this.#checkRunning()
    } catch (error) {
      await Promise.all(opened.map(({ server }) => server.stop()))
      await next.plugins.stop()
      throw error
    } finally {
      this.#next = undefined
    }
    const { plugins } = this.#configuration
    // Copies: `change` puts the new services in the place of these.
    const former = this.#posts.flatMap(({ services }) => services)
    const gone = this.#posts.filter(post => !posts.some(({ server }) => server === post.server))
    for (const { server, services } of posts) server.change(services)
    this.#configuration = next
    this.#posts = posts
    next.plugins.activate()
    await Promise.all([
      ...gone.map(({ server }) => server.stop()),
      ...former.map(({ dispatcher }) => dispatcher.settled(GRACE_MS)),
    ])
    await plugins.stop()
  }

  /** All addresses and one of them cannot be had at one time. */
  #explain({ port }: Post, error: Error): Error {
    const isOurs = port !== 0 && this.#posts.some(post => post.port === port)
    const isTaken = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
    if (!isOurs || !isTaken) return error
    return new Error(`${error.message}; this server has the port on other addresses: to change those takes a restart`)
  }

  #checkRunning(): void {
    if (this.#stopping) throw new Error('the server is about to end')
  }
}
