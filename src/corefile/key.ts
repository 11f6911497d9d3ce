// What a server block serves: `[scheme://]zone[:port]`.

import { parsePrefix, reverseZones } from './cidr.ts'
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
  const zone = text.replace(/[A-Z]/g, letter => letter.toLowerCase())
  if (zone === '' || zone === '.') return ['.']
  return [isAbsolute(zone) ? zone : `${zone}.`]
}

function isAbsolute(name: string): boolean {
  const backslashes = /(\\*)\.$/.exec(name)
  // An odd number of backslashes makes the last dot part of the label.
  return backslashes !== null && backslashes[1].length % 2 === 0
}

/** Why a name in presentation form (RFC 1035 section 5.1) cannot be put on the wire. */
function findNameFault(name: string): { what: string; expected: string } | undefined {
  if (name === '' || name === '.') return undefined
  if (name.includes(':'))
    return { what: "it has a ':'", expected: 'ZONE or ZONE:PORT, or an IPv6 prefix ADDRESS/LENGTH' }
  if (name.includes(',')) return { what: "it has a ','", expected: 'a space after the comma between two zones' }
  // oxlint-disable-next-line no-control-regex
  if (/[\s{}"\u0000-\u001f\u007f]/.test(name))
    return { what: 'it has a character no zone has', expected: 'a domain name' }
  // Four characters (\DDD) are the longest way to write an octet.
  if (name.length > 4 * 255) return { what: `it has ${name.length} characters`, expected: 'at most 255 octets' }
  let octets = 1
  const labels = name.match(/(?:\\\d{3}|\\[^\d]|[^\\.])+|\.|\\/gsu) ?? []
  let afterDot = true
  for (const label of labels) {
    if (label === '\\') return { what: 'its escape is not complete', expected: '\\DDD or \\ and a character' }
    if (label === '.') {
      if (afterDot) return { what: 'it has an empty label', expected: 'one dot between labels' }
      afterDot = true
      continue
    }
    afterDot = false
    const length = Buffer.byteLength(label.replace(/\\(?:\d{3}|.)/gsu, 'x'))
    if (length > 63) return { what: `a label has ${length} octets`, expected: 'at most 63' }
    octets += length + 1
  }
  return octets > 255 ? { what: `it has ${octets} octets`, expected: 'at most 255' } : undefined
}

/** A key in the form that CoreDNS gives it in messages and in the `server` label of metrics: `dns://cluster.local.:53`. */
export function formatKey(key: Key): string {
  return `${key.scheme}://${key.zone}:${key.port}`
}
