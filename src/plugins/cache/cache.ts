// Answers from what was answered before; CoreDNS plugin/cache/handler.go and cache.go. Hits are synchronous. Answers that were made from
// live data (`Reply.isLive`) pass through as they are: a copy would cost more than they do, and be older.

import type { Handler } from '../../server/handler.ts'
import { ExtendedError, Flag, Opcode, Rcode, Type } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import { type Query, Transport } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { Scope } from '../scope.ts'
import type { Clock } from './clock.ts'
import { Entry, writeTtls } from './entry.ts'
import { Examination, Kind } from './examination.ts'
import { keyOf } from './key.ts'
import type { CacheMetrics } from './metrics.ts'
import type { CacheOptions, Limits } from './options.ts'
import { Flight } from './flight.ts'
import { type Asked, Refresher, waitAtMost } from './refresher.ts'
import { Store } from './store.ts'

/** Info codes of the extended errors that say so to whoever reads them (RFC 8914 sections 4.14 and 4.20). */
const CACHED_ERROR = 13
const STALE_NXDOMAIN_ANSWER = 19
/** Questions that may wait for the answer to another one; beyond these a question goes on, to where `max_concurrent` of forward counts it. */
const MAX_JOINED = 512

/** What the handler is made with besides its options. */
export interface CacheContext {
  readonly metrics: CacheMetrics
  readonly clock: Clock
  /** The plugin's number in the block's chain. */
  readonly author: number
  /** Any integer that clients do not know. */
  readonly seed: number
}

export class Cache implements Handler {
  readonly #next: Handler
  readonly #options: CacheOptions
  readonly #metrics: CacheMetrics
  readonly #clock: Clock
  readonly #author: number
  readonly #seed: number
  readonly #zones: Scope
  readonly #successExceptions: Scope
  readonly #denialExceptions: Scope
  readonly #success: Store
  readonly #denial: Store
  readonly #refresher: Refresher
  /** Questions that the source has not answered yet, by key. */
  readonly #flights = new Map<number, Flight>()
  /** Those that wait for the answer to another. */
  #joined = 0
  readonly #examination = new Examination()
  readonly #cursor = new RecordCursor()

