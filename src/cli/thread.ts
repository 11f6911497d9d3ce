// A serving thread (`multisocket`): its own sockets, chains of plugins, cache and upstreams. It does what the control thread says, and counts in
// memory that the control thread reads.

import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { pino } from 'pino'
import { Registry } from '../metrics/registry.ts'
import { PLUGINS } from '../plugins/order.ts'
import { trackDescriptors } from '../server/libc.ts'
import { type ProcessContext, TransientError } from '../server/plugin.ts'
import { Configuration } from './configuration.ts'
import { watchHeap } from './heap.ts'
import { createLog } from './log.ts'
import { FULL, type Order, type Report, type ThreadData } from './order.ts'
import { type Candidate, type Replaced, Station } from './station.ts'

class Thread {
  readonly #data: ThreadData
  readonly #process: ProcessContext
  readonly #station: Station
  /** Configurations that are not over, by number. */
  readonly #configurations = new Map<number, Configuration>()
  #candidate: Candidate | undefined
  #replaced: Replaced | undefined

  constructor(data: ThreadData) {
    trackDescriptors(data.descriptors)
    const log = createLog(data.log)
    const notices = pino({ level: 'silent' })
    this.#data = data
    this.#process = { version: data.version, log, notices, metrics: new Registry(data.slab) }
    this.#station = new Station({ log, notices, reusePort: true })
    // As in the control thread: no packet and no event may end it.
    process.on('uncaughtException', error => log.error({ err: error }, 'uncaught'))
    process.on('unhandledRejection', reason => log.error({ err: reason }, 'unhandled'))
  }

  async obey(order: Order): Promise<Omit<Report, 'id'> | void> {
    switch (order.kind) {
      case 'prepare': {
        const options = { ...this.#data.configuration, plugins: PLUGINS }
        const role = { process: this.#process, posted: order.posted }
        const configuration = new Configuration(order.blocks, options, role)
        this.#configurations.set(order.number, configuration)
        const candidate = this.#station.prepare(configuration, true, order.ports)
        try {
          await this.#station.open(candidate, () => {})
        } catch (error) {
          this.#forget(configuration)
          throw error
        }
        this.#candidate = candidate
        return { prepared: this.#station.addresses(candidate.posts) }
      }
      case 'swap':
        if (this.#candidate) this.#replaced = this.#station.swap(this.#candidate)
        this.#candidate = undefined
        return
      case 'abandon':
        return this.#abandon()
      case 'retire':
        if (!this.#replaced) return
        this.#forget(this.#replaced.configuration)
        await this.#station.retire(this.#replaced)
        return
      case 'post':
        // One that is over here has nobody left to read it.
        await this.#configurations.get(order.number)?.boards[order.block].post(order.name, order.value)
        return
      case 'count':
        return { received: await this.#station.countReceived() }
      case 'stop':
        await this.#abandon()
        await this.#station.close(order.othersServe)
        await this.#station.configuration?.plugins.stop()
    }
  }

  async #abandon(): Promise<void> {
    const candidate = this.#candidate
    if (!candidate) return
    this.#candidate = undefined
    this.#forget(candidate.configuration)
    await this.#station.abandon(candidate)
  }

  #forget(configuration: Configuration | undefined): void {
    for (const [number, known] of this.#configurations) if (known === configuration) this.#configurations.delete(number)
  }
}

if (!isMainThread && parentPort) {
  const port = parentPort
  const thread = new Thread(workerData as ThreadData)
  watchHeap(() => port.postMessage(FULL))
  port.on('message', ({ id, order }: { id: number; order: Order }) => {
    const report = (rest: Omit<Report, 'id'>): void => port.postMessage({ id, ...rest } satisfies Report)
    thread.obey(order).then(
      done => report(done ?? {}),
      (error: Error) => report({ error: error.message, isTransient: error instanceof TransientError }),
    )
  })
}
