// Questions over TCP or TLS: connections that are kept, with several questions under way on each (RFC 7766 section 6.2.1.1, RFC 7858).

import net from 'node:net'
import tls from 'node:tls'
import { FRAME_HEAD_LENGTH, FrameReader } from '../wire/frame.ts'
import { read16 } from '../wire/query.ts'
import { write16 } from '../wire/reply.ts'
import type { Proto } from './metrics.ts'
import type { Carrier, Question } from './question.ts'
import { draw16 } from './random.ts'
import type { Route } from './route.ts'
import { Timed } from './wheel.ts'

/** Questions under way on one connection before another is opened: some servers answer them one after the other. */
const MAX_PIPELINED = 16
/** Beyond these connections, questions share what is open. */
const MAX_CONNECTIONS = 16
/** To connect, the handshake of TLS included: half of the time that a query has, so that another attempt is left (CoreDNS). */
const CONNECT_TIMEOUT_MS = 2_500
/** Half of all ids. */
const MAX_OUTSTANDING = 32_768

export class StreamPool {
  readonly route: Route
  readonly proto: Proto
  /** The ticket of the last session, which makes the next handshake shorter (RFC 8446 section 2.2). */
  session: Buffer | undefined
  readonly #connections = new Set<Connection>()

  constructor(route: Route) {
    this.route = route
    this.proto = route.endpoint.isTls ? 'tcp-tls' : 'tcp'
  }

  get outstanding(): number {
    let sum = 0
    for (const connection of this.#connections) sum += connection.outstanding
    return sum
  }

  get sockets(): number {
    return this.#connections.size
  }

  ask(question: Question): void {
    question.isRetried = false
    const connection = this.#choose(question.askedMs)
    this.route.counts[connection ? 'hit' : 'missed'](this.proto)
    this.#send(question, connection ?? this.#open())
  }

  /** Once more, on a connection that the server cannot have closed while it was idle. */
  retry(question: Question): void {
    question.isRetried = true
    this.route.counts.missed(this.proto)
    this.#send(question, this.#open())
  }

  #send(question: Question, connection: Connection): void {
    if (connection.outstanding >= MAX_OUTSTANDING) {
      question.asker.failed(this.route.explain('too many questions wait for it'))
    } else connection.send(question)
  }

  #choose(nowMs: number): Connection | undefined {
    let best: Connection | undefined
    for (const connection of this.#connections) {
      if (!connection.takes(nowMs)) continue
      if (!best || connection.outstanding < best.outstanding) best = connection
    }
    const mayOpen = !best || (best.outstanding >= MAX_PIPELINED && this.#connections.size < MAX_CONNECTIONS)
    return mayOpen ? undefined : best
  }

  #open(): Connection {
    const connection = new Connection(this)
    this.#connections.add(connection)
    return connection
  }

  /** Whether another connection may be kept without a question. */
  keepsIdle(): boolean {
    const { maxIdle } = this.route
    if (maxIdle === 0) return true
    let idle = 0
    for (const { outstanding } of this.#connections) if (outstanding === 0) idle++
    return idle <= maxIdle
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection)
  }

  close(): void {
    for (const connection of this.#connections) connection.abort('it is no longer asked')
  }
}

class Connection extends Timed implements Carrier {
  readonly #pool: StreamPool
  readonly #socket: net.Socket
  readonly #reader = new FrameReader()
  readonly #waiting = new Map<number, Question>()
  readonly #openedMs = performance.now()
  #usedMs = this.#openedMs
  #receivedMs = 0
  #isOpen = false
  #isClosed = false
  /** Why it closes, where it is not the server's wish. */
  #why = ''

