// A serving thread as the control thread sees it: orders, their reports, and its end.

import { Worker } from 'node:worker_threads'
import type { Libc } from '../server/libc.ts'
import { TransientError } from '../server/plugin.ts'
import { FULL, type Order, type Prepared, type Report, type ThreadData } from './order.ts'

/** Room for the descriptors that a process can have where nobody has raised the kernel's limit. Pages that are never touched cost nothing. */
const MAX_DESCRIPTORS = 1 << 20
/**
 * Of objects that die young. What is left over for queries that wait lives in it; larger, it only takes longer to be collected, and stays
 * resident.
 */
const YOUNG_GENERATION_MB = 4
/** Somewhat longer than a thread gives its last answers. */
const STOP_MS = 7_000

export class ServingThread {
  /** Resolves when it has ended and its sockets are closed: with why, in a few words. */
  readonly ended: Promise<string>
  /** How much it had received when it was last asked to count. */
  received = 0
  readonly #worker: Worker
  readonly #calls = new Map<number, PromiseWithResolvers<Prepared>>()
  #lastId = 0
  #reason: string | undefined
  #hasEnded = false

  /** `libc` is there when it makes sockets by libc. Koffi is then loaded in this thread, too, as it has to be (see loadLibc). */
  constructor(data: Omit<ThreadData, 'descriptors'>, libc: Libc | undefined) {
    const descriptors = new SharedArrayBuffer(MAX_DESCRIPTORS)
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: { ...data, descriptors } satisfies ThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    this.#worker.on('message', (message: Report | typeof FULL) => {
      if (message === FULL) this.#giveUp()
      else this.#settle(message)
    })
    this.#worker.on('error', (error: Error) => (this.#reason ??= error.message))
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    this.#worker.on('exit', code => {
      // Node closes what it has opened itself; a socket that nobody reads would go on taking its share of the queries.
      if (libc) closeAll(libc, new Uint8Array(descriptors))
      this.#hasEnded = true
      const reason = this.#reason ?? `code ${code}`
      for (const call of this.#calls.values()) call.reject(new TransientError(`a serving thread has ended: ${reason}`))
      this.#calls.clear()
      resolve(reason)
    })
  }

  /** Resolves when it has done so; rejects when it cannot, or ends before. */
  order(order: Order): Promise<Prepared> {
    const id = ++this.#lastId
    if (this.#hasEnded) return Promise.reject(new TransientError('a serving thread has ended'))
    const call = Promise.withResolvers<Prepared>()
    this.#calls.set(id, call)
    this.#worker.postMessage({ id, order }, [])
    return call.promise
  }

  #settle({ id, prepared = {}, received, error, isTransient }: Report): void {
    if (received !== undefined) this.received = received
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    if (error === undefined) call?.resolve(prepared)
    else call?.reject(isTransient ? new TransientError(error) : new Error(error))
  }

  /**
   * Ends it while it can still answer what it has received. When the heap is full, V8 ends it wherever it is; and where that is in a callback of
   * koffi's, which most of its work is, koffi ends the process (Napi::Error::ThrowAsJavaScriptException).
   */
  #giveUp(): void {
    this.#reason ??= 'its heap was full'
    void this.stop(true)
  }

  /** Lets it answer what it has received, and ends it. */
  async stop(othersServe: boolean): Promise<void> {
    const timer = setTimeout(() => void this.terminate(), STOP_MS)
    await this.order({ kind: 'stop', othersServe }).catch(() => {})
    clearTimeout(timer)
    await this.terminate()
  }

  /** Ends it at once. While it has sockets by libc that something comes to, koffi ends the process for that, see `#giveUp`. */
  async terminate(): Promise<void> {
    this.#reason ??= 'it was terminated'
    await this.#worker.terminate()
    await this.ended
  }
}

function closeAll(libc: Libc, descriptors: Uint8Array): void {
  for (let fd = descriptors.indexOf(1); fd >= 0; fd = descriptors.indexOf(1, fd + 1)) libc.close(fd)
}
