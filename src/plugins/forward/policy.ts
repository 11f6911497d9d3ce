// In which order the upstream servers of a query are tried (CoreDNS: plugin/forward/policy.go).

import { drawBelow } from '../../upstream/random.ts'

export interface Policy {
  /** Writes the numbers 0 to `count - 1` to `order`, the first to be tried first. */
  arrange(order: number[], count: number): void
}

export const random: Policy = {
  arrange(order, count) {
    sequential.arrange(order, count)
    // Fisher and Yates.
    for (let i = count - 1; i > 0; i--) {
      const j = drawBelow(i + 1)
      const other = order[i]
      order[i] = order[j]
      order[j] = other
    }
  },
}

export const sequential: Policy = {
  arrange(order, count) {
    order.length = count
    for (let i = 0; i < count; i++) order[i] = i
  },
}

/** One after the other is the first; behind it, the others stand as in the Corefile. */
export class RoundRobin implements Policy {
  #turn = 0

  arrange(order: number[], count: number): void {
    this.#turn = (this.#turn + 1) % count
    sequential.arrange(order, count)
    for (let i = this.#turn; i > 0; i--) order[i] = order[i - 1]
    order[0] = this.#turn
  }
}
