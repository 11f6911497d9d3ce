// The address of a Pod is read from its name, `10-240-0-1.namespace.pod.<zone>`. With `pods insecure` no Pod need be there, only its Namespace.

import { HEADER_LENGTH, QUESTION_POINTER, Type } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'
import { type ZoneImage, NO_BLOCK } from '../../zones/image.ts'
import { labelsBefore } from '../../zones/origins.ts'
import { isCategory } from './category.ts'

const DASH = 0x2d

export class PodAddress {
  readonly #octets = new Uint8Array(16)
  #length = 0
  /** Where the Pod's name begins in the question's; labels in front of it do not count. */
  #podAt = 0

  /** Whether the question's name is that of a Pod: an address with dashes, in a Namespace that is there. */
  read(image: ZoneImage, query: Query, zoneAt: number): boolean {
    const labels = labelsBefore(query, zoneAt)
    if (labels < 3 || labels > 5 || !isCategory(query, labels, 'pod')) return false
    const namespaceAt = query.labels[labels - 2]
    if (image.lookup(query.name, namespaceAt, query.nameLength - namespaceAt) === NO_BLOCK) return false
    this.#podAt = query.labels[labels - 3]
    const from = this.#podAt + 1
    this.#length = parseDashed(query.name, from, from + query.name[this.#podAt], this.#octets)
    return this.#length > 0
  }

  /** Writes what the name holds of the type asked for; false when that is nothing. */
  write(query: Query, reply: Reply, ttlSeconds: number): boolean {
    const type = this.#length === 4 ? Type.A : Type.AAAA
    if (query.qtype === type) {
      reply.addRecord(Section.Answer, type, ttlSeconds, this.#octets, this.#length)
      return true
    }
    if (query.qtype !== Type.SRV) return false
    this.#writeSrv(query, reply, type, ttlSeconds)
    return true
  }

  /** `0 100 0` and the Pod's name: nobody meant it, but CoreDNS answers it. */
  #writeSrv(query: Query, reply: Reply, type: number, ttlSeconds: number): void {
    const targetLength = query.nameLength - this.#podAt
    if (!reply.fits(12 + 6 + targetLength)) return
    reply.writeRecordHead(QUESTION_POINTER, Type.SRV, ttlSeconds, 6 + targetLength)
    reply.write16(0)
    reply.write16(100)
    reply.write16(0)
    const target = query.start + HEADER_LENGTH + this.#podAt
    for (let i = 0; i < targetLength; i++) reply.write8(query.bytes[target + i])
    reply.counts[Section.Answer]++
    if (!reply.fits(12 + this.#length)) return
    reply.writeRecordHead(QUESTION_POINTER + this.#podAt, type, ttlSeconds, this.#length)
    for (let i = 0; i < this.#length; i++) reply.write8(this.#octets[i])
    reply.counts[Section.Additional]++
  }
}

const scratch = new Uint8Array(16)

/** The type of the record that follows from the label at `at`; 0 when the label is no address. */
export function dashedType(name: Uint8Array, at: number): number {
  const length = parseDashed(name, at + 1, at + 1 + name[at], scratch)
  return length === 0 ? 0 : length === 4 ? Type.A : Type.AAAA
}

/**
 * Reads an address whose dots or colons are dashes: IPv4 when it has just three dashes, none beside another, else IPv6. Returns how many
 * octets it has written to `out`, 0 when the label is no address.
 */
function parseDashed(bytes: Uint8Array, from: number, end: number, out: Uint8Array): number {
  let dashes = 0
  let isDouble = false
  for (let i = from; i < end; i++) {
    if (bytes[i] !== DASH) continue
    dashes++
    if (i > from && bytes[i - 1] === DASH) isDouble = true
  }
  return dashes === 3 && !isDouble ? parseDashedIpv4(bytes, from, end, out) : parseDashedIpv6(bytes, from, end, out)
}

function parseDashedIpv4(bytes: Uint8Array, from: number, end: number, out: Uint8Array): number {
  let at = from
  for (let field = 0; field < 4; field++) {
    const start = at
    let value = 0
    while (at < end && bytes[at] !== DASH) {
      const digit = bytes[at] - 0x30
      if (digit < 0 || digit > 9) return 0
      value = value * 10 + digit
      at++
    }
    const digits = at - start
    if (digits === 0 || digits > 3 || value > 255 || (digits > 1 && bytes[start] === 0x30)) return 0
    out[field] = value
    at++
  }
  return 4
}

function parseDashedIpv6(bytes: Uint8Array, from: number, end: number, out: Uint8Array): number {
  let groups = 0
  let gapAt = -1 // the group that `::` stands in front of
  let at = from
  if (end - from < 2) return 0
  if (bytes[from] === DASH) {
    if (bytes[from + 1] !== DASH) return 0
    gapAt = 0
    at = from + 2
  }
  while (at < end) {
    if (groups === 8) return 0
    const start = at
    let value = 0
    while (at < end && bytes[at] !== DASH) {
      const digit = hexDigit(bytes[at])
      if (digit < 0) return 0
      value = (value << 4) | digit
      at++
    }
    if (at === start || at - start > 4) return 0
    out[groups * 2] = value >> 8
    out[groups * 2 + 1] = value
    groups++
    if (at === end) break
    at++ // one dash: a colon
    if (at === end) return 0
    if (bytes[at] === DASH) {
      if (gapAt >= 0) return 0
      gapAt = groups
      at++
    }
  }
  if (gapAt < 0) return groups === 8 ? 16 : 0
  if (groups === 8) return 0
  const moved = (groups - gapAt) * 2
  out.copyWithin(16 - moved, gapAt * 2, groups * 2)
  out.fill(0, gapAt * 2, 16 - moved)
  return 16
}

function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  return octet >= 0x61 && octet <= 0x66 ? octet - 0x57 : -1
}
