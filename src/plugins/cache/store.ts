// Where entries are kept: bounded by their number and by their octets. What has not been asked for the longest makes room.

import { LRUCache } from 'lru-cache'
import type { Query } from '../../wire/query.ts'
import type { Entry } from './entry.ts'
import type { StoreMetrics } from './metrics.ts'

/** Octets for each entry of the capacity: 10 MB for the default of 9,984. Answers of one entry or another may be much longer. */
const OCTETS_PER_ENTRY = 1_024

export class Store {
  readonly #entries: LRUCache<number, Entry>
  readonly #metrics: StoreMetrics

  constructor(capacity: number, metrics: StoreMetrics) {
    this.#metrics = metrics
    this.#entries = new LRUCache({
      max: capacity,
      maxSize: capacity * OCTETS_PER_ENTRY,
      sizeCalculation: entry => entry.size,
      dispose: (_entry, _key, reason) => {
        if (reason === 'evict') metrics.evictions.inc()
      },
    })
  }

  find(key: number): Entry | undefined {
    return this.#entries.get(key, NO_OPTIONS)
  }

  /** Takes the place of what has the same key, be it of another name. */
  set(key: number, entry: Entry): void {
    this.#entries.set(key, entry)
    this.#metrics.entries.set(this.#entries.size)
  }

  /** Removes what is kept for this question; what has its key by accident stays. */
  drop(key: number, query: Query): void {
    if (!this.find(key)?.matches(query)) return
    this.#entries.delete(key)
    this.#metrics.entries.set(this.#entries.size)
  }
}

/** Without it, each look-up makes an object of its own. */
const NO_OPTIONS = {}
