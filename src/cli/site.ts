// A Corefile made into a running server: its blocks parsed, their plugins set up and chained, the listeners that their keys ask for.

import { dirname, resolve } from 'node:path'
import type { Logger } from 'pino'
import { Cursor } from '../corefile/directive.ts'
import { CorefileError } from '../corefile/error.ts'
import { type Key, parseKey } from '../corefile/key.ts'
import { type BoundKey, checkOverlap } from '../corefile/overlap.ts'
import { type ServerBlock as ParsedBlock, parseCorefile } from '../corefile/parser.ts'
import type { Token } from '../corefile/token.ts'
import { Registry } from '../metrics/registry.ts'
import { PLUGINS } from '../plugins/order.ts'
import { observeServer } from '../plugins/prometheus/prometheus.ts'
import { formatServer } from '../plugins/servername.ts'
import type { ServerBlock } from '../server/dispatcher.ts'
import { type Handler, NO_HANDLER } from '../server/handler.ts'
import { HttpEndpoints } from '../server/http.ts'
import { Lifecycle } from '../server/lifecycle.ts'
import type { ApiDefaults, Block, Instance, Plugin, ProcessContext } from '../server/plugin.ts'
import { type BoundAddress, Server } from '../server/server.ts'

export interface SiteOptions {
  /** Text of the Corefile; without a server block in it, `whoami` and `log` are served on `.`. */
  readonly corefile: string
  /** Its path, for errors and relative paths. */
  readonly file: string
  /** Port of keys that name none. */
  readonly defaultPort: number
  readonly log: Logger
  readonly version: string
  readonly api?: ApiDefaults
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The plugins that there are, in execution order. */
  readonly plugins?: readonly Plugin[]
}

/** What CoreDNS serves where nothing says what to serve. */
const DEFAULT_COREFILE = '. {\n    whoami\n    log\n}\n'

interface KeyToken {
  readonly key: Key
  readonly token: Token
}

interface SetUpBlock {
  readonly block: Block
  readonly keys: readonly KeyToken[]
  readonly handler: Handler
}

/** A Corefile, set up but not started. */
export class Site {
  readonly metrics = new Registry()
  readonly http = new HttpEndpoints()
  readonly #options: SiteOptions
  readonly #plugins: readonly Plugin[]
  readonly #blocks: readonly SetUpBlock[]
  readonly #servers: readonly Server[]
  /** Those whose port the system is to choose. */
  readonly #unfixed = new Set<Server>()
  readonly #lifecycle: Lifecycle