  constructor(next: Handler, options: CacheOptions, { metrics, clock, author, seed }: CacheContext) {
    this.#next = next
    this.#options = options
    this.#metrics = metrics
    this.#clock = clock
    this.#author = author
    this.#seed = seed
    this.#zones = new Scope(options.zones)
    this.#successExceptions = new Scope(options.success.exceptions)
    this.#denialExceptions = new Scope(options.denial.exceptions)
    this.#success = new Store(options.success.capacity, metrics.success)
    this.#denial = new Store(options.denial.capacity, metrics.denial)
    this.#refresher = new Refresher(next)
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (query.opcode !== Opcode.QUERY || isTransfer(query) || !this.#zones.has(query)) {
      return this.#next.serve(query, reply)
    }
    this.#metrics.requests.inc()
    const key = keyOf(query, this.#seed)
    const denial = this.#denial.find(key)
    const success = this.#success.find(key)
    if (!denial && !success) return this.#ask(query, reply, key)
    const nowMs = this.#clock.monotonicMs()
    const entry = this.#choose(query, denial, success, nowMs)
    if (!entry) return this.#ask(query, reply, key)
    const ttlSeconds = entry.remainingSeconds(nowMs)
    ;(entry.isDenial ? this.#metrics.denial : this.#metrics.success).hits.inc()
    if (ttlSeconds <= 0) return this.#serveStale(query, reply, key, entry, nowMs)
    this.#write(query, reply, entry, this.#options.keepsTtl ? entry.ttlSeconds : ttlSeconds)
    if (this.#options.prefetch.amount > 0 && this.#isDue(entry, ttlSeconds, nowMs) && !entry.isRefreshing) {
      this.#metrics.prefetches.inc()
      void this.#refresh(query, key, entry, Transport.TCP)
    }
    return entry.rcode
  }

  /** What is given to this question: a denial before an answer, but a failure after it. */
  #choose(query: Query, denial: Entry | undefined, success: Entry | undefined, nowMs: number): Entry | undefined {
    const positive = success?.matches(query) && this.#isUsable(success, nowMs) ? success : undefined
    const { forSeconds, prefersPositive } = this.#options.stale
    if (prefersPositive && forSeconds > 0 && success?.matches(query)) {
      const answer = success.isAnswering ? success : success.lastAnswer
      if (answer && this.#isUsable(answer, nowMs)) return answer
    }
    if (!denial?.matches(query) || !this.#isUsable(denial, nowMs)) return positive
    return denial.rcode === Rcode.SERVFAIL && positive ? positive : denial
  }

  /** Failures are no data to be given beyond their time (RFC 8767 section 4). */
  #isUsable(entry: Entry, nowMs: number): boolean {
    const ttlSeconds = entry.remainingSeconds(nowMs)
    return ttlSeconds > 0 || (-ttlSeconds < this.#options.stale.forSeconds && entry.kind !== Kind.Failure)
  }

  /** Whether the entry is popular and near its end. */
  #isDue(entry: Entry, ttlSeconds: number, nowMs: number): boolean {
    const { amount, durationMs, percentage } = this.#options.prefetch
    entry.hits = nowMs - entry.hitMs > durationMs ? 1 : entry.hits + 1
    entry.hitMs = nowMs
    return entry.hits >= amount && ttlSeconds <= Math.ceil((percentage * entry.ttlSeconds) / 100)
  }

  #serveStale(query: Query, reply: Reply, key: number, entry: Entry, nowMs: number): Rcode | Promise<Rcode> {
    const { isVerified, timeoutMs, recheckMs } = this.#options.stale
    const isFree = !entry.isRefreshing && nowMs >= entry.retryMs
    if (!isVerified) {
      const rcode = this.#writeStale(query, reply, entry)
      if (isFree) {
        this.#metrics.prefetches.inc()
        void this.#refresh(query, key, entry, Transport.TCP)
      }
      return rcode
    }
    // Without a limit to the wait, each query asks for itself (as in CoreDNS): none gets a stale answer before the source has been heard.
    if (!isFree && (timeoutMs > 0 || recheckMs > 0)) return this.#writeStale(query, reply, entry)
    const fresh = this.#refresh(query, key, entry, query.transport)
    if (!(fresh instanceof Promise)) return this.#writeVerified(query, reply, entry, fresh)
    const waited = timeoutMs > 0 ? waitAtMost(fresh, timeoutMs, this.#clock) : fresh
    return waited.then(settled => this.#writeVerified(query, reply, entry, settled))
  }

  #writeVerified(query: Query, reply: Reply, entry: Entry, fresh: Entry | undefined): Rcode {
    if (!fresh) return this.#writeStale(query, reply, entry)
    this.#write(query, reply, fresh, fresh.ttlSeconds)
    return fresh.rcode
  }

  #writeStale(query: Query, reply: Reply, entry: Entry): Rcode {
    this.#metrics.servedStale.inc()
    const keptSeconds = this.#options.keepsTtl ? entry.ttlSeconds : 0
    reply.setExtendedError(entry.rcode === Rcode.NXDOMAIN ? STALE_NXDOMAIN_ANSWER : ExtendedError.StaleAnswer)
    this.#write(query, reply, entry, this.#options.stale.ttlSeconds || keptSeconds)
    return entry.rcode
  }

  /** Asks for an entry again. What comes is stored, and is returned if it may take the entry's place; it is not if that is stale and this no better. */
  #refresh(
    query: Query,
    key: number,
    entry: Entry,
    transport: Transport,
  ): Entry | undefined | Promise<Entry | undefined> {
    entry.isRefreshing = true
    const isStale = entry.remainingSeconds(this.#clock.monotonicMs()) <= 0
    const asked = this.#refresher.ask(query, transport)
    if (asked instanceof Promise) return asked.then(settled => this.#take(settled, key, entry, isStale))
    return this.#take(asked, key, entry, isStale)
  }

  #take(asked: Asked | undefined, key: number, entry: Entry, isStale: boolean): Entry | undefined {
    const fresh = asked && this.#accept(asked, key, isStale)
    entry.isRefreshing = false
    if (fresh) {
      fresh.hits = entry.hits
      fresh.hitMs = entry.hitMs
    } else if (isStale) {
      entry.retryMs = this.#clock.monotonicMs() + this.#options.stale.recheckMs
    }
    return fresh
  }

  #accept({ query, reply, rcode }: Asked, key: number, isStale: boolean): Entry | undefined {
    const entry = this.#examine(query, reply, rcode)
    if (!entry) return undefined
    const { kind, isAnswering, isStorable } = this.#examination
    const isData = kind !== Kind.Other && (rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN)
    const { prefersPositive } = this.#options.stale
    if (reply.isLive) {
      this.#success.drop(key, query)
      this.#denial.drop(key, query)
    } else if (isStorable && (isData || !isStale || prefersPositive)) {
      this.#store(query, entry, key)
    }
    const isBetter = prefersPositive ? kind === Kind.Answer && isAnswering : isData
    return isBetter || !isStale ? entry : undefined
  }

