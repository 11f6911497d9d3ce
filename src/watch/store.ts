import { Listener } from './listener.ts'
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

/** Where a reflector keeps what it hears: objects `T`, of which `H` is held. It changes only by telling its sink. */
export interface Keeper<T, H = T> {
  /** Who is told. When it is closed, nothing changes any more. */
  readonly listener: Listener<H>
  readonly size: number
  /** `key` is `namespace/name`, or the name of an object without namespace. */
  get(key: string): H | undefined
  values(): IterableIterator<H>
  put(next: T): void
  remove(key: string): void
  /** A list begins: what is put from here on is in it. */
  beginList(): void
  /** The end of a list: what it did not have is gone. Then the sink is told that the list is complete. */
  completeList(): void
}

/** Keeps objects as they are. */
export class Store<T extends SlimMeta> implements Keeper<T> {
  readonly listener: Listener<T>
  readonly #objects = new Map<string, T>()
  /** Keys that the last list has brought. */
  #listed = new Set<string>()
  #isListing = false

  constructor(sink: Sink<T>) {
    this.listener = new Listener(sink)
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
    if (this.listener.isClosed) return
    const held = this.#objects.get(next.key)
    // The string that is held anyway.
    if (this.#isListing) this.#listed.add(held?.key ?? next.key)
    if (held !== undefined && held.uid !== next.uid) {
      this.remove(next.key)
      this.put(next)
      return
    }
    if (held !== undefined && next.resourceVersion !== '' && held.resourceVersion === next.resourceVersion) return
    this.#objects.set(next.key, next)
    this.listener.changed(held, next)
  }

  remove(key: string): void {
    const held = this.#objects.get(key)
    if (held === undefined || this.listener.isClosed) return
    this.#objects.delete(key)
    this.listener.changed(held, undefined)
  }

  beginList(): void {
    this.#listed.clear()
    this.#isListing = true
  }

  completeList(): void {
    for (const key of this.#objects.keys()) if (!this.#listed.has(key)) this.remove(key)
    this.#listed = new Set()
    this.#isListing = false
    this.listener.listed()
  }
}
