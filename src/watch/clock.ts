/** Time and chance, passed in so that a test of a backoff waits for nothing. */
export interface Clock {
  /** Milliseconds since 1970: what a person or another program is shown. */
  now(): number
  /** Milliseconds since some moment, never set back: what durations are made from. */
  monotonicMs(): number
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /** In [0, 1). */
  random(): number
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  random: () => Math.random(),
}

/** Resolves after `delayMs`, or at once when `signal` aborts: who waits looks at the signal afterwards. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const finish = (): void => {
      clock.clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = clock.setTimeout(finish, delayMs)
    signal.addEventListener('abort', finish)
  })
}
