// What a plugin is to the server: one directive of the Corefile, set up once for each server block that has it.

import type { Logger } from 'pino'
import type { Cursor } from '../corefile/directive.ts'
import type { Key } from '../corefile/key.ts'
import type { Token } from '../corefile/token.ts'
import type { Registry } from '../metrics/registry.ts'
import type { Rcode } from '../wire/constants.ts'
import type { Query } from '../wire/query.ts'
import type { Reply } from '../wire/reply.ts'
import type { Board } from './board.ts'
import type { Handler } from './handler.ts'
import type { HttpEndpoints } from './http.ts'
import type { Metadata } from './metadata.ts'
import type { Primary } from './primary.ts'
import type { SearchPath } from './searchpath.ts'
import type { TcpLimits } from './tcp.ts'

/** A directive: its name, and how its tokens become an instance. `src/plugins/order.ts` lists them in execution order. */
export interface Plugin {
  readonly name: string
  /** Whether a server block may have it more than once. */
  readonly repeatable: boolean
  /** Reads the directive's tokens; throws CorefileError for what it does not understand. Opens nothing: that is for `start`. */
  setup(cursor: Cursor, block: Block): Instance
}

/** What a plugin does when its configuration begins, answers and ends. */
export interface Phases {
  /**
   * Runs before the sockets are read; at a reload, beside the configuration that still answers. The server waits for it. Rejects when the
   * server cannot run without it: with TransientError when that may pass by itself.
   */
  start?(): Promise<void>
  /**
   * Its configuration answers from now on, and takes the place of the one before, if there was one. What the process has once (a metric, a
   * log level) is taken over here: a configuration that fails on its way never gets so far. Must not throw.
   */
  activate?(): void
  /** Runs after the last query, and after a `start` that has rejected or has not ended yet. */
  stop?(): Promise<void>
}

/** What a plugin does for the whole process. */
export interface ControlPhases extends Phases {
  /** Waits for what `start` has asked others for, once all plugins have started: the server waits for it, too. Rejects as `start` does. */
  settle?(): Promise<void>
  /** Runs at a shutdown while queries are still answered (`health`'s lameduck); the server waits for it. */
  lameduck?(): Promise<void>
  /** Whether those who send clients here can know by now that this process ends. Asked from the lameduck on; a plugin that leaves it out tells nobody. */
  isEndKnown?(): boolean
}

/**
 * A plugin that is set up. Whatever it does not need, it leaves out. With `multisocket` each thread has its own instance, made from the same
 * tokens, and runs its phases; the control thread does so too, though it opens no sockets then.
 */
export interface Instance extends Phases {
  /** Its place in the chain: returns the handler that runs before `next`. */
  handler?(next: Handler): Handler
  /** Whether it answers other classes than IN (`chaos`, `forward`). */
  readonly otherClasses?: boolean
  /**
   * What the process has once, however many threads answer: watches, endpoints, searches. Called once, in the control thread alone; each of
   * its phases follows the instance's own. What handlers need of it goes over `Block.board`.
   */
  control?(process: ControlContext): ControlPhases
  /** Whether it can answer; `ready` asks, in the control thread. A plugin that leaves it out is always ready. */
  ready?(): boolean
  /** What is to be known of it although it can answer, as half a sentence; `ready` tells it. Asked in the control thread. */
  remark?(): string | undefined
  /** The file that it writes, which no other instance of the configuration may, and where the Corefile names it. */
  readonly output?: { readonly file: string; readonly token: Token }
  /** What it knows of queries under a label such as `kubernetes/namespace`; undefined for a label that it does not have. See `readMetadata`. */
  metadata?(label: string): Metadata | undefined
  /** Whether a query has metadata at all (`metadata`); without such an instance in the block, none has. */
  readonly collects?: (query: Query) => boolean
  /** The search paths of clients, where it knows them: for `autopath @NAME`. */
  searchPath?(): SearchPath
  /** The zones that it holds whole, for `transfer`. */
  readonly primary?: Primary
  /** The servers that it hands questions to, for `loop` to look for one that hands them back. */
  readonly upstreams?: readonly Upstream[]
}

