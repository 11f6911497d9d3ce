// Names that are to go, but not at once. An endpoint that moves from one slice to another leaves the first and then comes to the second, in two
// changes of the API: between them its names would not exist, and resolvers remember that.

import type { WireName } from '../../wire/name.ts'
import { type OwnerRecords, octetsKey } from '../../records/item.ts'

/** Takes the name away, or publishes what remains of it. */
type Settle = (owner: WireName, remains: OwnerRecords | undefined) => void

interface Leaving {
  readonly owner: WireName
  /** What it is the name of; see `end`. */
  readonly of: string
  readonly remains: OwnerRecords | undefined
  readonly dueMs: number
}

export class Lingering {
  readonly #lingerMs: number
  readonly #settle: Settle
  /** In the order in which they are due. */
  readonly #leaving = new Map<string, Leaving>()
  #timer: NodeJS.Timeout | undefined

  /** `settle` is called `lingerMs` after a name is to go; with 0, at once. */
  constructor(lingerMs: number, settle: Settle) {
    this.#lingerMs = lingerMs
    this.#settle = settle
  }

  /** The name is to go, or to lose its records and hold what `remains`. One that is on its way keeps its time. */
  leave(owner: WireName, of: string, remains?: OwnerRecords): void {
    if (this.#lingerMs === 0) {
      this.#settle(owner, remains)
      return
    }
    const key = octetsKey(owner)
    const dueMs = this.#leaving.get(key)?.dueMs ?? performance.now() + this.#lingerMs
    this.#leaving.set(key, { owner, of, remains, dueMs })
    this.#timer ??= setTimeout(() => this.#expire(), this.#lingerMs)
  }

  /** The name is there again. */
  stay(owner: WireName): void {
    if (this.#leaving.size > 0) this.#leaving.delete(octetsKey(owner))
  }

  /** What they are the names of is no more: nothing can come back. */
  end(of: string): void {
    for (const [key, leaving] of this.#leaving) {
      if (leaving.of !== of) continue
      this.#leaving.delete(key)
      this.#settle(leaving.owner, undefined)
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    for (const [key, { owner, remains, dueMs }] of this.#leaving) {
      if (dueMs > nowMs) {
        this.#timer = setTimeout(() => this.#expire(), dueMs - nowMs)
        return
      }
      this.#leaving.delete(key)
      this.#settle(owner, remains)
    }
  }
}
