// Socket addresses as Linux has them (struct sockaddr_in, struct sockaddr_in6): the family in the host's order, the port in the network's.

import { parseAddress } from '../wire/address.ts'
import { AF_INET, AF_INET6 } from './libc.ts'

export const SOCKADDR_IN_LENGTH = 16
export const SOCKADDR_IN6_LENGTH = 28
const FAMILY_AT = 0
export const PORT_AT = 2
/** Where the octets of the address are. */
export const IPV4_AT = 4
export const IPV6_AT = 8
const SCOPE_AT = 24

/**
 * The structure for `address` and `port`. The index of the interface that a link-local address names (`fe80::1%eth0`) is asked from
 * `interfaceIndex`. Throws when the text is no address.
 */
export function encodeSockaddr(address: string, port: number, interfaceIndex: (name: string) => number): Uint8Array {
  const [text, scope] = address.split('%', 2)
  const octets = parseAddress(text)
  if (!octets) throw Object.assign(new Error(`${address} is not an address`), { code: 'EINVAL' })
  const isV6 = octets.length === 16
  // With a buffer of its own, however small: one on the heap of JavaScript may move.
  const bytes = new Uint8Array(new ArrayBuffer(isV6 ? SOCKADDR_IN6_LENGTH : SOCKADDR_IN_LENGTH))
  const view = new DataView(bytes.buffer)
  view.setUint16(FAMILY_AT, isV6 ? AF_INET6 : AF_INET, true)
  view.setUint16(PORT_AT, port)
  bytes.set(octets, isV6 ? IPV6_AT : IPV4_AT)
  if (isV6 && scope !== undefined) {
    view.setUint32(SCOPE_AT, /^\d+$/.test(scope) ? Number(scope) : interfaceIndex(scope), true)
  }
  return bytes
}
