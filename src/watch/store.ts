import type { SlimMeta } from './slim.ts'

/** Who is told of changes. What it throws is counted and logged; it hears of the next change all the same. */
export interface Sink<T> {
  /**
   * Added: (undefined, x). Updated: (x, y), of the same uid. Deleted: (x, undefined). Made anew under its old name:
   * deleted, then added.
   */
  changed(before: T | undefined, after: T | undefined): void
  /** A list is complete: what is held now is all that there is. The first time means synced. */
  listed(): void
}

/** What is held of one resource. It changes only by telling the sink. */
export class Store<T extends SlimMeta> {
  readonly #objects = new Map<string, T>()
  readonly #sink: Sink<T>
  readonly #sinkFailed: (error: unknown) => void
  #closed = false

  constructor(sink: Sink<T>, sinkFailed: (error: unknown) => void) {
    this.#sink = sink
    this.#sinkFailed = sinkFailed
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  values(): IterableIterator<T> {
    return this.#objects.values()
  }

  put(next: T): void {
    if (this.#closed) return
    const held = this.#objects.get(next.key)
    if (held !== undefined && held.uid !== next.uid) {
      this.remove(next.key)
      this.put(next)
      return
    }
    if (held !== undefined && next.resourceVersion !== '' && held.resourceVersion === next.resourceVersion) return
    this.#objects.set(next.key, next)
    this.#tell(() => this.#sink.changed(held, next))
  }

  remove(key: string): void {
    const held = this.#objects.get(key)
    if (held === undefined || this.#closed) return
    this.#objects.delete(key)
    this.#tell(() => this.#sink.changed(held, undefined))
  }

  /** The end of a list: what it did not have is gone. Then the sink is told that the list is complete. */
  complete(listed: ReadonlySet<string>): void {
    for (const key of this.#objects.keys()) if (!listed.has(key)) this.remove(key)
    this.#tell(() => this.#sink.listed())
  }

  /** Nothing changes and nobody is told from here on. */
  close(): void {
    this.#closed = true
  }

  #tell(tell: () => void): void {
    if (this.#closed) return
    try {
      tell()
    } catch (error) {
      this.#sinkFailed(error)
    }
  }
}
