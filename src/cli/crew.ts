// The serving threads of the process (`multisocket`): as many as the configuration says, all with the same one, and again when one has died.

import type { Logger } from 'pino'
import type { Counter } from '../metrics/cell.ts'
import type { Registry } from '../metrics/registry.ts'
import type { ServerBlock } from '../corefile/parser.ts'
import { Io, loadBatchIo } from '../server/io.ts'
import type { Libc } from '../server/libc.ts'
import type { BoundAddress } from '../server/server.ts'
import type { Configuration } from './configuration.ts'
import type { Order, Prepared, ThreadData } from './order.ts'
import { ServingThread } from './servingthread.ts'
import type { Ports } from './station.ts'

/** A thread that dies at once is not started again at once. */
const MIN_DELAY_MS = 100
const MAX_DELAY_MS = 30_000
/** One that has lived for so long may die again: it is no worse than at first. */
const HEALTHY_MS = 60_000

export interface CrewOptions extends Pick<ThreadData, 'version' | 'log' | 'configuration'> {
  /** Of the control thread. */
  readonly notices: Logger
  readonly metrics: Registry
}

/** What all threads answer with. */
interface Assignment {
  readonly number: number
  readonly blocks: readonly ServerBlock[]
  readonly configuration: Configuration
  /** Carries no more of what is posted. */
  readonly end: () => void
}

/** A place in the crew. Its thread may have died, and another one not be there yet. */
interface Seat {
  readonly slab: SharedArrayBuffer
  thread: ServingThread | undefined
  startedMs: number
  delayMs: number
  timer: NodeJS.Timeout | undefined
}

export class Crew {
  readonly #options: CrewOptions
  readonly #restarts: Counter
  readonly #slabs: SharedArrayBuffer[] = []
  #libc: Libc | undefined
  #seats: Seat[] = []
  /** All that run, of whatever seat. */
  readonly #running = new Set<ServingThread>()
  #assignment: Assignment | undefined
  #addresses: Prepared = {}
  #lastNumber = 0
  #isStopping = false
  /** One change after the other: a reload, a thread that is started again. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: CrewOptions) {
    const { metrics } = options
    this.#options = options
    this.#restarts = metrics
      .counter('kubezone_serving_thread_restarts_total', 'Serving threads that died and were started again.')
      .cell()
    const help = 'Serving threads that run.'
    metrics.gauge('kubezone_serving_threads', help).track([], () => this.threads.length)
  }

  /** Those that run. */
  get threads(): ServingThread[] {
    return this.#seats.map(({ thread }) => thread).filter(thread => thread !== undefined)
  }

  /** The sockets of each thread, by the name of their listener. */
  get addresses(): Readonly<Record<string, readonly BoundAddress[]>> {
    return this.#addresses
  }

  /**
   * All threads go over to this configuration, and as many as it says; or, when one of them cannot, none does, and this rejects. `swap` is what
   * the control thread does in the same moment. Resolves when what was before has ended.
   */
  change(configuration: Configuration, blocks: readonly ServerBlock[], swap: () => void): Promise<void> {
    return this.#exclusively(() => this.#change(configuration, blocks, swap))
  }

