import type { Prefix } from './cidr.ts'

/** A set of networks. Asking whether an address is in it takes logarithmic time and allocates nothing. */
export class Networks {
  readonly #v4: readonly Prefix[]
  readonly #v6: readonly Prefix[]

  constructor(prefixes: readonly Prefix[]) {
    this.#v4 = arrange(prefixes.filter(({ family }) => family === 4))
    this.#v6 = arrange(prefixes.filter(({ family }) => family === 6))
  }

  /** `address` is 4 or 16 octets. */
  has(address: Uint8Array): boolean {
    const prefixes = address.length === 4 ? this.#v4 : this.#v6
    let low = 0
    let high = prefixes.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(prefixes[middle].address, address) <= 0) low = middle + 1
      else high = middle
    }
    return low > 0 && contains(prefixes[low - 1], address)
  }
}

/**
 * By address, without those that lie in another. Prefixes are nested or apart, never across: the last that does not begin behind an address is
 * the only one that can hold it.
 */
function arrange(prefixes: readonly Prefix[]): Prefix[] {
  const kept: Prefix[] = []
  for (const prefix of prefixes.toSorted((a, b) => compare(a.address, b.address) || a.length - b.length)) {
    const last = kept.at(-1)
    if (!last || !contains(last, prefix.address)) kept.push(prefix)
  }
  return kept
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return 0
}

/** Whether the address at `at` is in the prefix; both of one family. */
export function contains({ address, length }: Prefix, bytes: Uint8Array, at = 0): boolean {
  const whole = length >> 3
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== address[i]) return false
  const rest = length & 7
  return rest === 0 || ((bytes[at + whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) === 0
}
