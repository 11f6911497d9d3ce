// The server: listeners on UDP and TCP that end in one dispatcher each, and how they are opened and closed.

import type { Logger } from 'pino'
import type { ListenerContext, Service, UdpTransport } from './listener.ts'
import type { ServerObserver } from './observer.ts'
import { Dispatcher, type ServerBlock } from './dispatcher.ts'
import { TCP_LIMITS, TcpListener, type TcpLimits } from './tcp.ts'
import { type BatchIo, Io, loadBatchIo } from './io.ts'
import { TCP_BUDGET } from './budget.ts'
import { joinHostPort } from '../wire/address.ts'
import { explainBindError } from './bind.ts'
import { BatchListener } from './batch.ts'
import { ExchangePool } from './exchange.ts'
import type { Handler } from './handler.ts'
import { UdpListener } from './udp.ts'

/** One address and port, on UDP and TCP, with the server blocks that share it. */
export interface ListenerOptions {
  /** An IPv4 or IPv6 address of this machine; absent for all of both families. */
  readonly address?: string
  /** 0 lets the system choose one port for both transports. */
  readonly port: number
  readonly blocks: readonly ServerBlock[]
}

/** What a server answers with. */
export interface ServiceOptions {
  /** One for each listener, in their order. */
  readonly listeners: readonly Pick<ListenerOptions, 'blocks'>[]
  readonly observer?: ServerObserver
  readonly tcp?: Partial<TcpLimits>
}

export interface ServerOptions extends ServiceOptions {
  readonly listeners: readonly ListenerOptions[]
  readonly log: Logger
  /** For what is not of one query; `log` when absent. */
  readonly notices?: Logger
  /** Share the ports with other sockets of this user (SO_REUSEPORT): for several serving threads. */
  readonly reusePort?: boolean
  /** Queries that may wait for their handlers at one time. */
  readonly maxOutstanding?: number
  /** How UDP is done; by default as KUBEZONE_IO says, else in batches where the platform has them. */
  readonly io?: Io
}

/** An address that is served. */
export interface BoundAddress {
  readonly transport: 'udp' | 'tcp'
  readonly address: string
  readonly port: number
}

export interface StopOptions {
  readonly graceMs?: number
  readonly othersServe?: boolean
}

interface Pair {
  readonly context: ListenerContext
  readonly udp: UdpTransport
  readonly tcp: TcpListener
}

const WILDCARD_V6 = '::'
const WILDCARD_V4 = '0.0.0.0'
/** A port that the system chose for UDP may be taken for TCP; another one is then tried. */
const PORT_ATTEMPTS = 16
/** CoreDNS's graceful stop. */
const GRACE_MS = 5_000
/** Turns of the event loop without anything received: the kernel holds nothing more for us. */
const SILENT_TURNS = 3

