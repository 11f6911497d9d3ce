// An API server that does what the test says, request by request, and the clock, the sink and the log that go with it.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../../src/watch/clock.ts'
import { connectEndpoint } from '../../src/watch/endpoint.ts'
import { Reflector, type ReflectorOptions } from '../../src/watch/reflector.ts'
import { SERVICES } from '../../src/watch/resource.ts'
import type { SlimMeta, SlimService } from '../../src/watch/slim.ts'
import { type Sink, Store } from '../../src/watch/store.ts'

/** Gives each waiter what comes next, in order. */
class Queue<T> {
  readonly #items: T[] = []
  readonly #waiters: ((item: T) => void)[] = []

  push(item: T): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) this.#items.push(item)
    else waiter(item)
  }

  next(): Promise<T> {
    const item = this.#items.shift()
    return item === undefined ? new Promise(resolve => this.#waiters.push(resolve)) : Promise.resolve(item)
  }

  get length(): number {
    return this.#items.length
  }
}

/** One request, to be answered by the test. */
export class Call {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly response: ServerResponse
  readonly socket: Socket
  readonly closed: Promise<unknown>

  constructor(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://localhost')
    this.path = url.pathname
    this.query = Object.fromEntries(url.searchParams)
    this.headers = request.headers
    this.response = response
    this.socket = request.socket
    this.closed = once(response, 'close')
  }

  json(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.response.writeHead(status, { 'content-type': 'application/json', ...headers })
    this.response.end(JSON.stringify(body))
  }

  refuse(code: number, reason: string, message = '', headers: Record<string, string> = {}): void {
    this.json(code, { kind: 'Status', code, reason, message }, headers)
  }

  /** The server knows no streaming lists. */
  refuseStreaming(): void {
    this.refuse(422, 'Invalid', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch')
  }

  list(resourceVersion: string, items: readonly unknown[], token?: string): void {
    const metadata = token === undefined ? { resourceVersion } : { resourceVersion, continue: token }
    this.json(200, { kind: 'List', apiVersion: 'v1', metadata, items })
  }

  open(): this {
    this.response.writeHead(200, { 'content-type': 'application/json' })
    this.response.flushHeaders()
    return this
  }

  write(text: string | Uint8Array): this {
    this.response.write(text)
    return this
  }

  event(type: string, object: unknown): this {
    return this.write(`${JSON.stringify({ type, object })}\n`)
  }

  bookmark(resourceVersion: string, annotations?: Record<string, string>): this {
    return this.event('BOOKMARK', { kind: 'Service', metadata: { resourceVersion, annotations } })
  }

  endInitialEvents(resourceVersion: string): this {
    return this.bookmark(resourceVersion, { 'k8s.io/initial-events-end': 'true' })
  }

  /** The orderly end. */
  end(): void {
    this.response.end()
  }

  /** The connection breaks; what was written before is let through. */
  cut(): void {
    this.response.write('', () => this.socket.destroySoon())
  }
}

export class ScriptedApi {
  readonly calls = new Queue<Call>()
  readonly #server: Server
  readonly #scheme: string

  constructor(tls?: ServerOptions) {
    const listener: RequestListener = (request, response) => this.calls.push(new Call(request, response))
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
    this.#scheme = tls === undefined ? 'http' : 'https'
  }

