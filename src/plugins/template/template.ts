// Answers that are written when they are asked for: a regular expression over the question's name, and templates of records.

import type { Handler } from '../../server/handler.ts'
import { findMetadata } from '../../server/metadata.ts'
import type { Block } from '../../server/plugin.ts'
import { Subquery } from '../../server/subquery.ts'
import { formatAddress } from '../../wire/address.ts'
import { Class, Flag, HEADER_LENGTH, Rcode, Type, formatClass, formatType } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import { formatName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section, write16 } from '../../wire/reply.ts'
import { Transcript, UNCHANGED } from '../../wire/transcript.ts'
import { type ZoneRecord, parseRecord } from '../../wire/zonefile.ts'
import { NO_ZONE, type Scope } from '../scope.ts'
import type { Asked } from './environment.ts'
import { type Expression, newFrame } from './expression.ts'
import type { Template, TemplateData } from './gotemplate.ts'
import type { ExprValue } from './library.ts'
import { print } from './library.ts'
import type { TemplateMetrics } from './metrics.ts'
import type { Value } from './value.ts'

export interface RecordTemplate {
  readonly section: Section
  /** As it was written: metrics tell it. */
  readonly source: string
  readonly execute: Template
}

export interface Pattern {
  /** As it was written. */
  readonly source: string
  readonly regexp: RegExp
}

export interface TemplateOptions {
  /** `Class.ANY` and `Type.ANY` are all. */
  readonly qclass: number
  readonly qtype: number
  readonly zones: Scope
  readonly patterns: readonly Pattern[]
  /** In the order of their sections. */
  /** In the order of the Corefile: each may use those before it. */
  readonly variables: readonly { readonly name: string; readonly expression: Expression<Asked> }[]
  /** All must be true. */
  readonly conditions: readonly Expression<Asked>[]
  readonly records: readonly RecordTemplate[]
  readonly rcode: Rcode
  readonly extendedError: { readonly infoCode: number; readonly text: Uint8Array } | undefined
  readonly fallthrough: Scope
}

/** A record in wire form, or what else is known of the CNAME before it. */
type Part = { readonly section: Section; readonly record: Buffer } | Subquery

/** CoreDNS's name for each section, in metrics. */
const SECTION_NAMES = ['answer', 'authority', 'additional'] as const

export class TemplateHandler implements Handler {
  readonly #next: Handler
  readonly #author: number
  readonly #options: TemplateOptions
  readonly #metrics: TemplateMetrics
  readonly #block: Block

  constructor(next: Handler, author: number, options: TemplateOptions, metrics: TemplateMetrics, block: Block) {
    this.#next = next
    this.#author = author
    this.#options = options
    this.#metrics = metrics
    this.#block = block
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const { qclass, qtype, zones, patterns } = this.#options
    if (qclass !== Class.ANY && query.qclass !== Class.ANY && query.qclass !== qclass) {
      return this.#next.serve(query, reply)
    }
    if (qtype !== Type.ANY && query.qtype !== Type.ANY && query.qtype !== qtype) return this.#next.serve(query, reply)
    const zone = zones.find(query)
    if (zone === NO_ZONE) return this.#next.serve(query, reply)
    const name = formatName(query.name)
    for (const pattern of patterns) {
      const match = pattern.regexp.exec(name)
      if (match) return this.#match(query, reply, this.#describe(query, name, zones.zones[zone], pattern, match))
    }
    return this.#pass(query, reply)
  }

