// What TCP connections hold in this process: answers that their clients do not take, and what was read and is not answered. The limits of one
// connection do not bound that: it is their sum that ends a process. So the sum has a bound, and who holds most and moves least pays for it.

/** A connection, as far as its memory is concerned. */
export interface Holder {
  /** Octets; written by the budget alone. */
  held: number
  /** Ends it; has called `release` when it returns. */
  drop(): void
}

/** Of all connections of a serving thread. A client that reads takes its answers as they are made, and holds nothing here. */
const MAX_HELD_OCTETS = 16 << 20

export class TcpBudget {
  readonly maxOctets: number
  #octets = 0
  /** Who holds something; who has not moved for longest comes first. */
  readonly #holders = new Set<Holder>()

  constructor(maxOctets = MAX_HELD_OCTETS) {
    this.maxOctets = maxOctets
  }

  /** Octets that are held. */
  get octets(): number {
    return this.#octets
  }

  /** `holder` holds so many octets now; it `hasMoved` when its client has taken an answer, or has completed a message. May drop connections. */
  hold(holder: Holder, octets: number, hasMoved: boolean): void {
    this.#octets += octets - holder.held
    holder.held = octets
    if (hasMoved || octets === 0) this.#holders.delete(holder)
    if (octets > 0) this.#holders.add(holder)
    while (this.#octets > this.maxOctets) {
      const victim = this.#choose()
      if (!victim) return
      victim.drop()
    }
  }

  /** `holder` holds nothing any more. */
  release(holder: Holder): void {
    this.#octets -= holder.held
    holder.held = 0
    this.#holders.delete(holder)
  }

  /** Of those that hold no less than all do on average, the one that has not moved for longest. */
  #choose(): Holder | undefined {
    const share = this.#octets / this.#holders.size
    return this.#holders.values().find(({ held }) => held >= share)
  }
}

/** Of all listeners. */
export const TCP_BUDGET = new TcpBudget()
