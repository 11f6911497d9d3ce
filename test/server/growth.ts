// What work does to the heap. Needs --expose-gc.

import { PerformanceObserver } from 'node:perf_hooks'

/** Of the heap, in octets, and how often it was collected. */
export interface Growth {
  readonly growth: number
  readonly collections: number
  readonly nanoseconds: number
}

/** Runs `work` `warmUp` times, so that it is compiled, and then looks at the heap while it runs `runs` times. `nanoseconds` are those of one. */
export async function measureGrowth(work: (count: number) => void, warmUp: number, runs: number): Promise<Growth> {
  let collections = 0
  const observer = new PerformanceObserver(list => (collections += list.getEntries().length))
  work(warmUp)
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
