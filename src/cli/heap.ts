// Tells when the heap of this thread is nearly full, while there is still room to end in peace.

import { type PerformanceNodeEntry, PerformanceObserver, constants } from 'node:perf_hooks'
import v8 from 'node:v8'

/** Of the limit, what is left after a collection. V8 collects again when half of the rest is taken, so there is always a time between this and the limit. */
const FULL = 0.75

/** Calls `onFull` once, soon after a collection that has left too much. */
export function watchHeap(onFull: () => void): void {
  const observer = new PerformanceObserver(list => {
    const isWhole = list.getEntries().some(entry => {
      const { kind } = (entry as PerformanceNodeEntry).detail as { kind: number }
      return kind === constants.NODE_PERFORMANCE_GC_MAJOR
    })
    if (!isWhole) return
    const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = v8.getHeapStatistics()
    if (usedBytes < limitBytes * FULL) return
    observer.disconnect()
    onFull()
  })
  observer.observe({ entryTypes: ['gc'] })
}
