// The query side of the plugin: answers from the zone image, and from nothing else. CoreDNS plugin/kubernetes/handler.go, but for names
// that exist without a record of the type asked for: those are NODATA, never NXDOMAIN (RFC 2308 section 2, RFC 8020).

import { randomInt } from 'node:crypto'
import { Chaser } from '../../server/chase.ts'
import type { Handler } from '../../server/handler.ts'
import { ExtendedError, Rcode, Type } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'
import { addAdditional } from '../../zones/additional.ts'
import { type ZoneImage, NO_BLOCK, NO_ENTRY } from '../../zones/image.ts'
import { NO_ZONE, Origins, labelsBefore } from '../../zones/origins.ts'
import { addSoa } from '../../zones/soa.ts'
import { AliasFinder } from './alias.ts'
import { CNAME_COMPLETE, CNAME_DROPPED, followCname, respellTargets } from './answer.ts'
import { isCategory } from './category.ts'
import { PodAddress } from './podaddress.ts'
import { Sampler } from './sample.ts'
import type { Topology } from './topology.ts'
import { ZonalFinder } from './zonal.ts'

/** What the query side needs to know; plain data, so that a serving thread can be given it. */
export interface KubernetesZones {
  readonly zones: readonly WireName[]
  readonly ttlSeconds: number
  /** TTL and minimum of the SOA: how long it may be remembered that something is not there (RFC 2308 section 5). */
  readonly negativeTtlSeconds: number
  /** How many records of a set an answer over UDP has at most; NO_MAXIMUM for all. */
  readonly maxAnswers: number
  /** Names of Pods are made from the question alone: `pods insecure`. */
  readonly podsInsecure: boolean
  /** Zones whose missing names go to the next plugin. */
  readonly fallthrough: readonly WireName[]
}

export class KubernetesHandler implements Handler {
  readonly #image: ZoneImage
  readonly #origins: Origins
  readonly #fallthrough: Origins
  readonly #ttlSeconds: number
  readonly #negativeTtlSeconds: number
  readonly #podsInsecure: boolean
  readonly #sampler: Sampler
  readonly #author: number
  readonly #next: Handler
  readonly #chaser: Chaser
  readonly #alias = new AliasFinder()
  readonly #zonal = new ZonalFinder()
  readonly #podAddress = new PodAddress()
  readonly #topology: Topology | undefined

