/** Time, passed in so that no test waits. */
export interface Clock {
  /** Whole milliseconds since some moment, never set back. (A fraction would be put on the heap for each query.) */
  monotonicMs(): number
  /** Milliseconds since 1970: the validity of signatures is told in it. */
  now(): number
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

export const SYSTEM_CLOCK: Clock = {
  monotonicMs: () => Math.floor(performance.now()),
  now: () => Date.now(),
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