  /** Not for this template: for the next, or for nobody. */
  #pass(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (this.#options.fallthrough.has(query)) return this.#next.serve(query, reply)
    reply.author = this.#author
    return Rcode.SERVFAIL
  }

  /** The name fits; the conditions decide. */
  #match(query: Query, reply: Reply, described: TemplateData): Rcode | Promise<Rcode> {
    const { variables, conditions, rcode } = this.#options
    let data = described
    if (variables.length > 0 || conditions.length > 0) {
      const frame = newFrame<Asked>({ query, block: this.#block, groups: data.Group })
      try {
        for (const { name, expression } of variables) frame.variables.set(name, expression.run(frame))
        if (!conditions.every(condition => condition.run(frame) === true)) return this.#pass(query, reply)
        data = { ...data, Var: new Map([...frame.variables].map(([name, value]) => [name, toValue(value)])) }
      } catch (error) {
        reply.author = this.#author
        reply.failure = new Error(`template: ${(error as Error).message}`)
        return Rcode.SERVFAIL
      }
    }
    reply.author = this.#author
    this.#metrics.matched(data)
    return rcode === Rcode.SERVFAIL ? rcode : this.#answer(query, reply, data)
  }

  #describe(query: Query, name: string, zone: string, pattern: Pattern, match: RegExpExecArray): TemplateData {
    const { qclass, qtype } = this.#options
    const groups = match.map((text: string | undefined) => text ?? '')
    const has = (flag: number): boolean => (query.flags & flag) !== 0
    return {
      Zone: zone,
      Name: name,
      Class: nameOrNothing(formatClass(query.qclass === Class.ANY ? qclass : query.qclass)),
      Type: nameOrNothing(formatType(query.qtype === Type.ANY ? qtype : query.qtype)),
      Regex: pattern.source,
      Remote: formatAddress(query.clientAddress),
      Match: groups,
      Group: new Map([
        ...groups.map((text, i): [string, string] => [String(i), text]),
        ...Object.entries(match.groups ?? {}).map(([key, text]): [string, string] => [key, text ?? '']),
      ]),
      Var: NO_VARIABLES,
      Question: {
        Name: formatName(query.bytes, query.start + HEADER_LENGTH),
        Qtype: BigInt(query.qtype),
        Qclass: BigInt(query.qclass),
      },
      Message: {
        Id: BigInt(query.id),
        Response: false,
        Opcode: BigInt(query.opcode),
        Authoritative: has(Flag.AA),
        Truncated: has(Flag.TC),
        RecursionDesired: has(Flag.RD),
        RecursionAvailable: has(Flag.RA),
        AuthenticatedData: has(Flag.AD),
        CheckingDisabled: has(Flag.CD),
        Rcode: BigInt(query.flags & 15),
      },
      Meta: label => findMetadata(this.#block, label)(query) ?? '',
    }
  }

  #answer(query: Query, reply: Reply, data: TemplateData): Rcode | Promise<Rcode> {
    const parts: Part[] = []
    const waiting: Promise<Rcode>[] = []
    for (const template of this.#options.records) {
      const record = this.#execute(template, data, reply)
      if (!record) return Rcode.SERVFAIL
      parts.push({ section: template.section, record: encode(record) })
      const isAlias = template.section === Section.Answer && record.type === Type.CNAME
      if (!isAlias || (query.qtype !== Type.A && query.qtype !== Type.AAAA)) continue
      // What the server itself knows of the target comes along.
      const lookup = new Subquery(query, { name: record.rdata, qtype: query.qtype, qclass: query.qclass })
      parts.push(lookup)
      const outcome = lookup.ask(this.#block.resolver)
      if (typeof outcome !== 'number') waiting.push(outcome)
    }
    if (waiting.length === 0) return this.#write(query, reply, parts)
    return Promise.allSettled(waiting).then(() => this.#write(query, reply, parts))
  }

  #execute(template: RecordTemplate, data: TemplateData, reply: Reply): ZoneRecord | undefined {
    const section = SECTION_NAMES[template.section]
    let text: string
    try {
      text = template.execute(data)
    } catch (error) {
      this.#metrics.templateFailed(data, section, template.source)
      reply.failure = new Error(`template: ${section}: ${(error as Error).message}`)
      return undefined
    }
    try {
      return parseRecord(text)
    } catch (error) {
      this.#metrics.recordFailed(data, section, template.source)
      reply.failure = new Error(`dns: ${(error as Error).message} in '${text}'`)
      return undefined
    }
  }

  #write(query: Query, reply: Reply, parts: readonly Part[]): Rcode {
    const { rcode, extendedError } = this.#options
    reply.authoritative = true
    if (extendedError) reply.setExtendedError(extendedError.infoCode, extendedError.text)
    for (const part of parts) {
      if (part instanceof Subquery) copyAnswer(query, reply, part)
      else reply.addRecords(part.section, part.record, 0, part.record.length, 1)
    }
    return rcode
  }
}

/** As in CoreDNS, what has no name is empty; and so a client cannot make a series of the metrics for each of 65,536 types. */
const nameOrNothing = (name: string): string => (/^(TYPE|CLASS)\d/.test(name) ? '' : name)

const NO_VARIABLES: ReadonlyMap<string, Value> = new Map()

/** What an expression has made, for templates: there, whole numbers are integers. */
function toValue(value: ExprValue): Value {
  if (Array.isArray(value)) return value.map(print)
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, print(inner)]))
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : print(value)
  return value as Value
}

/** The whole record in wire form; nothing is compressed. */
function encode({ owner, type, class: klass, ttlSeconds, rdata }: ZoneRecord): Buffer {
  const head = Buffer.alloc(10)
  write16(head, 0, type)
  write16(head, 2, klass)
  head.writeUInt32BE(ttlSeconds, 4)
  write16(head, 8, rdata.length)
  return Buffer.concat([owner, head, rdata])
}

function copyAnswer(query: Query, reply: Reply, lookup: Subquery): void {
  const { bytes, start, position, counts, truncated, isLive } = lookup.reply
  const records = new RecordCursor()
  const from = start + lookup.query.questionEnd - lookup.query.start
  records.reset(bytes, from, position, counts[Section.Answer], 0, 0)
  const transcript = new Transcript(query, reply)
  while (records.next() && transcript.add(bytes, start, records, Section.Answer, UNCHANGED));
  reply.truncated ||= truncated
  reply.isLive ||= isLive
}
