// What goes wrong on purpose, so that a client can be tested against it.

import { type Status, statusOf } from './errors.ts'
import { ApiError } from './object.ts'
import type { ResourceRequest, Verb } from './request.ts'
import type { LineSink } from './watch.ts'

/** Which requests a fault meets; a member that is absent fits all. */
export interface Where {
  /** Plural: `services`. */
  resource?: string
  verb?: Verb
  namespace?: string
  /** How many requests; 1 when absent, Infinity for all. */
  count?: number
}

/** How a watch breaks: see `Faults.breakWatch`. */
export type Break = 'drop' | 'cut' | 'malformed' | 'end' | { error: number; reason?: string; message?: string }

export type Action =
  | { kind: 'answer'; error: ApiError }
  | { kind: 'delay'; delayMs: number }
  | { kind: 'drop' }
  | { kind: 'truncate' }
  | { kind: 'initialEvents'; how: 'refuse' | 'ignore' }
  | { kind: 'break'; afterLines: number; how: Break }

/** A fault that waits for its requests. */
export interface Fault {
  /** Requests that it still will meet. */
  readonly remaining: number
  /** Settles when it has met the last of its requests. */
  readonly done: Promise<void>
  remove(): void
}

/** Watch lines held back: they are neither lost nor sent until `release`. */
export interface Hold {
  /** Lines held now, over all watches. */
  readonly held: number
  /**
   * Sends what was held and lets the rest through. `reorder` is given the lines of one watch, oldest first, and returns
   * those to be sent; a server never changes the order within one watch, so that is for tests of robustness.
   */
  release(reorder?: (lines: string[], request: ResourceRequest) => string[]): void
}

interface Armed extends Fault {
  where: Where
  action: Action
  meet(): void
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

function makeError(code: number, { reason, message, retryAfterSeconds }: ErrorOptions = {}): ApiError {
  const text = message ?? `injected fault: ${code}`
  return new ApiError(code, reason ?? reasons[code] ?? 'Unknown', text, [], retryAfterSeconds)
}

interface ErrorOptions {
  reason?: string
  message?: string
  retryAfterSeconds?: number
}

export class Faults {
  #armed: Armed[] = []
  readonly #holds = new Set<HeldLines>()
  readonly #streams = new Set<FaultySink>()

  /** Answers with a Status of this code; retryAfterSeconds becomes the header Retry-After too. */
  answer(code: number, where: Where & ErrorOptions = {}): Fault {
    return this.#arm(where, { kind: 'answer', error: makeError(code, where) })
  }

  /** Waits before the request is served. */
  delay(delayMs: number, where: Where = {}): Fault {
    return this.#arm(where, { kind: 'delay', delayMs })
  }

  /** Closes the connection before anything is answered. */
  drop(where: Where = {}): Fault {
    return this.#arm(where, { kind: 'drop' })
  }

  /** Closes the connection after half of the body (not for watches: see `breakWatch`). */
  truncate(where: Where = {}): Fault {
    return this.#arm(where, { kind: 'truncate' })
  }

  /** As a server whose WatchList feature is off: 422 to a watch with sendInitialEvents. */
  refuseInitialEvents(where: Where = {}): Fault {
    return this.#arm({ count: Infinity, ...where, verb: 'watch' }, { kind: 'initialEvents', how: 'refuse' })
  }

  /** As a server from before sendInitialEvents: the parameter means nothing, so the closing bookmark never comes. */
  ignoreInitialEvents(where: Where = {}): Fault {
    return this.#arm({ count: Infinity, ...where, verb: 'watch' }, { kind: 'initialEvents', how: 'ignore' })
  }

  /**
   * Lets `afterLines` lines of the next watch through (bookmarks count), and then: `drop` closes the connection at once,
   * `end` ends the answer regularly, an error is an ERROR event and the end; `cut` closes in the middle of the next
   * line, `malformed` replaces the next line by one that is no JSON, and goes on.
   */
  breakWatch(how: Break, afterLines: number, where: Omit<Where, 'verb'> = {}): Fault {
    return this.#arm({ ...where, verb: 'watch' }, { kind: 'break', afterLines, how })
  }

  /** The same for the watches that are open now, from now on. Returns how many there are. */
  breakOpenWatches(how: Break, where: Omit<Where, 'verb' | 'count'> = {}): number {
    const streams = this.openWatches(where)
    for (const stream of streams) stream.breakAfter(0, how)
    return streams.length
  }

