// A Corefile made into chains of plugins: its blocks parsed, their plugins set up, and what each listener is to answer with. It knows
// nothing of sockets, so that two configurations can stand beside each other at a reload.

import { dirname, resolve } from 'node:path'
import { Cursor } from '../corefile/directive.ts'
import { CorefileError } from '../corefile/error.ts'
import { type Key, parseKey } from '../corefile/key.ts'
import { type BoundKey, checkOverlap } from '../corefile/overlap.ts'
import { type ServerBlock as ParsedBlock, parseCorefile } from '../corefile/parser.ts'
import type { Token } from '../corefile/token.ts'
import { FOREIGN_DIRECTIVES } from '../plugins/coredns.ts'
import { observeServer } from '../plugins/prometheus/prometheus.ts'
import { formatServer } from '../plugins/servername.ts'
import { Board } from '../server/board.ts'
import type { ServerBlock } from '../server/dispatcher.ts'
import { type Handler, NO_HANDLER } from '../server/handler.ts'
import { Lifecycle } from '../server/lifecycle.ts'
import type { Block, ControlContext, Plugin, ProcessContext } from '../server/plugin.ts'
import type { ServiceOptions } from '../server/server.ts'

export interface ConfigurationOptions {
  /** Path of the Corefile, for errors and relative paths. */
  readonly file: string
  /** Port of keys that name none. */
  readonly defaultPort: number
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The plugins that there are, in execution order. */
  readonly plugins: readonly Plugin[]
}

/** What CoreDNS serves where nothing says what to serve. */
const DEFAULT_COREFILE = '. {\n    whoami\n    log\n}\n'

/** The server blocks of a Corefile and of all that it imports; without one, those of the default. Throws CorefileError. */
export function parseBlocks(
  text: string,
  options: ConfigurationOptions,
  warn: (message: string) => void,
): ParsedBlock[] {
  const written = parseWritten(text, options, warn)
  return written.length > 0 ? written : parseWritten(DEFAULT_COREFILE, options, warn)
}

/** The same without the default: there may be none. */
export function parseWritten(
  text: string,
  { file, env, plugins }: ConfigurationOptions,
  warn: (message: string) => void,
): ParsedBlock[] {
  const directives = plugins.map(({ name }) => name)
  const blocks = parseCorefile(text, file, { env, directives, foreign: FOREIGN_DIRECTIVES, warn })
  return blocks.filter(({ keys }) => keys.length > 0)
}

/** An address and port, and what is answered there. */
export interface ConfiguredListener {
  /** Its `server` label, which is also by what a reload knows it again. */
  readonly name: string
  /** '' for all. */
  readonly address: string
  readonly port: number
  readonly service: ServiceOptions
  readonly blocks: readonly Block[]
}

interface KeyToken {
  readonly key: Key
  readonly token: Token
}

interface SetUpBlock {
  readonly block: Block
  readonly keys: readonly KeyToken[]
  readonly handler: Handler
}

/** What has been posted on a board, by name. */
export type Posted = ReadonlyMap<string, unknown>

/** The thread that a configuration is set up in. */
export interface ThreadRole {
  readonly process: ProcessContext
  /** The same, in the control thread. */
  readonly control?: ControlContext
  /** For each server block, what the control thread has posted so far. */
  readonly posted?: readonly Posted[]
}

export class Configuration {
  /** The keys of all blocks as CoreDNS prints them at its start: `.:53`. */
  readonly keys: readonly string[]
  readonly listeners: readonly ConfiguredListener[]
  readonly plugins: Lifecycle

  /** How many threads serve; 0 when the control thread does. */
  readonly threads: number
  /** The board of each server block. */
  readonly boards: readonly Board[]

  /** Sets up every plugin and starts none. Throws CorefileError for the first mistake. */
  constructor(parsed: readonly ParsedBlock[], options: ConfigurationOptions, thread: ThreadRole) {
    const blocks = parsed.map((block, i) => setUp(block, options, thread.process, thread.posted?.[i]))
    checkOverlap(blocks.flatMap(boundKeys))
    this.keys = blocks.flatMap(({ keys }) => keys.map(({ key }) => `${key.zone}:${key.port}`))
    this.listeners = listListeners(blocks, thread.process)
    this.threads = Math.max(0, ...blocks.map(({ block }) => block.threads))
    this.boards = blocks.map(({ block }) => block.board)
    const instances = blocks.flatMap(({ block }) => block.instances)
    checkOutputs(instances)
    this.plugins = new Lifecycle(instances, thread.process.log, thread.control)
  }
}

