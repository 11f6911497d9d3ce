// The addresses that this server is known by.

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { parseAddress } from '../../wire/address.ts'

type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address'>[] | undefined>>

/**
 * Where clients reach this server: the addresses of `bind`, else those of the interfaces. Loopback counts only where there is nothing else;
 * link-local addresses are no use in a record.
 */
export function listLocalAddresses(
  bound: readonly string[],
  interfaces: Interfaces = networkInterfaces(),
): Uint8Array[] {
  const listed = bound.filter(address => address !== '0.0.0.0' && address !== '::')
  const texts =
    listed.length > 0
      ? listed
      : Object.values(interfaces).flatMap(addresses => addresses?.map(({ address }) => address) ?? [])
  const addresses = texts
    .map(text => parseAddress(text.split('%', 1)[0]))
    .filter(address => address !== undefined)
    .filter(address => !isLinkLocal(address))
  const reachable = addresses.filter(address => !isLoopback(address))
  return reachable.length > 0 ? reachable : addresses
}

/** fe80::/10 (RFC 4291 section 2.5.6). In IPv4 they are what node-local caches bind to, and so are kept. */
const isLinkLocal = (address: Uint8Array): boolean =>
  address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80

const isLoopback = (address: Uint8Array): boolean =>
  address.length === 4 ? address[0] === 127 : address[15] === 1 && address.subarray(0, 15).every(octet => octet === 0)
