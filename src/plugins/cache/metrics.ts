// The metrics of CoreDNS's plugin/cache, by their names and labels.

import type { Counter, Gauge } from '../../metrics/cell.ts'
import type { Block } from '../../server/plugin.ts'
import { nameServer } from '../servername.ts'

/** What is told of each of the two stores. */
export interface StoreMetrics {
  readonly entries: Gauge
  readonly hits: Counter
  readonly evictions: Counter
}

export interface CacheMetrics {
  readonly success: StoreMetrics
  readonly denial: StoreMetrics
  readonly requests: Counter
  readonly misses: Counter
  readonly prefetches: Counter
  readonly drops: Counter
  readonly servedStale: Counter
}

const LABELS = ['server', 'zones', 'view']
const STORE_LABELS = ['server', 'type', 'zones', 'view']
const MISSES_HELP =
  'The count of cache misses. Deprecated, derive misses from cache hits/requests counters. Answers from live data are none.'
const DROPS_HELP = 'The number responses that are not cached, because the reply is malformed.'

export function defineMetrics(block: Block, zones: readonly string[]): CacheMetrics {
  const { metrics } = block.process
  const labels = [nameServer(block), zones.join(','), '']
  const count = (name: string, help: string): Counter =>
    metrics.counter(`coredns_cache_${name}_total`, help, LABELS).cell(labels)
  const entries = metrics.gauge('coredns_cache_entries', 'The number of elements in the cache.', STORE_LABELS)
  const hits = metrics.counter('coredns_cache_hits_total', 'The count of cache hits.', STORE_LABELS)
  const evictions = metrics.counter('coredns_cache_evictions_total', 'The count of cache evictions.', STORE_LABELS)
  const store = (type: string): StoreMetrics => {
    const [server, ...rest] = labels
    const storeLabels = [server, type, ...rest]
    return {
      entries: entries.cell(storeLabels),
      hits: hits.cell(storeLabels),
      evictions: evictions.cell(storeLabels),
    }
  }
  return {
    success: store('success'),
    denial: store('denial'),
    requests: count('requests', 'The count of cache requests.'),
    misses: count('misses', MISSES_HELP),
    prefetches: count('prefetch', 'The number of times the cache has prefetched a cached item.'),
    drops: count('drops', DROPS_HELP),
    servedStale: count('served_stale', 'The number of requests served from stale cache entries.'),
  }
}
