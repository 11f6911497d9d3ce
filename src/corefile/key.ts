// What a server block serves: `[scheme://]zone[:port]`.

import { parsePrefix, reverseZones } from './cidr.ts'
import { formatName, lowerName, parseName, type WireName } from '../wire/name.ts'
import { CorefileError } from './error.ts'
import type { Token } from './token.ts'

export type Scheme = 'dns' | 'tls' | 'quic' | 'grpc' | 'https' | 'https3'

export interface Key {
  scheme: Scheme
  /** Absolute and lower-case, with the dot at the end; the root is `.`. */
  zone: string
  /** 0 means any free port. */
  port: number
}

const SCHEME_PORTS: Readonly<Record<Scheme, number | undefined>> = {
  dns: undefined,
  tls: 853,
  quic: 853,
  grpc: 443,
  https: 443,
  https3: 443,
}

/**
 * Reads one key of a server block; a prefix in CIDR notation may be several. `defaultPort` is that of the scheme `dns`.
 * Throws CorefileError `bad_zone`.
 */
export function parseKey(token: Token, defaultPort: number): Key[] {
  let text = token.text
  let scheme: Scheme = 'dns'
  const separator = text.indexOf('://')
  if (separator !== -1) {
    scheme = text.slice(0, separator).toLowerCase() as Scheme
    if (!Object.hasOwn(SCHEME_PORTS, scheme)) {
      const schemes = Object.keys(SCHEME_PORTS).map(name => `${name}://`)
      throw new CorefileError('bad_zone', token, `unknown scheme in '${text}'`, `one of ${schemes.join(', ')}`)
    }
    text = text.slice(separator + 3)
  }
  let port = SCHEME_PORTS[scheme] ?? defaultPort
  // Only digits behind the last colon are a port, so that an IPv6 prefix (fd00::/8) is left whole.
  const colon = text.lastIndexOf(':')
  if (colon !== -1 && !text.slice(colon).includes('/')) {
    const digits = text.slice(colon + 1)
    port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN
    if (!(port <= 65535)) {
      throw new CorefileError('bad_zone', token, `bad port '${digits}' in '${token.text}'`, 'a number from 0 to 65535')
    }
    text = text.slice(0, colon)
  }
  return readZones(token, text).map(zone => ({ scheme, zone, port }))
}

/** Reads a zone without scheme and port; a prefix in CIDR notation may be several. Throws CorefileError `bad_zone`. */
export function parseZones(token: Token): string[] {
  return readZones(token, token.text)
}

// What is meant as a prefix; a name with a slash (RFC 2317: 0/25.2.0.192.in-addr.arpa) has something else behind it.
const PREFIX = /^(?:[\d.]+|[\da-f.]*:[\da-f:.]*)\/\d+$/i

function readZones(token: Token, text: string): string[] {
  if (PREFIX.test(text)) {
    const prefix = parsePrefix(text)
    if (prefix !== undefined) return reverseZones(prefix)
    throw new CorefileError('bad_zone', token, `bad network '${text}'`, 'ADDRESS/LENGTH such as 10.0.0.0/8 or fd00::/8')
  }
  const fault = findNameFault(text)
  if (fault !== undefined)
    throw new CorefileError('bad_zone', token, `bad zone '${text}': ${fault.what}`, fault.expected)
  return [formatName(lowerName(parseName(text) as WireName))]
}

/** Why a text cannot be the name of a zone. */
function findNameFault(name: string): { what: string; expected: string } | undefined {
  if (name.includes(':'))
    return { what: "it has a ':'", expected: 'ZONE or ZONE:PORT, or an IPv6 prefix ADDRESS/LENGTH' }
  if (name.includes(',')) return { what: "it has a ','", expected: 'a space after the comma between two zones' }
  if (/[\s{}"]/.test(name)) return { what: 'it has a character no zone has', expected: 'a domain name' }
  if (parseName(name) !== undefined) return undefined
  if (name.startsWith('.') || name.includes('..'))
    return { what: 'it has an empty label', expected: 'one dot between labels' }
  return { what: 'it is no domain name', expected: 'labels of at most 63 octets, with their dots at most 254' }
}

/** A key in the form that CoreDNS gives it in messages and in the `server` label of metrics: `dns://cluster.local.:53`. */
export function formatKey(key: Key): string {
  return `${key.scheme}://${key.zone}:${key.port}`
}
