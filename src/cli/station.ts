// The sockets of one thread, and the configuration that answers on them, which a reload replaces.

import type { Logger } from 'pino'
import type { Service } from '../server/listener.ts'
import { type BoundAddress, Server } from '../server/server.ts'
import type { Configuration, ConfiguredListener } from './configuration.ts'

/** How long a configuration that was replaced may still work at its last answers: as long as a shutdown gives them. */
const GRACE_MS = 5_000

export interface StationOptions {
  readonly log: Logger
  readonly notices: Logger
  /** Whether other threads have sockets for the same ports. */
  readonly reusePort: boolean
}

/** A listener of a configuration with its sockets. */
interface Post {
  readonly name: string
  readonly port: number
  readonly server: Server
  readonly services: Service[]
}

/** A configuration that may take over. */
export interface Candidate {
  readonly configuration: Configuration
  readonly posts: readonly Post[]
  /** Without sockets it answers what the server asks itself, and no one else. */
  readonly hasSockets: boolean
}

/** What has been replaced, and ends. */
export interface Replaced {
  readonly configuration: Configuration | undefined
  readonly gone: readonly Post[]
  readonly former: readonly Service[]
}

/** The ports that were chosen for listeners that ask for port 0, by name. */
export type Ports = Readonly<Record<string, number>>

export class Station {
  readonly #options: StationOptions
  #posts: readonly Post[] = []
  #configuration: Configuration | undefined

  constructor(options: StationOptions) {
    this.#options = options
  }

  /** The configuration that answers. */
  get configuration(): Configuration | undefined {
    return this.#configuration
  }

  /** Sockets that are open, by the name of their listener; the ports are the real ones. */
  addresses(posts = this.#posts): Record<string, BoundAddress[]> {
    return Object.fromEntries(posts.map(({ name, server }) => [name, server.addresses()]))
  }

  /** What has come so far: grows as long as somebody asks. What the kernel holds when this is called is read first. */
  async countReceived(): Promise<number> {
    await new Promise(setImmediate)
    return this.#posts.reduce((sum, { server }) => sum + server.received, 0)
  }

  /** Finds the sockets of each listener, or makes those that are not there. Nothing is opened, and nothing answered with it yet. */
  prepare(configuration: Configuration, hasSockets: boolean, ports: Ports = {}): Candidate {
    const { log, notices, reusePort } = this.#options
    const servers = new Map(this.#posts.map(({ name, server }) => [name, server]))
    const posts = configuration.listeners.map((listener: ConfiguredListener) => {
      const { name, address, service, blocks } = listener
      const port = ports[name] ?? listener.port
      const known = servers.get(name)
      const listeners = [{ address, port, blocks: service.listeners[0].blocks }]
      const server = known ?? new Server({ ...service, listeners, log, notices, reusePort })
      const services = server.prepare(service)
      if (!known) server.change(services)
      for (const block of blocks) block.resolver = services[0].dispatcher
      return { name, port, server, services }
    })
    return { configuration, posts, hasSockets }
  }

  /**
   * Starts the candidate's plugins beside those that run, and opens the sockets that only it has. Rejects, with all of that undone, when
   * something cannot be had, or when `check` throws. `meanwhile` is done while any plugin waits; it does not reject.
   */
  async open(
    { configuration, posts, hasSockets }: Candidate,
    check: () => void,
    meanwhile?: () => Promise<void>,
  ): Promise<void> {
    const held = new Set(this.#posts.map(({ server }) => server))
    const opened = hasSockets ? posts.filter(({ server }) => !held.has(server)) : []
    try {
      await configuration.plugins.start(async () => {
        await meanwhile?.()
        for (const { server } of opened) await server.load()
      })
      for (const post of opened) {
        check()
        await post.server.start().catch((error: Error) => Promise.reject(this.#explain(post, error)))
      }
      check()
    } catch (error) {
      await Promise.all(opened.map(({ server }) => server.stop()))
      await configuration.plugins.stop()
      throw error
    }
  }

  /** Takes back what `open` did. */
  async abandon({ configuration, posts }: Candidate): Promise<void> {
    const held = new Set(this.#posts.map(({ server }) => server))
    await Promise.all(posts.filter(({ server }) => !held.has(server)).map(({ server }) => server.stop()))
    await configuration.plugins.stop()
  }

  /** From now on the candidate answers: in one step, without anything between that could wait. */
  swap({ configuration, posts }: Candidate): Replaced {
    const replaced: Replaced = {
      configuration: this.#configuration,
      gone: this.#posts.filter(post => !posts.some(({ server }) => server === post.server)),
      // Copies: `change` puts the new services in the place of these.
      former: this.#posts.flatMap(({ services }) => services),
    }
    for (const { server, services } of posts) server.change(services)
    this.#configuration = configuration
    this.#posts = posts
    configuration.plugins.activate()
    return replaced
  }

  /** Lets what was replaced give its last answers, and end. */
  async retire({ configuration, gone, former }: Replaced): Promise<void> {
    await Promise.all([
      ...gone.map(({ server }) => server.stop()),
      ...former.map(({ dispatcher }) => dispatcher.settled(GRACE_MS)),
    ])
    await configuration?.plugins.stop()
  }

  /** `othersServe`: other threads have sockets for the same ports, and what comes from now on goes to them. */
  async close(othersServe: boolean): Promise<void> {
    await Promise.all(this.#posts.map(({ server }) => server.stop({ othersServe })))
  }

  /** All addresses and one of them cannot be had at one time. */
  #explain({ port }: Post, error: Error): Error {
    const isOurs = port !== 0 && this.#posts.some(post => post.port === port)
    const isTaken = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
    if (!isOurs || !isTaken) return error
    return new Error(`${error.message}; this server has the port on other addresses: to change those takes a restart`)
  }
}
