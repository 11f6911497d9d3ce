// IP addresses between text and octets, and the names of the reverse zones.

import { type WireName, formatName } from './name.ts'

const DIGIT_0 = 0x30
const LETTER_A = 0x61

/**
 * IPv4 or IPv6 text to 4 or 16 octets (RFC 4291 section 2.2); a zone index (`%eth0`) is not part of an address.
 * Returns undefined for everything else, leading zeros in IPv4 included (they are octal to some, decimal to others).
 */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/**
 * 4 or 6, or 0 for what is no address; with the scope that an IPv6 address may name (`fe80::1%eth0`). As `net.isIP` has it, whose regular expression
 * takes 10 ms of a start to compile.
 */
export function familyOf(text: string): 0 | 4 | 6 {
  const [, bare, scope] = /^([^%]*)(%[\da-zA-Z.:-]+)?$/.exec(text) ?? []
  const length = bare === undefined ? 0 : (parseAddress(bare)?.length ?? 0)
  return length === 16 ? 6 : length === 4 && scope === undefined ? 4 : 0
}

/** Of an address: of other text it says nothing. */
export function isIpv6(address: string): boolean {
  return address.includes(':')
}

function parseIpv4(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(4)
  let field = 0
  let value = -1
  for (let i = 0; i <= text.length; i++) {
    const digit = i < text.length ? text.charCodeAt(i) - DIGIT_0 : -2
    if (digit >= 0 && digit <= 9) {
      if (value === 0) return undefined
      value = (value < 0 ? 0 : value * 10) + digit
      if (value > 255) return undefined
    } else {
      if (value < 0 || field > 3) return undefined
      if (i < text.length && digit !== -2) return undefined
      octets[field++] = value
      value = -1
    }
  }
  return field === 4 ? octets : undefined
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0], halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : []
  if (!head || !tail) return undefined
  const missing = 16 - head.length - tail.length
  // `::` stands for at least one group of zeros (RFC 4291 section 2.2).
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  const octets = new Uint8Array(16)
  octets.set(head, 0)
  octets.set(tail, 16 - tail.length)
  return octets
}

function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return []
  const octets: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (isLast && i === groups.length - 1 && group.includes('.')) {
      const v4 = parseIpv4(group)
      if (!v4) return undefined
      octets.push(...v4)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      octets.push(value >> 8, value & 255)
    }
  }
  return octets.length <= 16 ? octets : undefined
}

/** 4 or 16 octets at `at` to text; IPv6 as RFC 5952 writes it. */
export function formatAddress(bytes: Uint8Array, at = 0, length = bytes.length - at): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
  // RFC 5952 section 5: the address of an IPv4 host reads better in its own form.
  if (isMappedIpv4(bytes, at)) return `::ffff:${formatAddress(bytes, at + 12, 4)}`
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i] << 8) | bytes[at + i + 1])
  // RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals.
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > bestLength) {
      best = i
      bestLength = end - i
    }
    if (end > i) i = end
  }
  if (best < 0) return formatGroups(groups)
  return `${formatGroups(groups.slice(0, best))}::${formatGroups(groups.slice(best + bestLength))}`
}

/** Whether the 16 octets at `at` are in `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
export function isMappedIpv4(bytes: Uint8Array, at = 0): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff
}

const formatGroups = (groups: number[]): string => groups.map(group => group.toString(16)).join(':')

/** `127.0.0.1:53`, `[::1]:53`; `:53` without a host. */
export const joinHostPort = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** The reverse name of an address: `4.3.2.1.in-addr.arpa.` (RFC 1035 section 3.5), nibbles in `ip6.arpa.` (RFC 3596 section 2.5). */
export const reverseName = (address: Uint8Array): string => formatName(encodeReverseName(address))

/** The same as octets. */
export function encodeReverseName(address: Uint8Array): WireName {
  const isIpv4 = address.length === 4
  const ending = isIpv4 ? IN_ADDR_ARPA : IP6_ARPA
  const labels = isIpv4 ? address.reduce((sum, octet) => sum + 1 + digitsOf(octet), 0) : 64
  const name = new Uint8Array(labels + ending.length)
  let at = 0
  for (let i = address.length - 1; i >= 0; i--) {
    const octet = address[i]
    if (isIpv4) {
      const digits = digitsOf(octet)
      name[at++] = digits
      if (digits > 2) name[at++] = DIGIT_0 + Math.floor(octet / 100)
      if (digits > 1) name[at++] = DIGIT_0 + (Math.floor(octet / 10) % 10)
      name[at++] = DIGIT_0 + (octet % 10)
    } else {
      for (const nibble of [octet & 15, octet >> 4]) {
        name[at++] = 1
        name[at++] = nibble < 10 ? DIGIT_0 + nibble : LETTER_A + nibble - 10
      }
    }
  }
  name.set(ending, at)
  return name
}

const IN_ADDR_ARPA = Buffer.from('\x07in-addr\x04arpa\0', 'latin1')
const IP6_ARPA = Buffer.from('\x03ip6\x04arpa\0', 'latin1')

const digitsOf = (octet: number): number => (octet > 99 ? 3 : octet > 9 ? 2 : 1)

/** Whether a zone, in lower case and absolute, holds PTR records. */
export function isReverseZone(zone: string): boolean {
  return /(^|\.)(in-addr|ip6)\.arpa\.$/.test(zone)
}