  async listen(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`
  }

  next(): Promise<Call> {
    return this.calls.next()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

interface Timer {
  run: () => void
  delayMs: number
  atMs: number
}

/** Time that goes on only when the test says so. */
export class ManualClock implements Clock {
  nowMs = 1_700_000_000_000
  randomness = 0.5
  readonly #timers = new Set<Timer>()
  readonly #waiters = new Set<{ delayMs: number; resolve: () => void }>()

  now(): number {
    return this.nowMs
  }

  monotonicMs(): number {
    return this.nowMs
  }

  random(): number {
    return this.randomness
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    const timer = { run, delayMs, atMs: this.nowMs + delayMs }
    this.#timers.add(timer)
    for (const waiter of this.#waiters) {
      if (waiter.delayMs !== delayMs) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  get delays(): number[] {
    return [...this.#timers].map(timer => timer.delayMs).sort((one, other) => one - other)
  }

  /** Resolves when a timer of just this delay is set. */
  waits(delayMs: number): Promise<void> {
    if (this.delays.includes(delayMs)) return Promise.resolve()
    return new Promise(resolve => this.#waiters.add({ delayMs, resolve }))
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms
    for (;;) {
      const [due] = [...this.#timers].filter(timer => timer.atMs <= untilMs).sort((one, other) => one.atMs - other.atMs)
      if (due === undefined) break
      this.#timers.delete(due)
      this.nowMs = Math.max(this.nowMs, due.atMs)
      due.run()
    }
    this.nowMs = untilMs
  }
}

/** Writes down what it is told: `+ns/a@1`, `~ns/a@1>2`, `-ns/a@2`, `listed`. */
export class RecordingSink<T extends SlimMeta> implements Sink<T> {
  readonly told: string[] = []
  onTold: (line: string) => void = () => undefined
  readonly #waiters = new Set<{ isDone: () => boolean; resolve: () => void }>()

  changed(before: T | undefined, after: T | undefined): void {
    if (before === undefined) this.#record(`+${after?.key}@${after?.resourceVersion}`)
    else if (after === undefined) this.#record(`-${before.key}@${before.resourceVersion}`)
    else this.#record(`~${after.key}@${before.resourceVersion}>${after.resourceVersion}`)
  }

  listed(): void {
    this.#record('listed')
  }

  /** Resolves when `isDone`, which is asked after each thing told. */
  until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve()
    return new Promise(resolve => this.#waiters.add({ isDone, resolve }))
  }

  /** Resolves when the line has been told `times` times. */
  hears(line: string, times = 1): Promise<void> {
    return this.until(() => this.told.filter(one => one === line).length >= times)
  }

  /** What was told since it was last asked. */
  take(): string[] {
    return this.told.splice(0)
  }

  #record(line: string): void {
    this.told.push(line)
    for (const waiter of this.#waiters) {
      if (!waiter.isDone()) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
    this.onTold(line)
  }
}

export class RecordingLog {
  readonly lines: string[] = []
  readonly #written = new Queue<string>()

  info(message: string): void {
    this.#write(`info ${message}`)
  }

  warn(message: string): void {
    this.#write(`warn ${message}`)
  }

  error(message: string): void {
    this.#write(`error ${message}`)
  }

  /** The next line not yet taken. */
  next(): Promise<string> {
    return this.#written.next()
  }

  #write(line: string): void {
    this.lines.push(line)
    this.#written.push(line)
  }
}

/** A Service as the API sends it. */
export function service(key: string, resourceVersion: string | number, uid = `uid-${key}`): Record<string, unknown> {
  const [namespace, name] = key.split('/')
  return {
    kind: 'Service',
    metadata: {
      namespace,
      name,
      uid,
      resourceVersion: String(resourceVersion),
      managedFields: [{ manager: 'kubectl' }],
    },
    spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
  }
}

export interface Bench {
  api: ScriptedApi
  clock: ManualClock
  sink: RecordingSink<SlimService>
  log: RecordingLog
  reflector: Reflector<SlimService>
  end(): Promise<void>
}

/** A reflector of Services at a scripted server, not yet started. */
export async function makeBench(options: Partial<ReflectorOptions<SlimService>> = {}): Promise<Bench> {
  const api = await new ScriptedApi().listen()
  const connection = await connectEndpoint({ endpoint: api.url })
  const clock = new ManualClock()
  const sink = new RecordingSink<SlimService>()
  const log = new RecordingLog()
  const reflector = new Reflector({ connection, resource: SERVICES, keeper: new Store(sink), log, clock, ...options })
  const end = async (): Promise<void> => {
    await reflector.stop()
    await connection.close()
    await api.close()
  }
  return { api, clock, sink, log, reflector, end }
}

/** Through the streaming list, up to an open watch that stands at `resourceVersion`. */
export async function syncByStream(bench: Bench, resourceVersion: string, items: readonly unknown[]): Promise<Call> {
  bench.reflector.start()
  const call = await bench.api.next()
  call.open()
  for (const item of items) call.event('ADDED', item)
  call.endInitialEvents(resourceVersion)
  await bench.sink.hears('listed')
  return call
}