export class Server {
  readonly #pool: ExchangePool
  readonly #log: Logger
  readonly #notices: Logger
  readonly #contexts: ListenerContext[]
  readonly #pairs: Pair[] = []
  readonly #io: string | undefined
  #batchIo: BatchIo | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  /** Throws when a zone is not a name, or is in two blocks of one listener. */
  constructor(options: ServerOptions) {
    this.#pool = new ExchangePool(options.maxOutstanding)
    this.#log = options.log
    this.#notices = options.notices ?? options.log
    this.#io = options.io ?? process.env.KUBEZONE_IO
    const services = this.prepare(options)
    this.#contexts = options.listeners.map(({ address = '', port }, i) => ({
      address,
      port,
      reusePort: options.reusePort ?? false,
      pool: this.#pool,
      budget: TCP_BUDGET,
      service: services[i],
    }))
  }

  /** What `change` takes. Throws when a zone is not a name, or is in two blocks of one listener. */
  prepare({ listeners, observer = {}, tcp }: ServiceOptions): Service[] {
    const tcpLimits = { ...TCP_LIMITS, ...tcp }
    return listeners.map(({ blocks }) => {
      const dispatcher = new Dispatcher(blocks, this.#pool, this.#log, observer)
      return { dispatcher, observer, tcpLimits }
    })
  }

  /** Answers with `services` from the next message on, in the order of the listeners. What is being answered ends as it began. */
  change(services: readonly Service[]): void {
    for (const [i, { service }] of this.#contexts.entries()) Object.assign(service, services[i])
  }

  /** Opens every listener. Rejects, with none open, when one cannot be had: one line that says which and why. */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  /** Loads what `start` needs, which takes a while. */
  async load(): Promise<void> {
    if (this.#io !== Io.Dgram) this.#batchIo ??= await loadBatchIo(this.#notices)
  }

  async #start(): Promise<void> {
    await this.load()
    try {
      for (const context of this.#contexts) {
        this.#pairs.push(context.address === '' ? await this.#openWildcard(context) : await this.#open(context))
      }
    } catch (error) {
      await this.#close(() => 0)
      throw error
    }
  }

  async #openWildcard(context: ListenerContext): Promise<Pair> {
    try {
      return await this.#open({ ...context, address: WILDCARD_V6 })
    } catch (error) {
      if (!hasCode(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) throw error
      return await this.#open({ ...context, address: WILDCARD_V4 })
    }
  }

  async #open(context: ListenerContext): Promise<Pair> {
    for (let attempt = 1; ; attempt++) {
      const udp = this.#batchIo ? new BatchListener(context, this.#batchIo) : new UdpListener(context)
      await udp.open().catch((error: Error) => Promise.reject(explain('udp', context, error)))
      const tcp = new TcpListener({ ...context, port: udp.port })
      try {
        await tcp.open()
        return { context, udp, tcp }
      } catch (error) {
        await udp.close()
        const isAnotherTry = context.port === 0 && hasCode(error, 'EADDRINUSE') && attempt < PORT_ATTEMPTS
        if (!isAnotherTry) throw explain('tcp', context, error as Error)
      }
    }
  }

  /** For questions that the server asks itself: as if they had come to the first listener. */
  get handler(): Handler {
    return this.#contexts[0].service.dispatcher
  }

  /** What is served, in the order of the listeners; the ports are the real ones. */
  addresses(): BoundAddress[] {
    return this.#pairs.flatMap(({ context: { address }, udp, tcp }) => [
      { transport: 'udp' as const, address, port: udp.port },
      { transport: 'tcp' as const, address, port: tcp.port },
    ])
  }

  /**
   * Ends without losing a query: what the kernel has received is read, what was read is answered, for `graceMs` at most; then the sockets
   * close. `othersServe`: there are other sockets with the same ports, to which new queries can go at once. Called again, it waits for the
   * same end.
   */
  stop({ graceMs = GRACE_MS, othersServe = false }: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(performance.now() + graceMs, othersServe)
    return this.#stopping
  }

  async #stop(deadlineMs: number, othersServe: boolean): Promise<void> {
    const leftMs = (): number => Math.max(0, deadlineMs - performance.now())
    // Whoever called start() is told when it failed.
    await this.#starting?.catch(() => {})
    if (othersServe) for (const { udp } of this.#pairs) udp.leave()
    await this.#silence(leftMs)
    for (const { tcp } of this.#pairs) tcp.stopAccepting()
    do {
      await this.#pool.idle(leftMs())
      await this.#silence(leftMs)
    } while (this.#pool.taken > 0 && leftMs() > 0)
    await this.#close(leftMs)
  }

  async #close(leftMs: () => number): Promise<void> {
    await Promise.all(this.#pairs.map(({ tcp }) => tcp.close(leftMs())))
    await this.#pool.idle(leftMs())
    await Promise.all(this.#pairs.splice(0).map(({ udp }) => udp.close()))
  }

  /** Keeps reading until nothing comes for a few turns. */
  async #silence(leftMs: () => number): Promise<void> {
    let seen = this.received
    for (let turns = 0; turns < SILENT_TURNS && leftMs() > 0; turns++) {
      await new Promise(setImmediate)
      const received = this.received
      if (received !== seen) turns = -1
      seen = received
    }
  }

  /** Counts what comes: datagrams, and what happens on connections. */
  get received(): number {
    return this.#pairs.reduce((sum, { udp, tcp }) => sum + udp.received + tcp.events, 0)
  }
}

function explain(transport: string, { address, port }: ListenerContext, error: Error): Error {
  const isWildcard = address === WILDCARD_V6 || address === WILDCARD_V4
  return explainBindError(transport, joinHostPort(isWildcard ? '' : address, port), error)
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error
  return codes.includes((cause as NodeJS.ErrnoException).code ?? '')
}
