import type { Clock } from './clock.ts'

/**
 * The arithmetic of client-go's reflector: 0.8 s, doubled up to 30 s. Against one try a second that is about 98 % less
 * traffic for an API server in trouble. If nobody had to wait for 2 minutes the server is taken to be well, and the
 * next failure starts from 0.8 s again; 2 minutes is longer than the longest attempt that fails in silence (70 s) and
 * the longest wait (30 s) together.
 */
const FIRST_MS = 800
const LONGEST_MS = 30_000
const FACTOR = 2
const HEALTHY_MS = 120_000

/**
 * How long to wait before the next attempt. Unlike client-go (which waits d to 2d) the jitter is full, 0 to d:
 * thousands of watches that lost the same server come back evenly spread, and names are stale for 30 s after an outage
 * at the most, 15 s in the mean.
 */
export class Backoff {
  readonly #clock: Clock
  #nextMs = FIRST_MS
  #lastAskedMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nextDelayMs(): number {
    const now = this.#clock.monotonicMs()
    if (now - this.#lastAskedMs >= HEALTHY_MS) this.#nextMs = FIRST_MS
    this.#lastAskedMs = now
    const delayMs = this.#clock.random() * this.#nextMs
    this.#nextMs = Math.min(this.#nextMs * FACTOR, LONGEST_MS)
    return delayMs
  }
}
