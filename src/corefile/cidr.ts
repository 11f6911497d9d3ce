// IP addresses and prefixes, and the reverse zones that a prefix stands for (RFC 1035 section 3.5, RFC 3596 section 2.5).

import { parseAddress } from '../wire/address.ts'

export interface Prefix {
  family: 4 | 6
  /** 4 or 16 octets; those beyond the prefix are 0. */
  address: Uint8Array
  /** In bits: 0 – 32 or 0 – 128. */
  length: number
}

/** `ADDRESS/LENGTH`, or an address alone, which is a prefix of full length. Undefined when it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const [ip = '', length, ...rest] = text.split('/')
  const address = parseAddress(ip)
  if (address === undefined || rest.length > 0) return undefined
  const bits = address.length * 8
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined
  const prefix: Prefix = {
    family: bits === 32 ? 4 : 6,
    address,
    length: length === undefined ? bits : Number(length),
  }
  if (prefix.length > bits) return undefined
  for (let i = 0; i < address.length; i++) {
    const kept = Math.min(8, Math.max(0, prefix.length - i * 8))
    address[i] = address[i] & (0xff00 >> kept)
  }
  return prefix
}

/**
 * The zones whose union is the prefix, lower-case and absolute. A prefix that ends between two labels (octets of IPv4,
 * nibbles of IPv6) is several zones: 10.0.0.0/23 is 0.0.10.in-addr.arpa. and 1.0.10.in-addr.arpa.
 */
export function reverseZones(prefix: Prefix): string[] {
  const labelBits = prefix.family === 4 ? 8 : 4
  const labels =
    prefix.family === 4
      ? Array.from(prefix.address)
      : Array.from(prefix.address).flatMap(octet => [octet >> 4, octet & 0xf])
  const labelCount = Math.ceil(prefix.length / labelBits)
  const suffix = prefix.family === 4 ? 'in-addr.arpa.' : 'ip6.arpa.'
  const radix = prefix.family === 4 ? 10 : 16
  if (labelCount === 0) return [suffix]
  const zones: string[] = []
  const last = labels[labelCount - 1]
  const zoneCount = 2 ** (labelCount * labelBits - prefix.length)
  for (let i = 0; i < zoneCount; i++) {
    const path = [...labels.slice(0, labelCount - 1), last + i].toReversed().map(label => label.toString(radix))
    zones.push(`${path.join('.')}.${suffix}`)
  }
  return zones
}
