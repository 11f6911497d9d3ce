import type { StoreEvent } from '../object.ts'

// Level-triggered work, as in controller-runtime: an event only says which keys to look at again, and the look compares what is
// with what should be. So events may be many, late or doubled without harm.

export interface Controller {
  readonly name: string
  /** Keys (`namespace/name`) to look at again after an event. */
  keysOf(event: StoreEvent): Iterable<string>
  /** `since`: when the first of the changes was seen that this look answers. */
  sync(key: string, since: Date): void
}

export interface SchedulerOptions {
  /** Told of a key that was given up after its last retry. */
  onError: (controller: string, key: string, error: unknown) => void
}

interface Job {
  controller: Controller
  key: string
  since: Date
}

// 5 ms doubled seven times: the last retry comes 635 ms after the first failure.
const FIRST_RETRY_MS = 5
const MAX_RETRIES = 7
// How long one turn may keep the event loop: the API is served from the same thread.
const TURN_MS = 8

export class Scheduler {
  readonly #onError: SchedulerOptions['onError']
  readonly #jobs = new Map<string, Job>()
  readonly #failures = new Map<string, number>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #waiting: (() => void)[] = []
  #turn: NodeJS.Immediate | undefined
  #isStopped = false

  constructor({ onError }: SchedulerOptions) {
    this.#onError = onError
  }

  add(controller: Controller, key: string): void {
    if (this.#isStopped) return
    const id = `${controller.name} ${key}`
    if (!this.#jobs.has(id)) this.#jobs.set(id, { controller, key, since: new Date() })
    this.#turn ??= setImmediate(() => this.#work())
  }

  addAfter(controller: Controller, key: string, delayMs: number): void {
    if (this.#isStopped) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.add(controller, key)
    }, delayMs)
    this.#timers.add(timer)
  }

  /** Resolves when there is nothing left to do: no key to look at, no retry and no delay under way. */
  async settled(): Promise<void> {
    if (this.#isIdle()) return
    await new Promise<void>(resolve => {
      this.#waiting.push(resolve)
    })
  }

  stop(): void {
    this.#isStopped = true
    clearImmediate(this.#turn)
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#jobs.clear()
    this.#turn = undefined
    this.#wake()
  }

  #work(): void {
    const end = performance.now() + TURN_MS
    for (const [id, job] of this.#jobs) {
      this.#jobs.delete(id)
      this.#run(id, job)
      if (performance.now() > end) break
    }
    this.#turn = this.#jobs.size > 0 && !this.#isStopped ? setImmediate(() => this.#work()) : undefined
    if (this.#isIdle()) this.#wake()
  }

  #run(id: string, { controller, key, since }: Job): void {
    try {
      controller.sync(key, since)
      this.#failures.delete(id)
    } catch (error) {
      const failures = (this.#failures.get(id) ?? 0) + 1
      if (failures > MAX_RETRIES) {
        this.#failures.delete(id)
        this.#onError(controller.name, key, error)
        return
      }
      this.#failures.set(id, failures)
      this.addAfter(controller, key, FIRST_RETRY_MS * 2 ** (failures - 1))
    }
  }

  #isIdle(): boolean {
    return this.#turn === undefined && this.#timers.size === 0
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
