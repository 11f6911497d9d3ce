// An index from a key to the few values that have it, mostly one: a set for each key would cost more than the values do.

export class MultiMap<V> {
  readonly #values = new Map<string, V | V[]>()

  add(key: string, value: V): void {
    const known = this.#values.get(key)
    // A new list each time: one that was handed out is a snapshot.
    if (known === undefined) this.#values.set(key, value)
    else this.#values.set(key, Array.isArray(known) ? [...known, value] : [known, value])
  }

  /** Of a value that was added several times, once. */
  delete(key: string, value: V): void {
    const known = this.#values.get(key)
    if (known === value) this.#values.delete(key)
    else if (Array.isArray(known)) {
      const index = known.indexOf(value)
      if (index < 0) return
      const rest = known.toSpliced(index, 1)
      this.#values.set(key, rest.length === 1 ? rest[0] : rest)
    }
  }

  get(key: string): readonly V[] {
    const known = this.#values.get(key)
    if (known === undefined) return []
    return Array.isArray(known) ? known : [known]
  }

  keys(): Iterable<string> {
    return this.#values.keys()
  }

  /** The values of each key. */
  *values(): Generator<readonly V[]> {
    for (const key of this.#values.keys()) yield this.get(key)
  }
}