function setUp(
  parsed: ParsedBlock,
  options: ConfigurationOptions,
  process: ProcessContext,
  posted: Posted | undefined,
): SetUpBlock {
  const keys = parsed.keys.flatMap(token => parseKey(token, options.defaultPort).map(key => ({ key, token })))
  for (const { key, token } of keys) {
    if (key.scheme === 'dns') continue
    const what = `${key.scheme}:// is not served by this version`
    throw new CorefileError('bad_zone', token, what, 'dns:// or no scheme')
  }
  const block: Block = {
    keys: keys.map(({ key }) => key),
    zones: keys.map(({ key }) => key.zone),
    directory: dirname(resolve(options.file)),
    addresses: [],
    tcp: {},
    threads: 0,
    chain: [],
    instances: [],
    resolver: NO_HANDLER,
    board: new Board(posted),
    process,
  }
  for (const plugin of options.plugins) {
    const directives = parsed.directives.filter(({ name }) => name.text === plugin.name)
    if (directives.length > 1 && !plugin.repeatable) {
      const { name } = directives[1]
      throw new CorefileError('bad_argument', name, `${plugin.name} is there twice`, 'it once in a server block')
    }
    for (const directive of directives) {
      block.instances.push({ name: plugin.name, instance: plugin.setup(new Cursor(directive), block) })
    }
  }
  const handler = block.instances.reduceRight<Handler>(
    (next, { instance }) => instance.handler?.(next) ?? next,
    NO_HANDLER,
  )
  return { block, keys, handler }
}

/** One file cannot have the words of two. */
function checkOutputs(instances: Block['instances']): void {
  const outputs = new Map<string, Token>()
  for (const { instance } of instances) {
    if (!instance.output) continue
    const { file, token } = instance.output
    const first = outputs.get(file)
    if (first) {
      const what = `'${token.text}' is the file of ${first.file}:${first.line}:${first.column} already`
      throw new CorefileError('bad_argument', token, what, 'another file')
    }
    outputs.set(file, token)
  }
}

const boundKeys = ({ block, keys }: SetUpBlock): BoundKey[] =>
  keys.map(({ key, token }) => ({ key, token, addresses: block.addresses }))

interface Gathered {
  readonly address: string
  readonly port: number
  readonly served: ServerBlock[]
  readonly blocks: Block[]
  isCounted: boolean
}

/** One for each address and port, so that each counts under its own name. */
function listListeners(blocks: readonly SetUpBlock[], { metrics }: ProcessContext): ConfiguredListener[] {
  const listeners = new Map<string, Gathered>()
  for (const { block, keys, handler } of blocks) {
    for (const address of block.addresses.length > 0 ? block.addresses : ['']) {
      for (const port of new Set(keys.map(({ key }) => key.port))) {
        const name = formatServer('dns', address, port)
        const listener = listeners.get(name) ?? { address, port, served: [], blocks: [], isCounted: false }
        listeners.set(name, listener)
        const zones = keys.filter(({ key }) => key.port === port).map(({ key }) => key.zone)
        const otherClasses = block.instances.some(({ instance }) => instance.otherClasses)
        listener.served.push({ zones: [...new Set(zones)], handler, otherClasses })
        listener.blocks.push(block)
        listener.isCounted ||= block.instances.some(instance => instance.name === 'prometheus')
      }
    }
  }
  return [...listeners].map(([name, { address, port, served, blocks: members, isCounted }]) => {
    // Of several blocks that set the same limit the last one counts, as in CoreDNS (core/dnsserver/server.go).
    const tcp = Object.assign({}, ...members.map(block => block.tcp)) as Block['tcp']
    const observer = isCounted ? observeServer(metrics, name) : {}
    return { name, address, port, blocks: members, service: { listeners: [{ blocks: served }], observer, tcp } }
  })
}
