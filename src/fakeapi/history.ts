// The last events of the store, so that a watch can start from a resourceVersion of the past and a list can show the state of then.

import { expired } from './errors.ts'
import type { StoreEvent } from './object.ts'

export function revisionOf(event: StoreEvent): number {
  return Number(event.object.metadata.resourceVersion)
}

export class History {
  readonly #limit: number
  #events: StoreEvent[] = []
  /** The newest revision whose event is forgotten. */
  #compactedRevision = 0

  /** Keeps at least `limit` events, and less than twice as many. */
  constructor(limit: number) {
    this.#limit = limit
  }

  add(event: StoreEvent): void {
    this.#events.push(event)
    // Dropped in blocks, so that adding stays constant in time.
    if (this.#events.length >= this.#limit * 2) this.#drop(this.#events.length - this.#limit)
  }

  /** Events after the revision, oldest first. Throws ApiError 410 when some of them are forgotten. */
  since(revision: number): StoreEvent[] {
    if (revision < this.#compactedRevision) {
      throw expired(`too old resource version: ${revision} (${this.#compactedRevision})`)
    }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const event = this.#events[middle]
      if (event !== undefined && revisionOf(event) <= revision) low = middle + 1
      else high = middle
    }
    return this.#events.slice(low)
  }

  /** Forgets all events up to `revision`, as etcd's compaction does. */
  compact(revision: number): void {
    this.#events = []
    this.#compactedRevision = revision
  }

  #drop(count: number): void {
    const last = this.#events[count - 1]
    if (last !== undefined) this.#compactedRevision = revisionOf(last)
    this.#events = this.#events.slice(count)
  }
}
