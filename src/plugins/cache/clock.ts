/** Time, passed in so that no test waits. */
export interface Clock {
  /** Whole milliseconds since some moment, never set back, and behind by COARSE_MS at most. */
  monotonicMs(): number
  /** Milliseconds since 1970: the validity of signatures is told in it. */
  now(): number
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** Far less than what TTLs are told in. */
const COARSE_MS = 50

/**
 * Reads the time once for all queries of COARSE_MS. What `performance.now` returns is an object on the heap wherever V8 has not inlined it, and
 * whether it does is not the same in every process.
 */
class CoarseTime {
  #ms = 0
  #isFresh = false
  /** Runs while there are queries, and not without them. */
  #timer: NodeJS.Timeout | undefined

  get ms(): number {
    if (!this.#isFresh) this.#read()
    return this.#ms
  }

  #read(): void {
    this.#ms = Math.floor(performance.now())
    this.#isFresh = true
    if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(() => (this.#isFresh = false), COARSE_MS).unref()
  }
}

const coarse = new CoarseTime()

export const SYSTEM_CLOCK: Clock = {
  monotonicMs: () => coarse.ms,
  now: () => Date.now(),
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
