// The addresses of clients, from Node's text to octets.

import { isMappedIpv4, parseAddress } from '../wire/address.ts'

const MAX_CLIENTS = 4_096
const UNKNOWN = new Uint8Array(4)
const MAPPED_LENGTH = 12

/** Remembers the clients that asked of late, so that their addresses are not parsed for each packet. */
export class ClientAddresses {
  readonly #octets = new Map<string, Uint8Array>()

  /** 4 or 16 octets; an IPv4 client of a dual-stack socket is told as IPv4. A link-local address comes with its scope, which is no part of it. */
  octets(text: string): Uint8Array {
    const known = this.#octets.get(text)
    if (known) return known
    if (this.#octets.size >= MAX_CLIENTS) this.#octets.clear()
    const octets = unmap(parseAddress(text.split('%', 1)[0]) ?? UNKNOWN)
    this.#octets.set(text, octets)
    return octets
  }
}

function unmap(octets: Uint8Array): Uint8Array {
  return octets.length === 16 && isMappedIpv4(octets) ? octets.slice(MAPPED_LENGTH) : octets
}
