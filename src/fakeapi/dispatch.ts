// Hands events to listeners in the order of their writes, also when a listener writes.

import type { StoreEvent } from './object.ts'

export type Listener = (event: StoreEvent) => void

export class Dispatcher {
  readonly #listeners = new Set<Listener>()
  #queue: StoreEvent[] = []
  #held = 0
  #draining = false

  subscribe(listener: Listener): () => void {
    // A wrapper of its own for each, so that the same function may listen twice.
    const own: Listener = event => listener(event)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  push(event: StoreEvent): void {
    this.#queue.push(event)
  }

  /**
   * Runs `work` and then tells the listeners what it wrote, so that they see a cascade only when it is complete.
   * An error of a listener reaches the writer, after all the others have been told.
   */
  batch<T>(work: () => T): T {
    this.#held++
    let result: T
    try {
      result = work()
    } finally {
      this.#held--
      // What was written before `work` failed did happen.
      this.#drain()
    }
    return result
  }

  #drain(): void {
    if (this.#held > 0 || this.#draining) return
    this.#draining = true
    const failures: unknown[] = []
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      for (const listener of this.#listeners) {
        try {
          listener(event)
        } catch (error) {
          failures.push(error)
        }
      }
    }
    this.#draining = false
    if (failures.length > 0) throw failures[0]
  }
}