  /** Holds back the lines of open and of new watches. */
  hold(where: Omit<Where, 'verb' | 'count'> = {}): Hold {
    const hold = new HeldLines(where, () => this.#holds.delete(hold))
    this.#holds.add(hold)
    return hold
  }

  openWatches(where: Where = {}): FaultySink[] {
    return [...this.#streams].filter(stream => fits(where, stream.request))
  }

  /** Takes away all faults and releases what is held. */
  clear(): void {
    this.#armed = []
    for (const hold of this.#holds) hold.release()
  }

  /** What is to happen to this request, in order; each counts as met. */
  take(request: ResourceRequest): Action[] {
    const actions: Action[] = []
    for (const fault of this.#armed) {
      if (!fits(fault.where, request)) continue
      if (fault.action.kind === 'initialEvents' && !request.query.has('sendInitialEvents')) continue
      fault.meet()
      actions.push(fault.action)
      if (fault.action.kind === 'answer' || fault.action.kind === 'drop') break
    }
    this.#armed = this.#armed.filter(fault => fault.remaining > 0)
    return actions
  }

  /** A sink for the watch of `request` that obeys these actions and the holds. */
  wrap(request: ResourceRequest, sink: LineSink, actions: readonly Action[]): FaultySink {
    const stream = new FaultySink(request, sink, line => this.#keep(stream, line))
    this.#streams.add(stream)
    for (const action of actions) if (action.kind === 'break') stream.breakAfter(action.afterLines, action.how)
    return stream
  }

  /** The connection of the stream is closed. */
  unwrap(stream: FaultySink): void {
    this.#streams.delete(stream)
    for (const hold of this.#holds) hold.forget(stream)
  }

  #keep(stream: FaultySink, line: string): boolean {
    for (const hold of this.#holds) {
      if (fits(hold.where, stream.request)) {
        hold.keep(stream, line)
        return true
      }
    }
    return false
  }

  #arm(where: Where, action: Action): Fault {
    const { promise, resolve } = Promise.withResolvers<void>()
    let remaining = where.count ?? 1
    const fault: Armed = {
      where,
      action,
      done: promise,
      get remaining() {
        return remaining
      },
      meet() {
        if (--remaining === 0) resolve()
      },
      remove: () => {
        this.#armed = this.#armed.filter(other => other !== fault)
      },
    }
    this.#armed.push(fault)
    return fault
  }
}

function fits(where: Where, request: ResourceRequest): boolean {
  return (
    (where.resource === undefined || where.resource === request.resource.plural) &&
    (where.verb === undefined || where.verb === request.verb) &&
    (where.namespace === undefined || where.namespace === request.namespace)
  )
}

class HeldLines implements Hold {
  readonly where: Where
  readonly #lines = new Map<FaultySink, string[]>()
  readonly #remove: () => void

  constructor(where: Where, remove: () => void) {
    this.where = where
    this.#remove = remove
  }

  get held(): number {
    return [...this.#lines.values()].reduce((sum, lines) => sum + lines.length, 0)
  }

  keep(stream: FaultySink, line: string): void {
    const lines = this.#lines.get(stream)
    if (lines === undefined) this.#lines.set(stream, [line])
    else lines.push(line)
  }

  forget(stream: FaultySink): void {
    this.#lines.delete(stream)
  }

  release(reorder: (lines: string[], request: ResourceRequest) => string[] = lines => lines): void {
    this.#remove()
    const held = [...this.#lines]
    this.#lines.clear()
    for (const [stream, lines] of held) for (const line of reorder(lines, stream.request)) stream.write(line)
  }
}

/** The sink of one watch, which may break. */
class FaultySink implements LineSink {
  readonly request: ResourceRequest
  readonly #sink: LineSink
  readonly #keep: (line: string) => boolean
  #break: { afterLines: number; how: Break } | undefined
  #ended = false

  constructor(request: ResourceRequest, sink: LineSink, keep: (line: string) => boolean) {
    this.request = request
    this.#sink = sink
    this.#keep = keep
  }

  breakAfter(afterLines: number, how: Break): void {
    this.#break = { afterLines, how }
    this.#breakIfDue()
  }

  write(line: string): void {
    if (this.#ended || this.#keep(line)) return
    const due = this.#break
    if (due?.afterLines === 0 && due.how === 'cut') {
      this.#sink.write(line.slice(0, Math.floor(line.length / 2)))
      this.destroy()
    } else if (due?.afterLines === 0 && due.how === 'malformed') {
      this.#break = undefined
      this.#sink.write(`{"type":"MODIFIED","object":{"kind":\n`)
    } else {
      this.#sink.write(line)
      if (due !== undefined) due.afterLines--
      this.#breakIfDue()
    }
  }

  drained(): Promise<void> | undefined {
    return this.#ended ? undefined : this.#sink.drained()
  }

  end(): void {
    this.#ended = true
    this.#sink.end()
  }

  destroy(): void {
    this.#ended = true
    this.#sink.destroy()
  }

  #breakIfDue(): void {
    const due = this.#break
    if (due === undefined || due.afterLines > 0 || due.how === 'cut' || due.how === 'malformed') return
    this.#break = undefined
    if (due.how === 'drop') {
      this.destroy()
      return
    }
    if (typeof due.how === 'object') {
      const status: Status = statusOf(makeError(due.how.error, due.how))
      this.#sink.write(`{"type":"ERROR","object":${JSON.stringify(status)}}\n`)
    }
    this.end()
  }
}
