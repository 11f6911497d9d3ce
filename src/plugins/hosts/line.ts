// Lines as in /etc/hosts: an address, and the names that it has (hosts(5), RFC 952).

import { parseAddress, encodeReverseName } from '../../wire/address.ts'
import { type WireName, isSubdomain, lowerName, parseName } from '../../wire/name.ts'
import { type HostTable, Kind, isWildcard } from './table.ts'

export interface LineOptions {
  /** Names that are in none of these are left out. In lower case. */
  readonly origins: readonly WireName[]
  readonly ttlSeconds: number
  /** Whether addresses lead back to their names. */
  readonly hasReverse: boolean
}

/** Adds what a line says. What is no address, no name, or not in the zones, is left out without a word: such files are full of it. */
export function addLine(table: HostTable, line: string, { origins, ttlSeconds, hasReverse }: LineOptions): void {
  const [first, ...texts] = splitFields(line)
  const address = parseHostAddress(first)
  if (!address) return
  const kind = address.length === 4 ? Kind.A : Kind.AAAA
  for (const text of texts) {
    const parsed = parseName(text)
    if (!parsed) continue
    const name = lowerName(parsed)
    if (!origins.some(origin => isSubdomain(name, origin))) continue
    table.add(name, kind, ttlSeconds, address)
    if (hasReverse && !isWildcard(name)) table.add(encodeReverseName(address), Kind.PTR, ttlSeconds, name)
  }
}

/** An address, without the zone that an IPv6 one may have; IPv4 addresses that are mapped into IPv6 count as IPv4, as in Go. */
export function parseHostAddress(text: string): Uint8Array | undefined {
  const address = parseAddress(text.split('%', 1)[0])
  if (address?.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return address
  return address.subarray(0, 10).every(octet => octet === 0) ? address.slice(12) : address
}

function splitFields(line: string): string[] {
  const end = line.indexOf('#')
  return (end < 0 ? line : line.slice(0, end)).trim().split(/\s+/)
}
