import { AddressPool, parseAddress } from '../address.ts'
import type { IpFamily } from '../address.ts'

/** Addresses that objects hold while they live: pods and load balancers. */
export class AddressLeases {
  readonly #pools: readonly AddressPool[]
  readonly #held = new Map<string, Set<string>>()

  constructor(cidrs: readonly string[]) {
    this.#pools = cidrs.map(cidr => new AddressPool(cidr))
  }

  get families(): IpFamily[] {
    return this.#pools.map(pool => pool.family)
  }

  /** A free address for the object, or undefined when there is no range of that family or it is full. */
  lease(uid: string, family: IpFamily): string | undefined {
    const ip = this.#pools.find(pool => pool.family === family)?.allocate()
    if (ip !== undefined) this.#addressesOf(uid).add(ip)
    return ip
  }

  /** The object has these addresses, wherever it has them from: they are not given to another. */
  note(uid: string, ips: readonly string[]): void {
    for (const ip of ips) {
      const address = parseAddress(ip)
      const pool = address && this.#pools.find(pool => pool.contains(address))
      if (!pool || this.#addressesOf(uid).has(ip)) continue
      pool.take(address)
      this.#addressesOf(uid).add(ip)
    }
  }

  release(uid: string): void {
    for (const ip of this.#held.get(uid) ?? []) {
      const address = parseAddress(ip)
      if (address) this.#pools.find(pool => pool.contains(address))?.release(address)
    }
    this.#held.delete(uid)
  }

  #addressesOf(uid: string): Set<string> {
    const held = this.#held.get(uid) ?? new Set()
    this.#held.set(uid, held)
    return held
  }
}
