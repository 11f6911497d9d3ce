// Hands queries to upstream servers.

import { Upstream, type UpstreamOptions } from '../../upstream/upstream.ts'
import type { UpstreamFamilies } from '../../upstream/metrics.ts'
import { type Endpoint, endpointKey } from '../../upstream/endpoint.ts'
import type { Wheel } from '../../upstream/wheel.ts'
import type { Counter } from '../../metrics/cell.ts'
import type { Handler } from '../../server/handler.ts'
import { Opcode, Rcode, Type } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { isWithin } from '../scope.ts'
import { Lookup } from './lookup.ts'
import type { Policy } from './policy.ts'

const NOBODY = new Error('no healthy proxies')

/** Lookups that are kept for the next queries after a burst. */
const MAX_FREE = 256

export interface ForwardOptions {
  /** What is forwarded: names in these zones … */
  readonly origins: readonly WireName[]
  /** … but not in these, unless the name is one of the first itself. */
  readonly excepted: readonly WireName[]
  readonly policy: Policy
  /** 0: no server is ever down. */
  readonly maxFails: number
  /** 0 is no bound; without it, twice the number of servers. */
  readonly maxConnectAttempts?: number
  /** 0 is no bound. */
  readonly maxConcurrent: number
  readonly readTimeoutMs: number
  readonly forceTcp: boolean
  readonly preferUdp: boolean
  /** SERVFAIL at once when all servers are down. */
  readonly failfast: boolean
  /** Rcodes with which the next server is asked … */
  readonly failover: ReadonlySet<Rcode>
  /** … and those with which the next `forward` is. */
  readonly next: ReadonlySet<Rcode>
  readonly nextOnNodata: boolean
}

export interface ForwardCounts {
  readonly broken: Counter
  readonly rejects: Counter
}

export interface ForwardContext {
  readonly counts: ForwardCounts
  readonly families: UpstreamFamilies
  readonly upstreamOptions: UpstreamOptions
  /** `reply.author`. */
  readonly author: number
}

export class Forward implements Handler {
  readonly options: ForwardOptions
  readonly counts: ForwardCounts
  readonly wheel: Wheel
  readonly author: number
  /** Where `next` and `next_on_nodata` lead. */
  readonly nextForward: Forward | undefined
  /** Replaced, never changed: a lookup goes on with those that it began with. */
  upstreams: readonly Upstream[] = []
  isStopped = false
  readonly #next: Handler
  readonly #context: ForwardContext
  readonly #rejection: Error
  readonly #free: Lookup[] = []
  readonly #switchedOff = new Set<string>()
  #concurrent = 0

  constructor(next: Handler, options: ForwardOptions, context: ForwardContext) {
    this.#next = next
    this.#context = context
    this.nextForward = next instanceof Forward ? next : undefined
    this.options = options
    this.counts = context.counts
    this.author = context.author
    this.wheel = context.upstreamOptions.wheel
    this.#rejection = new Error(`concurrent queries exceeded maximum ${options.maxConcurrent}`)
  }

  /** Queries that wait for an answer. */
  get concurrent(): number {
    return this.#concurrent
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (!this.#matches(query)) return this.#next.serve(query, reply)
    const { maxConcurrent } = this.options
    // A NOTIFY is between two servers (RFC 1996), and a transfer is more messages than one.
    if (query.opcode !== Opcode.QUERY || query.qtype === Type.AXFR || query.qtype === Type.IXFR) {
      reply.author = this.author
      return Rcode.NOTIMP
    }
    if (maxConcurrent > 0 && this.#concurrent >= maxConcurrent) {
      this.counts.rejects.inc()
      reply.failure = this.#rejection
      reply.author = this.author
      return Rcode.REFUSED
    }
    if (this.isStopped || this.upstreams.length === 0) {
      reply.failure = NOBODY
      reply.author = this.author
      return Rcode.SERVFAIL
    }
    return this.#take().begin(query, reply)
  }

  /** Asks this server alone, whatever the policy and its health; SERVFAIL when it does not answer. */
  ask(upstream: Upstream, query: Query, reply: Reply): Promise<Rcode> {
    return this.#take().begin(query, reply, upstream)
  }

  #take(): Lookup {
    this.#concurrent++
    return this.#free.pop() ?? new Lookup(this)
  }

  #matches(query: Query): boolean {
    const { origins, excepted } = this.options
    for (const origin of origins) {
      if (!isWithin(query, origin)) continue
      if (query.nameLength === origin.length) return true
      for (const zone of excepted) if (isWithin(query, zone)) return false
      return true
    }
    return false
  }

  /** The lookup has ended. */
  giveBack(lookup: Lookup): void {
    this.#concurrent--
    if (this.#free.length < MAX_FREE) this.#free.push(lookup)
  }

  /** From now on these are asked. Those that were there before stay as they are, with their connections and their health. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    const { families, upstreamOptions } = this.#context
    const known = new Map(this.upstreams.map(upstream => [upstream.key, upstream]))
    const wanted = endpoints.filter(endpoint => !this.#switchedOff.has(endpointKey(endpoint)))
    this.upstreams = wanted.map(endpoint => {
      const key = endpointKey(endpoint)
      const upstream = known.get(key) ?? new Upstream(endpoint, families, upstreamOptions)
      known.delete(key)
      return upstream
    })
    for (const upstream of known.values()) upstream.close()
  }

  /** Never asks this server again, even if a file names it anew. */
  switchOff(upstream: Upstream): void {
    this.#switchedOff.add(upstream.key)
    this.upstreams = this.upstreams.filter(other => other !== upstream)
    upstream.close()
  }

  /** Ends everything; queries that wait become SERVFAIL. */
  stop(): void {
    this.isStopped = true
    for (const upstream of this.upstreams) upstream.close()
  }
}