/** A server that a plugin hands questions to. */
export interface Upstream {
  /** `127.0.0.53:53` */
  readonly address: string
  /** The file that names it (`/etc/resolv.conf`); undefined when the Corefile does. */
  readonly source: string | undefined
  /** Asks this server alone, whatever the plugin's policy and its health; SERVFAIL when it does not answer. Does not reject. */
  ask(query: Query, reply: Reply): Promise<Rcode>
  /** It hands questions back to us: it is not asked again. When none is left, the plugin answers SERVFAIL. */
  switchOff(): void
}

/** What keeps a plugin from starting may pass without the Corefile being changed: a reload tries again. */
export class TransientError extends Error {
  override readonly name = 'TransientError'
}

/** What a plugin learns of the server block that it is set up in. */
export interface Block {
  /** The keys of the block. Metrics name a server by the first: `dns://:53`. */
  readonly keys: readonly Key[]
  /** Zones of the block, absolute, in lower case. */
  readonly zones: readonly string[]
  /** The folder of the Corefile; relative paths begin there. */
  readonly directory: string
  /** Addresses that `bind` chose; empty for all. */
  readonly addresses: string[]
  /** What `timeouts` says about connections over TCP. */
  readonly tcp: { -readonly [limit in keyof TcpLimits]?: number }
  /** How many threads are to serve, as `multisocket` says; 0 when it says nothing. Of several blocks the largest number counts. */
  threads: number
  /** Names of the plugins in this block's chain, in execution order; `Reply.author` is an index into it. Complete when `start` runs. */
  readonly chain: string[]
  /** Instances of this block with their names, in execution order. Complete when `start` runs. */
  readonly instances: { readonly name: string; readonly instance: Instance }[]
  /** The whole server as a handler, for questions that it asks itself. Set when `start` runs. */
  resolver: Handler
  /** What `control` has for the handlers of all threads. */
  readonly board: Board
  readonly process: ProcessContext
}

/** What all server blocks of one thread share. */
export interface ProcessContext {
  readonly version: string
  readonly log: Logger
  /** For what every thread finds alike (a file has changed): it is told by the control thread, and by no other. */
  readonly notices: Logger
  /** Cells count for this thread and are added up. What is the same in all threads is tracked: of readers, those of the control thread count. */
  readonly metrics: Registry
}

/** What only the control thread has. */
export interface ControlContext extends ProcessContext {
  readonly http: HttpEndpoints
  /** The in-process API that the `kubernetes` plugin talks to when its options name no other. */
  readonly api: ApiDefaults
  /** Reads the Corefile again and goes over to it if it has changed. Resolves when that is done, or has failed and was told. */
  readonly pollCorefile: () => Promise<void>
  /**
   * Large work that is not repeated is done: what it has left behind is given back to the system. Takes tens of milliseconds; where nobody asks yet, a
   * few times as long.
   */
  readonly relieve: (isAsked: boolean) => void
  /** Large work begins; ends with the function that it returns. Meanwhile memory is kept small, at the cost of speed. */
  readonly brace: () => () => void
  /** Whether nobody but this thread reads what `control` makes. It stays so. */
  readonly isAlone: () => boolean
  /** The process cannot go on: this line is logged, and it ends with exit code 1. */
  readonly fail: (message: string) => void
}

/** Where the `kubernetes` plugin finds its API unless the Corefile says otherwise. */
export interface ApiDefaults {
  /** URL of an API server without authentication: the in-process API. */
  readonly endpoint?: string
  /** `--kubeconfig`. */
  readonly kubeconfig?: string
}

/** The number of `name` in the block's chain, for `Reply.author`; appends it when it is not there. */
export function joinChain(block: Block, name: string): number {
  const known = block.chain.indexOf(name)
  return known >= 0 ? known : block.chain.push(name) - 1
}