  constructor(pool: StreamPool) {
    super()
    this.#pool = pool
    const { endpoint, source, wheel, secureContext } = pool.route
    const options = {
      host: endpoint.address,
      port: endpoint.port,
      ...(source !== undefined && { localAddress: source }),
    }
    this.#socket = endpoint.isTls
      ? tls.connect({
          ...options,
          ...(secureContext && { secureContext }),
          ...(endpoint.serverName !== undefined && { servername: endpoint.serverName }),
          ...(pool.session && { session: pool.session }),
          minVersion: 'TLSv1.2',
        })
      : net.connect({ ...options, noDelay: true })
    const socket = this.#socket
    socket.once(endpoint.isTls ? 'secureConnect' : 'connect', () => this.#begin())
    socket.on('session', (session: Buffer) => (pool.session = session))
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => this.#close('the server closed the connection'))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#close(error.message || (error.code ?? 'unreachable')))
    socket.on('close', () => this.#close('the connection closed'))
    wheel.add(this, CONNECT_TIMEOUT_MS)
  }

  get outstanding(): number {
    return this.#waiting.size
  }

  takes(nowMs: number): boolean {
    const { expireMs, maxAgeMs } = this.#pool.route
    if (this.#isClosed || (maxAgeMs > 0 && nowMs - this.#openedMs > maxAgeMs)) return false
    return !this.#isOpen || this.outstanding > 0 || nowMs - this.#usedMs <= expireMs
  }

  send(question: Question): void {
    let id = draw16()
    while (this.#waiting.has(id)) id = draw16()
    question.id = id
    question.carrier = this
    question.isOnReused = this.#isOpen
    this.#waiting.set(id, question)
    this.#usedMs = question.askedMs
    // The socket keeps it as long as it needs, so it is a copy.
    const frame = Buffer.allocUnsafe(FRAME_HEAD_LENGTH + question.length)
    write16(frame, 0, question.length)
    question.bytes.copy(frame, FRAME_HEAD_LENGTH, 0, question.length)
    write16(frame, FRAME_HEAD_LENGTH, id)
    write16(question.bytes, 0, id)
    this.#socket.write(frame)
    if (this.#isOpen) this.#pool.route.wheel.add(question, question.timeoutMs)
  }

  /** Connected: from now on the server has the time for its answers. */
  #begin(): void {
    const { wheel, expireMs } = this.#pool.route
    this.#isOpen = true
    for (const question of this.#waiting.values()) wheel.add(question, question.timeoutMs)
    wheel.add(this, expireMs)
  }

  #read(chunk: Buffer): void {
    this.#receivedMs = performance.now()
    this.#reader.push(chunk, this.#onMessage)
  }

  readonly #onMessage = (bytes: Buffer, start: number, end: number): boolean => {
    const question = end - start >= 12 ? this.#waiting.get(read16(bytes, start)) : undefined
    if (!question || (bytes[start + 2] & 0x80) === 0 || !question.matches(bytes, start, end)) {
      this.#pool.route.counts.ignored()
      return !this.#isClosed
    }
    this.#release(question)
    question.asker.answered(bytes, start, end)
    if (!this.#isClosed && this.outstanding === 0) this.#rest()
    return !this.#isClosed
  }

  #release(question: Question): void {
    this.#waiting.delete(question.id)
    this.#pool.route.wheel.remove(question)
    question.carrier = undefined
  }

  /** Without a question: it is kept, unless it is too old or one too many. */
  #rest(): void {
    this.#usedMs = performance.now()
    if (!this.takes(this.#usedMs) || !this.#pool.keepsIdle()) this.#close('')
  }

  expired(question: Question): void {
    const { route } = this.#pool
    const why = route.late(question)
    this.#release(question)
    // Not an octet in all that time: whatever is between here and there has lost the connection. The others get another one.
    if (this.#receivedMs < question.askedMs) this.#close(why)
    else if (this.outstanding === 0) this.#rest()
    question.asker.failed(route.explain(why))
  }

  /** It has not connected, or has been idle, or not for long enough. */
  override expire(): void {
    if (!this.#isOpen) {
      this.abort(`no connection within ${CONNECT_TIMEOUT_MS / 1000}s`)
      return
    }
    const { wheel, expireMs } = this.#pool.route
    const leftMs = this.#usedMs + expireMs - performance.now()
    if (this.outstanding > 0 || leftMs > 0) wheel.add(this, Math.max(leftMs, 0))
    else this.#close('')
  }

  /** Closes now, and what waits has failed; nothing is tried again. */
  abort(why: string): void {
    this.#why = why
    this.#close(why)
  }

  #close(why: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { route } = this.#pool
    route.wheel.remove(this)
    this.#pool.forget(this)
    this.#socket.destroy()
    for (const question of this.#waiting.values()) {
      this.#release(question)
      if (this.#why === '' && question.isOnReused && !question.isRetried) this.#pool.retry(question)
      else question.asker.failed(route.explain(why))
    }
  }
}
