// Deadlines of many things at little cost: a wheel of lists that one coarse timer turns (Varghese and Lauck, hashed timing wheels). Adding
// and removing allocate nothing; nothing runs while the wheel is empty.

/** A deadline is met late by two of these at most, never early. */
export const TICK_MS = 50
const SLOT_COUNT = 64

/** What can wait in a wheel, in one at a time. */
export abstract class Timed {
  deadlineTick = 0
  isTimed = false
  earlier: Timed | undefined
  later: Timed | undefined

  /** Its time is up; it is no longer in the wheel. */
  abstract expire(): void
}

export class Wheel {
  readonly #slots: (Timed | undefined)[] = Array.from({ length: SLOT_COUNT })
  #tick = 0
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #isTurning = false

  /** How many wait. */
  get count(): number {
    return this.#count
  }

  /** Calls `entry.expire()` after `delayMs`; an entry that waits already waits anew. */
  add(entry: Timed, delayMs: number): void {
    this.remove(entry)
    if (!this.#timer) {
      this.#tick = readTick()
      // What has come while the thread was busy is read before anything counts as late: timers run first in a turn, sockets next.
      this.#timer = setInterval(() => setImmediate(() => this.#turn()), TICK_MS)
    }
    entry.deadlineTick = this.#tick + 1 + Math.ceil(delayMs / TICK_MS)
    entry.isTimed = true
    const slot = entry.deadlineTick % SLOT_COUNT
    const next = this.#slots[slot]
    entry.later = next
    entry.earlier = undefined
    if (next) next.earlier = entry
    this.#slots[slot] = entry
    this.#count++
  }

  remove(entry: Timed): void {
    if (!entry.isTimed) return
    entry.isTimed = false
    if (entry.earlier) entry.earlier.later = entry.later
    else this.#slots[entry.deadlineTick % SLOT_COUNT] = entry.later
    if (entry.later) entry.later.earlier = entry.earlier
    entry.earlier = undefined
    entry.later = undefined
    if (--this.#count === 0 && !this.#isTurning) this.#rest()
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #turn(): void {
    if (!this.#timer) return
    const now = readTick()
    // After a long halt each list is walked once.
    const from = Math.max(this.#tick + 1, now - SLOT_COUNT + 1)
    this.#tick = now
    this.#isTurning = true
    for (let tick = from; tick <= now; tick++) this.#expire(tick % SLOT_COUNT, now)
    this.#isTurning = false
    if (this.#count === 0) this.#rest()
  }

  #expire(slot: number, now: number): void {
    // What expires may add and remove others: the list is looked at anew each time.
    let entry = this.#slots[slot]
    while (entry) {
      if (entry.deadlineTick <= now) {
        this.remove(entry)
        entry.expire()
        entry = this.#slots[slot]
      } else entry = entry.later
    }
  }
}

const readTick = (): number => Math.floor(performance.now() / TICK_MS)
