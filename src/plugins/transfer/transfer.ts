// Zone transfers to secondaries: AXFR (RFC 5936) and IXFR (RFC 1995). CoreDNS plugin/transfer.

import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Networks } from '../../corefile/networks.ts'
import { type Handler, NO_ANSWER } from '../../server/handler.ts'
import type { Primary, ZoneCopy } from '../../server/primary.ts'
import { formatAddress } from '../../wire/address.ts'
import { Opcode, Rcode, Type } from '../../wire/constants.ts'
import { type WireName, formatName, isSubdomain } from '../../wire/name.ts'
import { type Query, Transport, read16, skipName } from '../../wire/query.ts'
import { type MessageStream, type Reply, Section } from '../../wire/reply.ts'

/** One directive. */
export interface Rule {
  /** Zones, in lower case. */
  readonly zones: readonly WireName[]
  /** Who may have them; undefined for all. */
  readonly clients: Networks | undefined
}

/** Transfers of one thread at one time. Each holds 64 KB, a message, 4 octets for each slot of the image's table, and for IXFR the journal. */
const MAX_TRANSFERS = 16
/** A transfer that has taken longer is broken off: whoever reads so slowly would keep others from theirs. */
const MAX_TRANSFER_MS = 120_000
/** Of a transfer: what waits for one client, and what is done in one turn of the event loop. */
const MESSAGE_SIZE = 16_384
/** The SOA at the end has room: its names have two labels or one in front of the zone. */
const SOA_ROOM = 256
/** Extended error `Prohibited` (RFC 8914 section 4.19). */
const PROHIBITED = 18

export class Transfer implements Handler {
  readonly #next: Handler
  readonly #rules: readonly Rule[]
  readonly #primaries: () => readonly Primary[]
  readonly #author: number
  readonly #log: Logger
  #running = 0

  /** `rules` are all of the server block. `primaries` is called for each transfer. */
  constructor(next: Handler, rules: readonly Rule[], primaries: () => readonly Primary[], author: number, log: Logger) {
    this.#next = next
    this.#rules = rules
    this.#primaries = primaries
    this.#author = author
    this.#log = log
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const { qtype } = query
    if ((qtype !== Type.AXFR && qtype !== Type.IXFR) || query.opcode !== Opcode.QUERY) {
      return this.#next.serve(query, reply)
    }
    const name = query.name.slice(0, query.nameLength)
    const rule = findRule(this.#rules, name)
    if (!rule) return this.#next.serve(query, reply)
    reply.author = this.#author
    if (rule.clients && !rule.clients.has(query.clientAddress)) {
      reply.setExtendedError(PROHIBITED)
      return Rcode.REFUSED
    }
    const primary = findPrimary(this.#primaries(), name)
    if (!primary) return this.#next.serve(query, reply)
    if (qtype === Type.IXFR) return this.#serveChanges(query, reply, primary, name)
    return reply.stream ? this.#send(query, reply, reply.stream, primary, name) : Rcode.REFUSED
  }

  /** RFC 1995 section 2: the SOA alone where nothing has changed, and over UDP where the answer does not fit. */
  #serveChanges(query: Query, reply: Reply, primary: Primary, name: WireName): Rcode | Promise<Rcode> {
    const held = readSerial(query)
    if (held === undefined) return Rcode.FORMERR
    const { serial } = primary
    if (serial === undefined) return Rcode.SERVFAIL
    // RFC 1982 section 3.2: what the secondary has is the same or newer.
    const isCurrent = ((serial - held) | 0) <= 0
    if (reply.stream && !isCurrent) return this.#send(query, reply, reply.stream, primary, name, held)
    if (query.transport !== Transport.UDP && !isCurrent) return Rcode.REFUSED
    reply.authoritative = true
    if (!isCurrent) return this.#sendPacket(query, reply, primary, name, held)
    primary.addSoa(reply, serial)
    return Rcode.NOERROR
  }

  /** All in one message, or the SOA alone: the secondary then comes over TCP. */
  async #sendPacket(query: Query, reply: Reply, primary: Primary, origin: WireName, since: number): Promise<Rcode> {
    const copy = await primary.copy(origin, since)
    if (!copy) return Rcode.SERVFAIL
    primary.addSoa(reply, copy.serial)
    const isWhole = copy.write(reply)
    primary.addSoa(reply, copy.serial)
    if (isWhole && !reply.truncated) return Rcode.NOERROR
    reply.clear(query)
    reply.authoritative = true
    primary.addSoa(reply, copy.serial)
    return Rcode.NOERROR
  }

