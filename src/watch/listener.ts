import type { Sink } from './store.ts'

/** The one whom a keeper tells: until it is closed, and whatever comes of it. */
export class Listener<T> implements Sink<T> {
  /** Told of what the sink throws. */
  onFailure: (error: unknown) => void = () => {}
  readonly #sink: Sink<T>
  #isClosed = false

  constructor(sink: Sink<T>) {
    this.#sink = sink
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Nobody is told from here on, and so nothing is to change. */
  close(): void {
    this.#isClosed = true
  }

  changed(before: T | undefined, after: T | undefined): void {
    if (this.#isClosed) return
    try {
      this.#sink.changed(before, after)
    } catch (error) {
      this.onFailure(error)
    }
  }

  listed(): void {
    if (this.#isClosed) return
    try {
      this.#sink.listed()
    } catch (error) {
      this.onFailure(error)
    }
  }
}