  /** `resolver` is the whole server. */
  constructor(
    image: ZoneImage,
    zones: KubernetesZones,
    author: number,
    next: Handler,
    resolver: Handler,
    topology?: Topology,
  ) {
    this.#image = image
    this.#topology = topology
    this.#origins = new Origins(zones.zones)
    this.#fallthrough = new Origins(zones.fallthrough)
    this.#ttlSeconds = zones.ttlSeconds
    this.#negativeTtlSeconds = zones.negativeTtlSeconds
    this.#sampler = new Sampler(zones.maxAnswers, randomInt(2 ** 32))
    this.#podsInsecure = zones.podsInsecure
    this.#author = author
    this.#next = next
    this.#chaser = new Chaser(resolver)
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const zoneAt = this.#origins.match(query)
    if (zoneAt === NO_ZONE) return this.#next.serve(query, reply)
    // Transfers are the `transfer` plugin's, earlier in the chain; what it did not take is not allowed.
    if (query.qtype === Type.AXFR || query.qtype === Type.IXFR) return Rcode.REFUSED

    const image = this.#image
    const block = image.find(query.name, 0, query.nameLength, query.nameHash)
    if (block !== NO_BLOCK) return this.#answer(query, reply, zoneAt, block, 0)
    const alias = this.#alias.find(image, query, zoneAt)
    if (alias !== NO_BLOCK) return this.#answer(query, reply, zoneAt, alias, this.#alias.shift)
    const zonal = this.#zonal.find(image, query, zoneAt)
    if (zonal !== NO_BLOCK) return this.#answer(query, reply, zoneAt, zonal, this.#zonal.shift)
    if (image.isComplete && isBelowAwaited(image, query, zoneAt)) {
      this.#sign(reply)
      return this.#noData(reply, zoneAt)
    }
    if (this.#podsInsecure && this.#podAddress.read(image, query, zoneAt)) return this.#answerPod(query, reply, zoneAt)
    return this.#nameError(query, reply, zoneAt)
  }

  /** The name exists. `shift`: by how many octets the question's name is shorter than the block's, where it is an alias of it. */
  #answer(query: Query, reply: Reply, zoneAt: number, block: number, shift: number): Rcode | Promise<Rcode> {
    this.#sign(reply)
    const image = this.#image
    // Where records are to come, there is no answer before they have.
    if (image.isStale && !image.isAwaited(block)) reply.setExtendedError(ExtendedError.StaleAnswer)
    const { qtype } = query
    if (qtype === Type.SOA && zoneAt === 0) {
      addSoa(reply, Section.Answer, 0, this.#negativeTtlSeconds, image.serial)
      return Rcode.NOERROR
    }
    const entry = image.entry(block, qtype)
    if (entry === NO_ENTRY) {
      if (image.isComputed(block) && this.#podAddress.read(image, query, zoneAt)) {
        return this.#answerPod(query, reply, zoneAt)
      }
      if (qtype === Type.A || qtype === Type.AAAA) {
        const cname = image.entry(block, Type.CNAME)
        if (cname !== NO_ENTRY) {
          const target = followCname(image, this.#sampler, this.#topology, query, reply, zoneAt, block, cname)
          if (target === CNAME_COMPLETE) return Rcode.NOERROR
          if (target !== CNAME_DROPPED) return this.#chaser.chase(query, reply, target)
          // Its target may be among what has not been heard of yet.
          if (!image.isComplete) return this.#nameError(query, reply, zoneAt)
        }
      }
      if (!image.isComplete && image.isAwaited(block)) return this.#nameError(query, reply, zoneAt)
      return this.#noData(reply, zoneAt)
    }
    const topology = this.#topology
    if (topology?.find(query, image, block, entry)) {
      const { image: zoned, block: zonedBlock, entry: zonedEntry } = topology
      return this.#write(query, reply, zoneAt, zoned, zonedBlock, zonedEntry, shift + topology.shift)
    }
    return this.#write(query, reply, zoneAt, image, block, entry, shift)
  }

  #write(
    query: Query,
    reply: Reply,
    zoneAt: number,
    image: ZoneImage,
    block: number,
    entry: number,
    shift: number,
  ): Rcode {
    const { qtype } = query
    const from = reply.position
    const isWhole = this.#sampler.add(image, query, reply, block, entry)
    if (qtype === Type.SRV) respellTargets(query, reply, zoneAt, from, 6)
    else if (qtype === Type.NS) respellTargets(query, reply, zoneAt, from, 0)
    if (isWhole && !reply.truncated && image.additionalCount(entry) > 0) {
      addAdditional(image, reply, block, entry, shift)
    }
    return Rcode.NOERROR
  }

  #answerPod(query: Query, reply: Reply, zoneAt: number): Rcode {
    this.#sign(reply)
    if (this.#image.isStale) reply.setExtendedError(ExtendedError.StaleAnswer)
    const isWritten = this.#podAddress.write(query, reply, this.#ttlSeconds)
    return isWritten ? Rcode.NOERROR : this.#noData(reply, zoneAt)
  }

  /** `isLive`: what the API says next shows in the next answer, whatever `cache` says. */
  #sign(reply: Reply): void {
    reply.authoritative = true
    reply.isLive = true
    reply.author = this.#author
  }

  #noData(reply: Reply, zoneAt: number): Rcode {
    addSoa(reply, Section.Authority, zoneAt, this.#negativeTtlSeconds, this.#image.serial)
    return Rcode.NOERROR
  }

  #nameError(query: Query, reply: Reply, zoneAt: number): Rcode | Promise<Rcode> {
    if (this.#fallthrough.match(query) !== NO_ZONE) return this.#next.serve(query, reply)
    this.#sign(reply)
    const { isComplete, serial } = this.#image
    if (!isComplete) reply.setExtendedError(ExtendedError.NotReady)
    addSoa(reply, Section.Authority, zoneAt, this.#negativeTtlSeconds, serial)
    // Until everything has been heard of once, that a name is missing says nothing.
    return isComplete ? Rcode.NXDOMAIN : Rcode.SERVFAIL
  }
}

/** Whether the name is below that of a Service whose slices have not been heard of. */
function isBelowAwaited(image: ZoneImage, query: Query, zoneAt: number): boolean {
  const labels = labelsBefore(query, zoneAt)
  if (labels < 4 || !isCategory(query, labels, 'svc')) return false
  const at = query.labels[labels - 3]
  const service = image.lookup(query.name, at, query.nameLength - at)
  return service !== NO_BLOCK && image.isAwaited(service)
}