  async #send(
    query: Query,
    reply: Reply,
    stream: MessageStream,
    primary: Primary,
    origin: WireName,
    since?: number,
  ): Promise<Rcode> {
    if (this.#running >= MAX_TRANSFERS) {
      reply.failure = new Error(`${MAX_TRANSFERS} zone transfers are under way`)
      return Rcode.SERVFAIL
    }
    this.#running++
    try {
      await turn()
      const copy = await primary.copy(origin, since)
      return copy ? await this.#stream(query, reply, stream, primary, copy) : Rcode.SERVFAIL
    } finally {
      this.#running--
    }
  }

  /** SOA, everything else, SOA (RFC 5936 section 2.2, RFC 1995 section 4), in as many messages as that takes. The last of them is the reply. */
  async #stream(query: Query, reply: Reply, stream: MessageStream, primary: Primary, copy: ZoneCopy): Promise<Rcode> {
    const deadlineMs = performance.now() + MAX_TRANSFER_MS
    let records = 2
    this.#begin(reply)
    primary.addSoa(reply, copy.serial)
    while (!copy.write(reply)) {
      // Others have their turn where there is little of the zone among much else, too.
      if (reply.size > MESSAGE_SIZE / 2) {
        records += reply.counts[Section.Answer]
        if (!(await stream.send(query, reply))) return NO_ANSWER
        this.#begin(reply)
      }
      if (performance.now() > deadlineMs) {
        reply.failure = new Error('a zone transfer was not taken in time')
        return Rcode.SERVFAIL
      }
      await turn()
    }
    records += reply.counts[Section.Answer]
    reply.maxSize = MESSAGE_SIZE
    primary.addSoa(reply, copy.serial)
    const [zone, client] = [formatName(query.name), formatAddress(query.clientAddress)]
    // One of the two SOA records was counted in the first message.
    const changes = copy.since === undefined ? '' : `, changes since ${copy.since}`
    this.#log.info(
      `plugin/transfer: Outgoing transfer of ${records - 1} records of zone "${zone}" to ${client} for ${copy.serial} SOA serial${changes}`,
    )
    return Rcode.NOERROR
  }

  #begin(reply: Reply): void {
    reply.maxSize = MESSAGE_SIZE - SOA_ROOM
    reply.authoritative = true
    reply.author = this.#author
  }
}

/** The rule with the longest zone that `name` is in. */
export function findRule<R extends Rule>(rules: readonly R[], name: WireName): R | undefined {
  let found: R | undefined
  let longest = 0
  for (const rule of rules) {
    for (const zone of rule.zones) {
      if (zone.length <= longest || !isSubdomain(name, zone)) continue
      longest = zone.length
      found = rule
    }
  }
  return found
}

/** Of several that hold the zone, the first is asked for it. */
export const findPrimary = (primaries: readonly Primary[], zone: WireName): Primary | undefined =>
  primaries.find(({ origins }) => origins.some(origin => Buffer.compare(origin, zone) === 0))

/** The serial of the SOA in the authority section of an IXFR (RFC 1995 section 3); undefined where there is none. */
function readSerial({ bytes, start, questionEnd, end }: Query): number | undefined {
  if (read16(bytes, start + 6) !== 0 || read16(bytes, start + 8) !== 1) return undefined
  const head = skipName(bytes, questionEnd, end)
  if (head < 0 || head + 10 > end || read16(bytes, head) !== Type.SOA) return undefined
  const rdataEnd = head + 10 + read16(bytes, head + 8)
  let at = head + 10
  for (let i = 0; i < 2 && at >= 0; i++) at = skipName(bytes, at, rdataEnd)
  if (at < 0 || at + 20 !== rdataEnd) return undefined
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0
}
