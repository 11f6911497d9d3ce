import type { Clock } from './clock.ts'

/**
 * Calls `ring` once when nothing was heard for a time. Hearing costs two stores, no timer: the one timer looks when it
 * rings.
 */
export class SilenceTimer {
  readonly #clock: Clock
  readonly #ring: (limitMs: number) => void
  #limitMs: number
  #heardMs: number
  #timer: unknown
  #ringsAtMs = 0

  constructor(clock: Clock, limitMs: number, ring: (limitMs: number) => void) {
    this.#clock = clock
    this.#ring = ring
    this.#limitMs = limitMs
    this.#heardMs = clock.monotonicMs()
    this.#arm(limitMs)
  }

  /** Something came; from now on silence may last for `limitMs`. */
  hear(limitMs: number): void {
    this.#heardMs = this.#clock.monotonicMs()
    this.#limitMs = limitMs
    if (this.#heardMs + limitMs >= this.#ringsAtMs) return
    this.stop()
    this.#arm(limitMs)
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #arm(delayMs: number): void {
    this.#ringsAtMs = this.#clock.monotonicMs() + delayMs
    this.#timer = this.#clock.setTimeout(() => {
      const leftMs = this.#heardMs + this.#limitMs - this.#clock.monotonicMs()
      if (leftMs > 0) this.#arm(leftMs)
      else this.#ring(this.#limitMs)
    }, delayMs)
  }
}
