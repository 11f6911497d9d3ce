// What work does to the heap. Needs --expose-gc.

import { PerformanceObserver } from 'node:perf_hooks'

/** Of the heap, in octets, and how often it was collected. */
export interface Growth {
  readonly growth: number
  readonly collections: number
  readonly nanoseconds: number
}

/** V8 may give up what it has compiled and compile it anew, in the midst of it and late on a busy machine: another run is not hit by that. */
const ATTEMPTS = 3
/** Less than an octet for each of a million. */
const NEXT_TO_NOTHING = 1 << 19

/**
 * Runs `work` `warmUp` times, so that it is compiled, and then looks at the heap while it runs `runs` times; what each run allocates is there in
 * every attempt, and so the least of them counts. `nanoseconds` are those of one.
 */
export async function measureGrowth(work: (count: number) => void, warmUp: number, runs: number): Promise<Growth> {
  work(warmUp)
  let least = await measureOnce(work, runs)
  for (let i = 1; i < ATTEMPTS && (least.collections > 0 || least.growth > NEXT_TO_NOTHING); i++) {
    const next = await measureOnce(work, runs)
    if (next.collections < least.collections || next.growth < least.growth) least = next
  }
  return least
}

async function measureOnce(work: (count: number) => void, runs: number): Promise<Growth> {
  let collections = 0
  const observer = new PerformanceObserver(list => (collections += list.getEntries().length))
  globalThis.gc?.()
  await new Promise(setImmediate)
  observer.observe({ entryTypes: ['gc'] })
  const before = process.memoryUsage().heapUsed
  const startedMs = performance.now()
  work(runs)
  const nanoseconds = Math.round(((performance.now() - startedMs) * 1e6) / runs)
  const growth = process.memoryUsage().heapUsed - before
  // Entries arrive in a later turn.
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
  observer.disconnect()
  return { growth, collections, nanoseconds }
}