  async #change(configuration: Configuration, blocks: readonly ServerBlock[], swap: () => void): Promise<void> {
    await this.#loadLibc()
    const assignment = this.#assign(configuration, blocks)
    const kept = this.#seats.slice(0, configuration.threads)
    const gone = this.#seats.slice(configuration.threads)
    const added: Seat[] = []
    while (kept.length + added.length < configuration.threads) added.push(this.#makeSeat(kept.length + added.length))
    const standing = kept.flatMap(({ thread }) => thread ?? [])
    try {
      // The first chooses ports, where the system may, and the others have the same.
      const [first, ...others] = [...standing, ...added]
      const known = choosePorts(this.#addresses)
      const addresses = first ? await this.#ready(first, assignment, known) : this.#addresses
      const ports = choosePorts(addresses)
      await all(others.map(other => this.#ready(other, assignment, ports)))
      swap()
      this.#addresses = addresses
    } catch (error) {
      assignment.end()
      await Promise.all(standing.map(thread => attempt(thread.order({ kind: 'abandon' }))))
      await Promise.all(added.map(seat => this.#leave(seat, true)))
      throw error
    }
    const before = this.#assignment
    this.#assignment = assignment
    this.#seats = [...kept, ...added]
    for (const seat of added) if (!seat.thread) this.#restartLater(seat, 'a serving thread has ended')
    // A thread that dies now comes back with the new configuration.
    const serving = this.threads
    await Promise.all(serving.map(thread => attempt(thread.order({ kind: 'swap' }))))
    await Promise.all([
      ...serving.map(thread => attempt(thread.order({ kind: 'retire' }))),
      ...gone.map(seat => this.#leave(seat, true)),
    ])
    before?.end()
  }

  /** What the threads have received, as each says it: who is given no CPU says it later. */
  async countReceived(): Promise<number> {
    const { threads } = this
    await Promise.all(threads.map(thread => attempt(thread.order({ kind: 'count' }))))
    return threads.reduce((sum, { received }) => sum + received, 0)
  }

  /** Every thread gives its last answers and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const seats = this.#seats
    this.#seats = []
    await Promise.all(seats.map(seat => this.#leave(seat, false)))
    await this.#last
    // One that was being started.
    await Promise.all([...this.#running].map(thread => thread.stop(false)))
    this.#assignment?.end()
  }

  #exclusively<Result>(change: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => {})
    return done
  }

  async #loadLibc(): Promise<void> {
    if (process.env.KUBEZONE_IO === Io.Dgram) return
    this.#libc ??= (await loadBatchIo(this.#options.notices))?.libc
  }

  /** What is posted from now on goes to the threads; what was posted before, they are prepared with. */
  #assign(configuration: Configuration, blocks: readonly ServerBlock[]): Assignment {
    const number = ++this.#lastNumber
    const ends = configuration.boards.map((board, block) =>
      board.carry(async (name, value) => {
        const post: Order = { kind: 'post', number, block, name, value }
        await Promise.all([...this.#running].map(thread => attempt(thread.order(post))))
      }),
    )
    return { number, blocks, configuration, end: () => ends.forEach(end => end()) }
  }

  #ready(who: ServingThread | Seat, assignment: Assignment, ports: Ports): Promise<Prepared> {
    return who instanceof ServingThread ? this.#prepare(who, assignment, ports) : this.#fill(who, assignment, ports)
  }

  #prepare(thread: ServingThread, { number, blocks, configuration }: Assignment, ports: Ports): Promise<Prepared> {
    const posted = configuration.boards.map(({ values }) => values)
    return thread.order({ kind: 'prepare', number, blocks, posted, ports })
  }

  #makeSeat(index: number): Seat {
    // Who comes after a thread goes on counting where it has ended.
    this.#slabs[index] ??= this.#options.metrics.newSlab()
    return { slab: this.#slabs[index], thread: undefined, startedMs: 0, delayMs: MIN_DELAY_MS, timer: undefined }
  }

  /** Puts a thread in the seat that has everything ready to answer. */
  async #fill(seat: Seat, assignment: Assignment, ports: Ports): Promise<Prepared> {
    const { version, log, configuration } = this.#options
    const thread = new ServingThread({ version, log, configuration, slab: seat.slab }, this.#libc)
    this.#running.add(thread)
    void thread.ended.then(reason => this.#lost(seat, thread, reason))
    const prepared = await this.#prepare(thread, assignment, ports).catch(async (error: Error) => {
      await thread.terminate()
      throw error
    })
    seat.thread = thread
    seat.startedMs = performance.now()
    return prepared
  }

  #lost(seat: Seat, thread: ServingThread, reason: string): void {
    this.#running.delete(thread)
    // What it held, such as entries of a cache, is held no more.
    this.#options.metrics.clearGauges(seat.slab)
    if (seat.thread !== thread) return
    seat.thread = undefined
    if (this.#isStopping || !this.#seats.includes(seat)) return
    if (performance.now() - seat.startedMs > HEALTHY_MS) seat.delayMs = MIN_DELAY_MS
    this.#restartLater(seat, `a serving thread has ended: ${reason}`)
  }

  #restartLater(seat: Seat, what: string): void {
    const { delayMs } = seat
    const { notices } = this.#options
    notices.error(`multisocket: ${what}; another one starts in ${delayMs / 1000}s, the other threads go on`)
    seat.delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)
    seat.timer = setTimeout(() => void this.#exclusively(() => this.#restart(seat)), delayMs)
  }

  async #restart(seat: Seat): Promise<void> {
    const isVacant = (): boolean => !this.#isStopping && this.#seats.includes(seat) && !seat.thread
    if (!isVacant() || !this.#assignment) return
    try {
      await this.#fill(seat, this.#assignment, choosePorts(this.#addresses))
    } catch (error) {
      if (isVacant()) this.#restartLater(seat, (error as Error).message)
      return
    }
    this.#restarts.inc()
    if (seat.thread) await attempt(seat.thread.order({ kind: 'swap' }))
  }

  async #leave(seat: Seat, othersServe: boolean): Promise<void> {
    clearTimeout(seat.timer)
    const { thread } = seat
    seat.thread = undefined
    await thread?.stop(othersServe)
  }
}

const choosePorts = (addresses: Prepared): Ports =>
  Object.fromEntries(Object.entries(addresses).map(([name, [{ port }]]) => [name, port]))

/** What fails is of no consequence: the thread has died, and that is told. */
const attempt = async (done: Promise<unknown>): Promise<void> => {
  await done.catch(() => {})
}

/** As Promise.all, but waits for all of them before it rejects. */
async function all<Result>(promises: readonly (Promise<Result> | Result)[]): Promise<Result[]> {
  const settled = await Promise.allSettled(promises)
  const failed = settled.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return Promise.all(promises)
}
