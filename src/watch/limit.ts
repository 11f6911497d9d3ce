import { type Clock, sleep } from './clock.ts'

/** What this client allows itself; what is absent is not limited. */
export interface RequestLimits {
  /** Requests in a second, in the long run. */
  readonly qps?: number
  /** Requests that may go at once after a pause; 1 when absent. */
  readonly burst?: number
  /**
   * Requests that wait for their response's headers at the same time. A watch that is open is not counted: it would
   * starve all the others.
   */
  readonly maxInflight?: number
}

/**
 * A token bucket, told as the time at which it would be full again (the generic cell rate algorithm): one number, no
 * timer of its own.
 */
export class RequestLimiter {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #toleranceMs: number
  readonly #maxInflight: number
  #fullAtMs = 0
  #inflight = 0
  readonly #waiting: (() => void)[] = []

  constructor(limits: RequestLimits, clock: Clock) {
    this.#clock = clock
    this.#intervalMs = limits.qps !== undefined && limits.qps > 0 ? 1000 / limits.qps : 0
    this.#toleranceMs = this.#intervalMs * (Math.max(1, limits.burst ?? 1) - 1)
    this.#maxInflight =
      limits.maxInflight !== undefined && limits.maxInflight > 0 ? limits.maxInflight : Number.POSITIVE_INFINITY
  }

  /**
   * Resolves when a request may go; `release` must follow, once its headers came or it failed. Rejects with the reason
   * when `signal` aborts.
   */
  async acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#inflight >= this.#maxInflight) {
      await this.#turn(signal)
      signal.throwIfAborted()
    }
    this.#inflight++
    const now = this.#clock.monotonicMs()
    const startMs = Math.max(now, this.#fullAtMs - this.#toleranceMs)
    this.#fullAtMs = Math.max(now, this.#fullAtMs) + this.#intervalMs
    if (startMs <= now) return
    await sleep(this.#clock, startMs - now, signal)
    if (signal.aborted) {
      this.release()
      signal.throwIfAborted()
    }
  }

  release(): void {
    this.#inflight--
    this.#waiting.shift()?.()
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const finish = (): void => {
        signal.removeEventListener('abort', abandon)
        resolve()
      }
      const abandon = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(finish), 1)
        finish()
      }
      this.#waiting.push(finish)
      signal.addEventListener('abort', abandon, { once: true })
    })
  }
}
