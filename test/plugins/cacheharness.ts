// A cache whose time and whose source the test sets.

import { Cursor } from '../../src/corefile/directive.ts'
import { parseCorefile } from '../../src/corefile/parser.ts'
import { Cache } from '../../src/plugins/cache/cache.ts'
import type { Clock } from '../../src/plugins/cache/clock.ts'
import { defineMetrics } from '../../src/plugins/cache/metrics.ts'
import { type CacheOptions, readOptions } from '../../src/plugins/cache/options.ts'
import type { Handler } from '../../src/server/handler.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { parseName } from '../../src/wire/name.ts'
import type { Query } from '../../src/wire/query.ts'
import { type Reply, Section } from '../../src/wire/reply.ts'
import { type Answer, type Question, ask, makeQuery, makeReply, readSections, setUpBlock } from './harness.ts'

export class TestClock implements Clock {
  #ms = 5_000
  #timers: { readonly run: () => void; readonly atMs: number }[] = []

  monotonicMs(): number {
    return this.#ms
  }

  now(): number {
    return 1_700_000_000_000 + this.#ms
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    const timer = { run, atMs: this.#ms + delayMs }
    this.#timers.push(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter(other => other !== timer)
  }

  get waiting(): number {
    return this.#timers.length
  }

  advance(seconds: number): void {
    this.#ms += Math.round(seconds * 1000)
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#ms)
    this.#timers = this.#timers.filter(timer => !due.includes(timer))
    for (const { run } of due) run()
  }
}

/** Writes a reply. */
export type Write = (reply: Reply, query: Query) => Rcode

/** What stands behind the cache: writes what `write` says, at once or when it is told to. */
export class Source implements Handler {
  write: Write
  /** The questions that came, as `flags transport name`. */
  readonly asked: string[] = []
  isLate = false
  #waiting: (() => void)[] = []

  constructor(write: Write) {
    this.write = write
  }

  get count(): number {
    return this.asked.length
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    this.asked.push(`${query.flags.toString(16)} ${query.transport === 0 ? 'udp' : 'tcp'} ${query.nameLength}`)
    if (!this.isLate) return this.write(reply, query)
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(this.write(reply, query))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Answers all that wait, and lets whoever waited for that go on. */
  async release(): Promise<void> {
    for (const answer of this.#waiting.splice(0)) answer()
    await new Promise(setImmediate)
  }
}

export function parseOptions(directive: string, zones: readonly string[] = ['.']): CacheOptions {
  const [block] = parseCorefile(`. {\n${directive}\n}`, 'Corefile', { env: {}, directives: ['cache'] })
  return readOptions(new Cursor(block.directives[0]), zones)
}

export class TestCache {
  readonly clock = new TestClock()
  readonly source: Source
  readonly handler: Handler
  readonly #block = setUpBlock('whoami')

  constructor(directive: string, write: Write) {
    this.source = new Source(write)
    const options = parseOptions(directive)
    const metrics = defineMetrics(this.#block, options.zones)
    this.handler = new Cache(this.source, options, { metrics, clock: this.clock, author: 7, seed: 42 })
  }

  ask(question?: Question): Answer {
    return ask(this.handler, question)
  }

  /** What is answered, in short: the rcode, and the records of all sections. */
  see(question?: Question): string {
    return describe(this.ask(question))
  }

  /** As `see`, for what need not be answered at once. */
  async seeLater(question?: Question): Promise<string> {
    const query = makeQuery(question)
    const reply = makeReply(query)
    const rcode = await this.handler.serve(query, reply)
    return describe({ rcode, reply, query, sections: readSections(reply, query) })
  }

  /** A metric of the plugin by its name without `coredns_cache_`; `success` or `denial` where it has a type. */
  metric(name: string, type?: string): number {
    const label = type ? `type="${type}",` : ''
    const line = this.#block.process.metrics
      .render()
      .split('\n')
      .find(line => line.startsWith(`coredns_cache_${name}{server="dns://:53",${label}view="",zones=".`))
    return Number(line?.split(' ').at(-1))
  }
}

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

function describe({ rcode, reply, sections }: Answer): string {
  const records = sections.map(section => section.join(', ')).join(' | ')
  return `${RCODES[rcode]}${reply.truncated ? ' TC' : ''} ${records}`.trim()
}

export const QUESTION = 0xc00c

/** A record of any owner: a pointer or a name. */
export function addRecord(
  reply: Reply,
  section: Section,
  owner: number | string,
  type: number,
  ttlSeconds: number,
  rdata: Uint8Array,
): void {
  if (typeof owner === 'string') {
    const name = nameOf(owner)
    reply.copy(Buffer.from(name), 0, name.length)
  } else {
    reply.write16(owner)
  }
  reply.write16(type)
  reply.write16(1)
  reply.write32(ttlSeconds)
  reply.write16(rdata.length)
  reply.copy(Buffer.from(rdata), 0, rdata.length)
  reply.counts[section]++
}

export const nameOf = (text: string): Uint8Array => {
  const name = parseName(text)
  if (!name) throw new Error(`not a name: ${text}`)
  return name
}

/** The answer to the question, one address after the other. */
export const addresses =
  (ttlSeconds: number, ...texts: string[]): Write =>
  reply => {
    for (const text of texts.length > 0 ? texts : ['192.0.2.1']) {
      const octets = parseAddress(text)!
      addRecord(reply, Section.Answer, QUESTION, octets.length === 4 ? Type.A : Type.AAAA, ttlSeconds, octets)
    }
    return Rcode.NOERROR
  }

/** A denial: NXDOMAIN, or NODATA with NOERROR; without SOA when there is no TTL for it. */
export const denial =
  (rcode: Rcode, soaTtlSeconds?: number): Write =>
  reply => {
    if (soaTtlSeconds !== undefined) {
      addRecord(reply, Section.Authority, QUESTION, Type.SOA, soaTtlSeconds, new Uint8Array(22))
    }
    return rcode
  }

export const failing =
  (rcode: Rcode = Rcode.SERVFAIL): Write =>
  () =>
    rcode
