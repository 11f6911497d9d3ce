// Answers from the image of the external zones, and from nothing else. CoreDNS plugin/k8s_external, but for names that exist without a record of
// the type asked for: those are NODATA, never NXDOMAIN (RFC 2308 section 2, RFC 8020).

import { Chaser } from '../../server/chase.ts'
import type { Handler } from '../../server/handler.ts'
import { ExtendedError, Rcode, Type } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'
import { addAdditional } from '../../zones/additional.ts'
import { NO_BLOCK, NO_ENTRY, type ZoneImage } from '../../zones/image.ts'
import { NO_ZONE, Origins, labelsBefore } from '../../zones/origins.ts'
import { type SoaNames, addSoa } from '../../zones/soa.ts'
import { Underscores } from '../../zones/underscores.ts'

/** What the query side needs to know; plain data. */
export interface ExternalZones {
  readonly zones: readonly WireName[]
  readonly soaNames: SoaNames
  readonly ttlSeconds: number
  /** Zones whose missing names go to the next plugin. */
  readonly fallthrough: readonly WireName[]
}

/** `port.protocol.service.namespace` in front of the zone. */
const PORT_LABELS = 4

export class ExternalHandler implements Handler {
  readonly #image: ZoneImage
  readonly #origins: Origins
  readonly #fallthrough: Origins
  readonly #ttlSeconds: number
  readonly #soaNames: SoaNames
  readonly #author: number
  readonly #next: Handler
  readonly #chaser: Chaser
  readonly #underscores = new Underscores()

  /** `resolver` is the whole server. */
  constructor(image: ZoneImage, zones: ExternalZones, author: number, next: Handler, resolver: Handler) {
    this.#image = image
    this.#origins = new Origins(zones.zones)
    this.#fallthrough = new Origins(zones.fallthrough)
    this.#ttlSeconds = zones.ttlSeconds
    this.#soaNames = zones.soaNames
    this.#author = author
    this.#next = next
    this.#chaser = new Chaser(resolver)
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const zoneAt = this.#origins.match(query)
    if (zoneAt === NO_ZONE) return this.#next.serve(query, reply)
    if (query.qtype === Type.AXFR || query.qtype === Type.IXFR) return Rcode.REFUSED

    const image = this.#image
    const block = image.find(query.name, 0, query.nameLength, query.nameHash)
    if (block !== NO_BLOCK) return this.#answer(query, reply, zoneAt, block, 0)
    if (labelsBefore(query, zoneAt) === PORT_LABELS) {
      const port = this.#underscores.find(image, query, 2)
      if (port !== NO_BLOCK) return this.#answer(query, reply, zoneAt, port, this.#underscores.shift)
    }
    return this.#nameError(query, reply, zoneAt)
  }

  /** The name exists. `shift`: by how many octets the question's name is shorter than the block's. */
  #answer(query: Query, reply: Reply, zoneAt: number, block: number, shift: number): Rcode | Promise<Rcode> {
    this.#sign(reply)
    const image = this.#image
    if (image.isStale) reply.setExtendedError(ExtendedError.StaleAnswer)
    const { qtype } = query
    if (qtype === Type.SOA && zoneAt === 0) {
      this.#addSoa(reply, Section.Answer, 0)
      return Rcode.NOERROR
    }
    const entry = image.entry(block, qtype)
    if (entry !== NO_ENTRY) {
      this.#addRecords(reply, block, entry)
      if (!reply.truncated && image.additionalCount(entry) > 0) addAdditional(image, reply, block, entry, shift)
      return Rcode.NOERROR
    }
    const cname = qtype === Type.A || qtype === Type.AAAA ? image.entry(block, Type.CNAME) : NO_ENTRY
    if (cname !== NO_ENTRY) {
      // Behind the owner, a pointer, and what every record has.
      const target = reply.position + 12 - reply.start
      this.#addRecords(reply, block, cname)
      return reply.truncated ? Rcode.NOERROR : this.#chaser.chase(query, reply, target)
    }
    this.#addSoa(reply, Section.Authority, zoneAt)
    return Rcode.NOERROR
  }

  #addRecords(reply: Reply, block: number, entry: number): void {
    const image = this.#image
    reply.addRecords(Section.Answer, image.bytes, image.offset(block, entry), image.length(entry), image.count(entry))
  }

  #addSoa(reply: Reply, section: Section, zoneAt: number): void {
    addSoa(reply, section, zoneAt, this.#ttlSeconds, this.#image.serial, this.#soaNames)
  }

  /** `isLive`: what the API says next shows in the next answer, whatever `cache` says. */
  #sign(reply: Reply): void {
    reply.authoritative = true
    reply.isLive = true
    reply.author = this.#author
  }

  #nameError(query: Query, reply: Reply, zoneAt: number): Rcode | Promise<Rcode> {
    if (this.#fallthrough.match(query) !== NO_ZONE) return this.#next.serve(query, reply)
    this.#sign(reply)
    const { isComplete } = this.#image
    if (!isComplete) reply.setExtendedError(ExtendedError.NotReady)
    this.#addSoa(reply, Section.Authority, zoneAt)
    // Until everything has been heard of once, that a name is missing says nothing.
    return isComplete ? Rcode.NXDOMAIN : Rcode.SERVFAIL
  }
}

/** `apex` is the label below which a zone has its name servers. */
export const encodeSoaNames = (apex: string): SoaNames => ({
  mname: encodeLabels('ns1', apex),
  rname: encodeLabels('hostmaster', apex),
})

const encodeLabels = (...labels: readonly string[]): Buffer =>
  Buffer.concat(labels.map(label => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')))
