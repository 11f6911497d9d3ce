// IP addresses as numbers, and pools that hand them out. Their text is as Go's netip reads and writes it, because that is what the real API
// server compares with.

import { formatAddress as formatOctets, parseAddress as parseOctets } from '../wire/address.ts'

export type IpFamily = 'IPv4' | 'IPv6'

/** An address: its number, and which family the number belongs to. */
export interface Address {
  family: IpFamily
  value: bigint
}

/** Reads an address strictly: no leading zeros in IPv4, no zone, no prefix length. undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const octets = parseOctets(text)
  if (!octets) return undefined
  const value = octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n)
  return { family: familyOfOctets(octets), value }
}

export function familyOf(text: string): IpFamily | undefined {
  const octets = parseOctets(text)
  return octets && familyOfOctets(octets)
}

const familyOfOctets = (octets: Uint8Array): IpFamily => (octets.length === 4 ? 'IPv4' : 'IPv6')

/** Writes the canonical text (RFC 5952 for IPv6; IPv4-mapped addresses keep their dotted end). */
export function formatAddress({ family, value }: Address): string {
  const length = family === 'IPv4' ? 4 : 16
  return formatOctets(Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn)))
}

export function isMappedIpv4({ family, value }: Address): boolean {
  return family === 'IPv6' && value >> 32n === 0xffffn
}

/** The ranges that no endpoint address may be in, in the words that the API uses for them. undefined for a usable address. */
export function unusableAs({ family, value }: Address): string | undefined {
  if (value === 0n) return `may not be unspecified (${formatAddress({ family, value })})`
  const is4 = family === 'IPv4'
  if (is4 ? value >> 24n === 127n : value === 1n) return 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
  if (is4 ? value >> 16n === 0xa9fen : value >> 118n === 0xfe80n >> 6n) {
    return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'
  }
  if (is4 ? value >> 8n === 0xe00000n : value >> 112n === 0xff02n) {
    return 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'
  }
  return undefined
}

/** Addresses of one CIDR range, handed out in turn so that a released one is not met again at once. */
export class AddressPool {
  readonly cidr: string
  readonly family: IpFamily
  readonly #first: bigint
  readonly #size: bigint
  // A count and not a flag: manifests may hold the same address twice.
  readonly #taken = new Map<bigint, number>()
  #next: bigint

  /** `skip`: how many addresses at the start of the range are only given to who asks for them. Throws on a bad CIDR. */
  constructor(cidr: string, skip = 1) {
    const [base, length] = cidr.split('/')
    const address = parseAddress(base ?? '')
    const bits = address?.family === 'IPv4' ? 32 : 128
    if (!address || !/^\d+$/.test(length ?? '') || Number(length) > bits) {
      throw new Error(`"${cidr}" is not an address range; write it as 10.96.0.0/16 or fd00:10:96::/112`)
    }
    this.cidr = cidr
    this.family = address.family
    this.#size = 1n << BigInt(bits - Number(length))
    this.#first = address.value - (address.value % this.#size)
    this.#next = BigInt(skip) < this.#size ? BigInt(skip) : 0n
  }

  contains(address: Address): boolean {
    if (address.family !== this.family) return false
    return address.value >= this.#first && address.value < this.#first + this.#size
  }

  /** The network address and, in IPv4, the broadcast address are no hosts. */
  isHost(address: Address): boolean {
    if (!this.contains(address)) return false
    const offset = address.value - this.#first
    return this.#size <= 2n || (offset !== 0n && (this.family === 'IPv6' || offset !== this.#size - 1n))
  }

  isTaken(address: Address): boolean {
    return this.#taken.has(address.value)
  }

  take(address: Address): void {
    this.#taken.set(address.value, (this.#taken.get(address.value) ?? 0) + 1)
  }

  release(address: Address): void {
    const count = this.#taken.get(address.value) ?? 0
    if (count > 1) this.#taken.set(address.value, count - 1)
    else this.#taken.delete(address.value)
  }

  /** The next free address, taken; undefined when the range is full. */
  allocate(): string | undefined {
    for (let tries = 0n; tries < this.#size; tries++) {
      const address = { family: this.family, value: this.#first + this.#next }
      this.#next = (this.#next + 1n) % this.#size
      if (!this.isHost(address) || this.isTaken(address)) continue
      this.take(address)
      return formatAddress(address)
    }
    return undefined
  }
}