  #write(query: Query, reply: Reply, entry: Entry, ttlSeconds: number): void {
    reply.author = this.#author
    reply.authoritative = entry.authoritative
    reply.recursionAvailable = entry.recursionAvailable
    reply.authenticData = entry.authenticData && wantsAuthenticData(query)
    reply.flagsSet |= entry.flagsSet
    reply.flagsCleared |= entry.flagsCleared
    if (entry.rcode === Rcode.SERVFAIL) reply.setExtendedError(CACHED_ERROR)
    entry.writeRecords(reply, ttlSeconds)
  }

  /** Asks the rest of the chain, unless the same question is on its way there already: then its answer is awaited. */
  #ask(query: Query, reply: Reply, key: number): Rcode | Promise<Rcode> {
    const flight = this.#flights.get(key)
    if (!flight?.matches(query) || this.#joined >= MAX_JOINED) return this.#askAlone(query, reply, key)
    return this.#join(query, reply, key, flight)
  }

  /**
   * The source is asked with AD, so that the answer tells it to whoever wants to know later (RFC 6840 section 5.7); the client's own bit is
   * put back.
   */
  #askAlone(query: Query, reply: Reply, key: number): Rcode | Promise<Rcode> {
    const hadAuthenticData = (query.flags & Flag.AD) !== 0
    setAuthenticData(query, true)
    const rcode = this.#next.serve(query, reply)
    if (typeof rcode !== 'number') return this.#wait(query, reply, key, rcode, hadAuthenticData)
    setAuthenticData(query, hadAuthenticData)
    this.#settle(query, reply, rcode, key)
    return rcode
  }

  async #wait(
    query: Query,
    reply: Reply,
    key: number,
    pending: Promise<Rcode>,
    hadAuthenticData: boolean,
  ): Promise<Rcode> {
    const flight = new Flight(query)
    this.#flights.set(key, flight)
    let entry: Entry | undefined
    try {
      const rcode = await pending
      setAuthenticData(query, hadAuthenticData)
      entry = this.#settle(query, reply, rcode, key)
      return rcode
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
      flight.land(entry)
    }
  }

  /** What is not kept is for one client: the others ask for themselves. */
  async #join(query: Query, reply: Reply, key: number, flight: Flight): Promise<Rcode> {
    this.#joined++
    const entry = await flight.join()
    this.#joined--
    if (!entry) return this.#askAlone(query, reply, key)
    this.#metrics.misses.inc()
    this.#write(query, reply, entry, entry.ttlSeconds)
    return entry.rcode
  }

  /** Returns the entry if it is kept. */
  #settle(query: Query, reply: Reply, rcode: Rcode, key: number): Entry | undefined {
    if (reply.isLive) return undefined
    this.#metrics.misses.inc()
    const entry = this.#examine(query, reply, rcode)
    const isKept = entry && this.#examination.isStorable && this.#store(query, entry, key)
    if (!wantsAuthenticData(query)) reply.authenticData = false
    return isKept ? entry : undefined
  }

  /** Gives all records the TTL that they are kept with, and makes an entry of them; undefined for what is not whole. */
  #examine(query: Query, reply: Reply, rcode: Rcode): Entry | undefined {
    const found = this.#examination
    const recordsAt = reply.start + query.questionEnd - query.start
    found.examine(query, reply, rcode, recordsAt, this.#clock.now())
    if (found.isMalformed) {
      this.#metrics.drops.inc()
      return undefined
    }
    const ttlSeconds = this.#lifetimeSeconds(found)
    const { bytes, position, counts } = reply
    this.#cursor.reset(bytes, recordsAt, position, counts[0], counts[1], counts[2])
    if (!reply.isLive) writeTtls(bytes, this.#cursor, ttlSeconds)
    if (reply.truncated) return undefined
    return new Entry(query, reply, rcode, found, recordsAt, { nowMs: this.#clock.monotonicMs(), ttlSeconds })
  }

  #lifetimeSeconds({ kind, ttlSeconds }: Examination): number {
    if (kind === Kind.Failure) return this.#options.servfailSeconds
    return clamp(ttlSeconds, kind === Kind.Denial ? this.#options.denial : this.#options.success)
  }

  /** Whether it is kept. What is known last is what counts: a denial takes the place of an answer, and an answer that of a denial. */
  #store(query: Query, entry: Entry, key: number): boolean {
    if (entry.ttlSeconds === 0) return false
    if ((entry.isDenial ? this.#denialExceptions : this.#successExceptions).has(query)) return false
    const { prefersPositive } = this.#options.stale
    if (entry.isDenial) {
      this.#denial.set(key, entry)
      if (entry.kind === Kind.Denial && !prefersPositive) this.#success.drop(key, query)
      return true
    }
    if (prefersPositive && !entry.isAnswering) {
      const previous = this.#success.find(key)
      if (previous?.matches(query)) entry.lastAnswer = previous.isAnswering ? previous : previous.lastAnswer
    } else {
      this.#denial.drop(key, query)
    }
    this.#success.set(key, entry)
    return true
  }
}

const isTransfer = ({ qtype }: Query): boolean => qtype === Type.AXFR || qtype === Type.IXFR

/** Who has not said that they understand AD is not told (RFC 6840 sections 5.7 and 5.8). */
const wantsAuthenticData = (query: Query): boolean => query.dnssecOk || (query.flags & Flag.AD) !== 0

function setAuthenticData(query: Query, isSet: boolean): void {
  const at = query.start + 3
  query.flags = isSet ? query.flags | Flag.AD : query.flags & ~Flag.AD
  query.bytes[at] = isSet ? query.bytes[at] | Flag.AD : query.bytes[at] & ~Flag.AD
}

const clamp = (ttlSeconds: number, { minTtlSeconds, maxTtlSeconds }: Limits): number =>
  Math.min(Math.max(ttlSeconds, minTtlSeconds), maxTtlSeconds)
