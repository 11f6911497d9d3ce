// A question on its way to the source, and those who wait for its answer.

import type { Entry } from './entry.ts'
import { KnownQuestion } from './key.ts'

/**
 * Octets of answers that are written in one turn of the event loop. What is written in one turn is in memory all at once: 512 answers of 60 KB
 * would be 30 MB, these pieces leave one after the other. All who wait for a short answer have it in the first.
 */
const OCTETS_PER_TURN = 256 << 10

type Take = (entry: Entry | undefined) => void

export class Flight extends KnownQuestion {
  readonly #waiting: Take[] = []

  /** Resolves to what was kept of the answer. */
  join(): Promise<Entry | undefined> {
    return new Promise(resolve => void this.#waiting.push(resolve))
  }

  /** Tells all who wait, in the order in which they came; nobody joins any more. */
  land(entry: Entry | undefined): void {
    const count = Math.max(1, Math.floor(OCTETS_PER_TURN / (entry?.size ?? 1)))
    for (const take of this.#waiting.splice(0, count)) take(entry)
    if (this.#waiting.length > 0) setImmediate(() => this.land(entry))
  }
}