  /** Throws CorefileError for the first mistake. */
  constructor(options: SiteOptions) {
    this.#options = options
    this.#plugins = options.plugins ?? PLUGINS
    const { log, version, api = {} } = options
    const process: ProcessContext = { version, log, api, metrics: this.metrics, http: this.http }
    const parse = (text: string): ParsedBlock[] =>
      parseCorefile(text, options.file, {
        env: options.env,
        directives: this.#plugins.map(({ name }) => name),
        warn: message => log.warn(message),
      }).filter(({ keys }) => keys.length > 0)
    const written = parse(options.corefile)
    const parsed = written.length > 0 ? written : parse(DEFAULT_COREFILE)
    this.#blocks = parsed.map(block => this.#setUp(block, process))
    checkOverlap(this.#blocks.flatMap(boundKeys))
    this.#servers = this.#openServers()
    this.#lifecycle = new Lifecycle({
      instances: this.#blocks.flatMap(({ block }) => block.instances),
      server: {
        start: async () => {
          for (const server of this.#servers) await server.start()
        },
        stop: async graceful => {
          await Promise.all(this.#servers.map(server => server.stop(graceful)))
        },
      },
      log,
    })
  }

  /** The keys of all blocks as CoreDNS prints them at its start: `.:53`. */
  get keys(): string[] {
    return this.#blocks.flatMap(({ keys }) => keys.map(({ key }) => `${key.zone}:${key.port}`))
  }

  /** Sockets that are open; the ports are the real ones. */
  addresses(): BoundAddress[] {
    return this.#servers.flatMap(server => server.addresses())
  }

  /** URLs of the sockets and endpoints whose port the system chose, because the Corefile asked for port 0. */
  chosenPorts(): string[] {
    const bound = [...this.#unfixed].flatMap(server => server.addresses())
    const servers = bound.filter(({ transport }) => transport === 'udp')
    return [
      ...servers.map(({ address, port }) => formatServer('dns', address, port)),
      ...this.http.chosenPorts().map(address => `http://${address}`),
    ]
  }

  /** Starts plugins and servers. Rejects, with nothing left open, when one of them cannot start. */
  async start(): Promise<void> {
    try {
      await this.#lifecycle.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Lameduck, then the last answers, then the end. */
  async stop(): Promise<void> {
    await this.#lifecycle.stop()
    await Promise.all(this.#servers.map(server => server.stop()))
    await this.http.close()
  }

  #setUp(parsed: ParsedBlock, process: ProcessContext): SetUpBlock {
    const keys = parsed.keys.flatMap(token => parseKey(token, this.#options.defaultPort).map(key => ({ key, token })))
    for (const { key, token } of keys) {
      if (key.scheme === 'dns') continue
      throw new CorefileError(
        'bad_zone',
        token,
        `${key.scheme}:// is not served by this version`,
        'dns:// or no scheme',
      )
    }
    const block: Block = {
      keys: keys.map(({ key }) => key),
      zones: keys.map(({ key }) => key.zone),
      directory: dirname(resolve(this.#options.file)),
      addresses: [],
      chain: [],
      instances: [],
      resolver: NO_HANDLER,
      process,
    }
    const instances = block.instances as { name: string; instance: Instance }[]
    for (const plugin of this.#plugins) {
      const directives = parsed.directives.filter(({ name }) => name.text === plugin.name)
      if (directives.length > 1 && !plugin.repeatable) {
        const { name } = directives[1]
        throw new CorefileError('bad_argument', name, `${plugin.name} is there twice`, 'it once in a server block')
      }
      for (const directive of directives) {
        instances.push({ name: plugin.name, instance: plugin.setup(new Cursor(directive), block) })
      }
    }
    const handler = instances.reduceRight<Handler>((next, { instance }) => instance.handler?.(next) ?? next, NO_HANDLER)
    return { block, keys, handler }
  }

  /** A server for each address and port, so that each counts under its own name. */
  #openServers(): Server[] {
    const listeners = new Map<
      string,
      { address: string; port: number; blocks: ServerBlock[]; members: Block[]; isCounted: boolean }
    >()
    for (const { block, keys, handler } of this.#blocks) {
      const isCounted = block.instances.some(({ name }) => name === 'prometheus')
      for (const address of block.addresses.length > 0 ? block.addresses : ['']) {
        for (const port of new Set(keys.map(({ key }) => key.port))) {
          const name = formatServer('dns', address, port)
          const listener = listeners.get(name) ?? { address, port, blocks: [], members: [], isCounted: false }
          listeners.set(name, listener)
          const zones = keys.filter(({ key }) => key.port === port).map(({ key }) => key.zone)
          const otherClasses = block.instances.some(({ instance }) => instance.otherClasses)
          listener.blocks.push({ zones: [...new Set(zones)], handler, otherClasses })
          listener.members.push(block)
          listener.isCounted ||= isCounted
        }
      }
    }
    return [...listeners].map(([name, { address, port, blocks, members, isCounted }]) => {
      const observer = isCounted ? observeServer(this.metrics, name) : {}
      const server = new Server({ listeners: [{ address, port, blocks }], log: this.#options.log, observer })
      for (const block of members) block.resolver = server.handler
      if (port === 0) this.#unfixed.add(server)
      return server
    })
  }
}

const boundKeys = ({ block, keys }: SetUpBlock): BoundKey[] =>
  keys.map(({ key, token }) => ({ key, token, addresses: block.addresses }))
