// The name that is looked for, in memory of all threads: the kernel may hand a question that comes back to any of them.

import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { MAX_NAME_LENGTH } from '../../wire/constants.ts'

/** Words: octets of the name, 0 when nothing is looked for; how often it may come; how often it came. Then the name. */
const LENGTH = 0
const MAX_SEEN = 1
const SEEN = 2
const NAME_AT = 12

export class Wanted {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #name: Uint8Array

  constructor(buffer = new SharedArrayBuffer(NAME_AT + ((MAX_NAME_LENGTH + 3) & ~3))) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, NAME_AT / 4)
    this.#name = new Uint8Array(buffer, NAME_AT)
  }

  /** Looks for `name`, from now on. */
  begin(name: WireName, maxSeen: number): void {
    Atomics.store(this.#words, LENGTH, 0)
    this.#name.set(name)
    Atomics.store(this.#words, MAX_SEEN, maxSeen)
    Atomics.store(this.#words, SEEN, 0)
    Atomics.store(this.#words, LENGTH, name.length)
  }

  end(): void {
    Atomics.store(this.#words, LENGTH, 0)
    Atomics.store(this.#words, SEEN, 0)
  }

  /** How often the name has come. */
  get seen(): number {
    return Atomics.load(this.#words, SEEN)
  }

  matches(query: Query): boolean {
    const length = Atomics.load(this.#words, LENGTH)
    if (length === 0 || query.nameLength !== length) return false
    for (let i = 0; i < length; i++) if (query.name[i] !== this.#name[i]) return false
    return true
  }

  /** Counts a question for the name; false when it has come round often enough. */
  count(): boolean {
    return Atomics.add(this.#words, SEEN, 1) < Atomics.load(this.#words, MAX_SEEN)
  }
}
