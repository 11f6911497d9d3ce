// Addresses and names of interfaces, as the addresses to listen on.

import type { NetworkInterfaceInfo } from 'node:os'
import { familyOf, formatAddress, parseAddress } from '../../wire/address.ts'

/** What `os.networkInterfaces()` returns. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/**
 * The addresses that `text` stands for: those of the interface of that name, or the address itself in its canonical form.
 * Undefined when it is neither. A link-local IPv6 address carries its scope (`fe80::1%eth0`): without it, it is not to be bound to.
 */
export function listAddresses(text: string, interfaces: Interfaces): string[] | undefined {
  const assigned = Object.hasOwn(interfaces, text) ? interfaces[text] : undefined
  if (assigned) {
    return assigned.map(({ address, family, scopeid }) =>
      family === 'IPv6' && scopeid > 0 && !address.includes('%') ? `${address}%${text}` : address,
    )
  }
  const address = parseAddress(text)
  if (address) return [formatAddress(address)]
  return text.includes('%') && familyOf(text) === 6 ? [text] : undefined
}
