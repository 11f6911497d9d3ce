// The addresses of clients, from Node's text to octets.

import { parseAddress } from '../wire/address.ts'

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

/** IPv4-mapped IPv6 addresses are `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
function unmap(octets: Uint8Array): Uint8Array {
  if (octets.length !== 16 || octets[10] !== 0xff || octets[11] !== 0xff) return octets
  for (let i = 0; i < 10; i++) if (octets[i] !== 0) return octets
  return octets.slice(MAPPED_LENGTH)
}
