// The process as Prometheus's client libraries describe it, for the dashboards that go with CoreDNS, and V8 beside it.

import { readdirSync, readFileSync } from 'node:fs'
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Registry } from './registry.ts'

const GC_BUCKETS = [0.001, 0.01, 0.1, 1, 2, 5]

/** Coarse on purpose: a timer that fires often would keep an idle process awake. */
const LAG_RESOLUTION_MS = 100

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

/**
 * Defines the metrics of this process; for one thread only. What the platform does not tell (/proc outside Linux) is
 * left out. Returns a function that stops measuring.
 */
export function registerProcessMetrics(registry: Registry): () => void {
  const counter = (name: string, help: string, read: () => number): void => {
    registry.counter(name, help).track([], read)
  }
  const gauge = (name: string, help: string, read: () => number): void => {
    registry.gauge(name, help).track([], read)
  }

  counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss())
  const startSeconds = performance.timeOrigin / 1000
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => startSeconds)
  if (countOpenFiles() !== undefined) {
    gauge('process_open_fds', 'Number of open file descriptors.', () => countOpenFiles() ?? Number.NaN)
  }
  const maxOpenFiles = readProc('limits', /^Max open files\s+(\d+)/m)
  if (maxOpenFiles !== undefined) {
    gauge('process_max_fds', 'Maximum number of open file descriptors.', () => maxOpenFiles)
  }
  if (readProc('status', VIRTUAL_SIZE) !== undefined) {
    gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', () => {
      return (readProc('status', VIRTUAL_SIZE) ?? Number.NaN) * 1024
    })
  }
  gauge('nodejs_heap_size_used_bytes', 'Memory that the objects of the main thread take.', () => {
    return getHeapStatistics().used_heap_size
  })
  gauge('kubezone_metrics_dropped_series', 'Series that are not shown because there was no room for them.', () => {
    return registry.droppedSeriesCount()
  })
  const stopLag = registerEventLoopLag(registry)
  const stopGc = registerGc(registry)
  return () => {
    stopLag()
    stopGc()
  }
}

function registerEventLoopLag(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  delay.enable()
  registry
    .gauge('nodejs_eventloop_lag_seconds', 'Mean delay of timers of the main thread since the last scrape.')
    .track([], () => {
      // The histogram holds the time between two timers, which has the interval in it. Empty, its mean is NaN.
      const lagMs = delay.mean / 1e6 - LAG_RESOLUTION_MS
      delay.reset()
      return lagMs > 0 ? lagMs / 1000 : 0
    })
  return () => delay.disable()
}

function registerGc(registry: Registry): () => void {
  const durations = registry.histogram(
    'nodejs_gc_duration_seconds',
    'Duration of garbage collections of the main thread by kind.',
    ['kind'],
    GC_BUCKETS,
  )
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries() as GcEntry[]) {
      durations.cell([GC_KINDS[entry.detail.kind] ?? 'other']).observe(entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

/** What `entryTypes: ['gc']` gives; the type of Node's own entries leaves `detail` out. */
interface GcEntry extends PerformanceEntry {
  detail: { kind: number }
}

const VIRTUAL_SIZE = /^VmSize:\s+(\d+) kB/m

function countOpenFiles(): number | undefined {
  try {
    // Reading the directory opens it, which is one of the entries.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}

function readProc(file: string, value: RegExp): number | undefined {
  try {
    const match = value.exec(readFileSync(`/proc/self/${file}`, 'utf8'))
    return match === null ? undefined : Number(match[1])
  } catch {
    return undefined
  }
}
