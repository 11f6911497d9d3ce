// A server block without a server: plugins set up from a Corefile, queries handed to their handlers, replies as text.

import { pino } from 'pino'
import { Cursor } from '../../src/corefile/directive.ts'
import { parseKey } from '../../src/corefile/key.ts'
import { parseCorefile } from '../../src/corefile/parser.ts'
import { Registry } from '../../src/metrics/registry.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import { Board } from '../../src/server/board.ts'
import { type Handler, NO_HANDLER } from '../../src/server/handler.ts'
import { HttpEndpoints } from '../../src/server/http.ts'
import type { Block, ControlContext, ControlPhases, Instance } from '../../src/server/plugin.ts'
import { formatAddress, parseAddress } from '../../src/wire/address.ts'
import { HEADER_LENGTH, Rcode, Type, formatType } from '../../src/wire/constants.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { Query, Transport, Verdict, read16 } from '../../src/wire/query.ts'
import { Reply, write16 } from '../../src/wire/reply.ts'

export interface TestProcess extends ControlContext {
  /** What has been logged: `info text`, `error text`, … */
  readonly lines: string[]
}

export function makeProcess(): TestProcess {
  const lines: string[] = []
  const idle = {
    pollCorefile: () => Promise.resolve(),
    relieve: () => {},
    isAlone: () => true,
    brace: () => () => {},
    fail: (message: string) => void lines.push(`fatal ${message}`),
  }
  const write = (json: string): void => {
    const { level, msg } = JSON.parse(json) as { level: number; msg: string }
    lines.push(`${pino.levels.labels[level]} ${msg}`)
  }
  const log = pino({ base: null, timestamp: false }, { write })
  return {
    version: '1.2.3',
    log,
    notices: log,
    metrics: new Registry(),
    http: new HttpEndpoints(),
    api: {},
    ...idle,
    lines,
  }
}

export interface TestBlock extends Block {
  readonly process: TestProcess
}

/** Sets up every server block of a Corefile, in the order of PLUGINS. Throws CorefileError. */
export function setUp(corefile: string, context = makeProcess()): TestBlock[] {
  const env = { METRICS_PORT: '9253' }
  return parseCorefile(corefile, 'Corefile', { env, directives: PLUGINS.map(({ name }) => name) }).map(parsed => {
    const keys = parsed.keys.flatMap(key => parseKey(key, 53))
    const block: TestBlock = {
      keys,
      zones: keys.map(({ zone }) => zone),
      directory: '.',
      addresses: [],
      tcp: {},
      threads: 0,
      chain: [],
      instances: [],
      resolver: NO_HANDLER,
      board: new Board(),
      process: context,
    }
    for (const plugin of PLUGINS) {
      for (const directive of parsed.directives.filter(({ name }) => name.text === plugin.name)) {
        block.instances.push({ name: plugin.name, instance: plugin.setup(new Cursor(directive), block) })
      }
    }
    return block
  })
}

/** Sets up one server block for the root with these directives. */
export function setUpBlock(directives: string, context = makeProcess()): TestBlock {
  return setUp(`. {\n${directives}\n}`, context)[0]
}

/** The handlers of the block in front of `last`. */
export function chain(block: Block, last: Handler): Handler {
  return block.instances.reduceRight((next, { instance }) => instance.handler?.(next) ?? next, last)
}

const phases = new WeakMap<Instance, ControlPhases[]>()

/** What the instances of a block do, in the thread that has everything. */
export function listPhases(block: Block): ControlPhases[] {
  return block.instances.flatMap(({ instance }) => {
    const known = phases.get(instance) ?? [instance, instance.control?.((block as TestBlock).process) ?? {}]
    phases.set(instance, known)
    return known
  })
}

export async function start(...blocks: Block[]): Promise<void> {
  for (const block of blocks) for (const phase of listPhases(block)) await phase.start?.()
  for (const block of blocks) for (const phase of listPhases(block)) await phase.settle?.()
  for (const block of blocks) for (const phase of listPhases(block)) phase.activate?.()
}

export async function stop(...blocks: Block[]): Promise<void> {
  for (const block of blocks) for (const phase of listPhases(block)) await phase.stop?.()
  for (const block of blocks) await (block as TestBlock).process.http.close()
}

/** Adds an instance that is no plugin's, as a plugin would be. */
export function join(block: Block, name: string, instance: Instance): void {
  block.instances.push({ name, instance })
}

export interface Question {
  name?: string
  type?: number
  flags?: number
  opcode?: number
  /** The EDNS size; without it, no OPT. */
  udpSize?: number
  dnssecOk?: boolean
  transport?: Transport
  client?: string
  port?: number
}

export function makeQuery(question: Question = {}): Query {
  const name = parseName(question.name ?? 'www.example.org.')
  if (!name) throw new Error(`not a name: ${question.name}`)
  const opt = question.udpSize === undefined ? 0 : 11
  // The message does not begin where its buffer does: offsets into either are told apart.
  const start = 5
  const message = Buffer.alloc(start + HEADER_LENGTH + name.length + 4 + opt)
  write16(message, start, 4242)
  write16(message, start + 2, (question.flags ?? 0x0100) | ((question.opcode ?? 0) << 11))
  write16(message, start + 4, 1)
  write16(message, start + 10, opt ? 1 : 0)
  message.set(name, start + HEADER_LENGTH)
  const at = start + HEADER_LENGTH + name.length
  write16(message, at, question.type ?? Type.A)
  write16(message, at + 2, 1)
  if (question.udpSize !== undefined) {
    write16(message, at + 5, Type.OPT)
    write16(message, at + 7, question.udpSize)
    if (question.dnssecOk) message[at + 11] = 0x80
  }
  const query = new Query()
  query.transport = question.transport ?? Transport.UDP
  query.clientAddress = parseAddress(question.client ?? '192.0.2.1') ?? new Uint8Array(4)
  query.clientPort = question.port ?? 40_212
  if (query.parse(message, start, message.length) !== Verdict.Answer) throw new Error('not a query to be answered')
  return query
}

export function makeReply(query: Query): Reply {
  const reply = new Reply(Buffer.alloc(65_535))
  reply.begin(query, 7)
  return reply
}

export interface Answer {
  rcode: Rcode
  reply: Reply
  query: Query
  /** The records of each section, as a zone file has them. */
  sections: string[][]
}

/** Asks a handler that must answer at once. */
export function ask(handler: Handler, question: Question = {}): Answer {
  const query = makeQuery(question)
  const reply = makeReply(query)
  const rcode = handler.serve(query, reply)
  if (typeof rcode !== 'number') throw new Error('the handler did not answer at once')
  return { rcode, reply, query, sections: readSections(reply, query) }
}

/** Asks a handler that must not answer at once. */
export async function askLater(handler: Handler, question: Question = {}): Promise<Answer> {
  const query = makeQuery(question)
  const reply = makeReply(query)
  const rcode = handler.serve(query, reply)
  if (typeof rcode === 'number') throw new Error('the handler answered at once')
  return { rcode: await rcode, reply, query, sections: readSections(reply, query) }
}

export function readSections(reply: Reply, query: Query): string[][] {
  let at = reply.start + query.questionEnd - query.start
  return [...reply.counts].map(count =>
    Array.from({ length: count }, () => {
      const owner = readName(reply, at)
      const head = owner.end
      const end = head + 10 + read16(reply.bytes, head + 8)
      const type = read16(reply.bytes, head)
      at = end
      return `${owner.text} ${reply.bytes.readUInt32BE(head + 4)} ${formatType(type)} ${readRdata(reply, type, head + 10, end)}`
    }),
  )
}

function readRdata(reply: Reply, type: number, at: number, end: number): string {
  const { bytes } = reply
  switch (type) {
    case Type.A:
    case Type.AAAA:
      return formatAddress(bytes.subarray(at, end))
    case Type.CNAME:
    case Type.NS:
      return readName(reply, at).text
    case Type.MX:
      return `${read16(bytes, at)} ${readName(reply, at + 2).text}`
    case Type.SRV:
      return `${read16(bytes, at)} ${read16(bytes, at + 2)} ${read16(bytes, at + 4)} ${readName(reply, at + 6).text}`
    default:
      return bytes.toString('hex', at, end)
  }
}

function readName(reply: Reply, from: number): { text: string; end: number } {
  const labels: number[] = []
  let end = 0
  for (let at = from; ; ) {
    const length = reply.bytes[at]
    if (length >= 0xc0) {
      end ||= at + 2
      at = reply.start + (read16(reply.bytes, at) & 0x3fff)
      continue
    }
    labels.push(...reply.bytes.subarray(at, at + length + 1))
    at += length + 1
    if (length === 0) return { text: formatName(Uint8Array.from(labels)), end: end || at }
  }
}
