// One connection over TCP or TLS, whatever is spoken on it: how it opens, how long it is kept, what becomes of its questions when it ends.

import net from 'node:net'
import tls from 'node:tls'
import type { Pool } from './pool.ts'
import type { Carrier, Question } from './question.ts'
import { Timed } from './wheel.ts'

/** To connect, the handshake of TLS included: half of the time that a query has, so that another attempt is left (CoreDNS). */
const CONNECT_TIMEOUT_MS = 2_500

export abstract class Connection extends Timed implements Carrier {
  protected readonly pool: Pool
  protected readonly socket: net.Socket
  /** Questions by their ids, in the order in which they came. */
  protected readonly waiting = new Map<number, Question>()
  protected isOpen = false
  protected isClosed = false
  /** It takes no more questions, and closes behind its last answer. */
  protected isLeaving = false
  /** When there was last something from the server. */
  protected receivedMs = 0
  readonly #openedMs = performance.now()
  #usedMs = this.#openedMs
  /** Why it closes, where it is not the server's wish. */
  #why = ''

  constructor(pool: Pool, protocols?: readonly string[]) {
    super()
    this.pool = pool
    this.socket = open(pool, protocols)
    const { socket } = this
    socket.setNoDelay()
    socket.once(pool.route.endpoint.scheme === 'dns' ? 'connect' : 'secureConnect', () => this.#begin())
    socket.on('session', (session: Buffer) => (pool.session = session))
    socket.on('error', (error: NodeJS.ErrnoException) => this.close(error.message || (error.code ?? 'unreachable')))
    socket.on('close', () => this.close('the connection closed'))
    pool.route.wheel.add(this, CONNECT_TIMEOUT_MS)
  }

  /** Takes the question, with `admit`. */
  abstract send(question: Question): void
  /** It is connected. */
  protected abstract opened(): void

  get outstanding(): number {
    return this.waiting.size
  }

  /** It has not connected yet. */
  get isNew(): boolean {
    return !this.isOpen && !this.isClosed
  }

  takes(nowMs: number): boolean {
    const { expireMs, maxAgeMs } = this.pool.route
    if (this.isClosed || this.isLeaving || this.socket.destroyed) return false
    if (maxAgeMs > 0 && nowMs - this.#openedMs > maxAgeMs) return false
    return !this.isOpen || this.outstanding > 0 || nowMs - this.#usedMs <= expireMs
  }

  /** The question waits for its answer from now on, under this id. */
  protected admit(question: Question, id: number): void {
    question.id = id
    question.carrier = this
    question.isOnReused = this.isOpen
    this.waiting.set(id, question)
    this.#usedMs = question.askedMs
    if (this.isOpen) this.pool.route.wheel.add(question, question.timeoutMs)
  }

  /** Connected: from now on the server has the time for its answers. */
  #begin(): void {
    const { wheel, expireMs } = this.pool.route
    this.isOpen = true
    for (const question of this.waiting.values()) wheel.add(question, question.timeoutMs)
    wheel.add(this, expireMs)
    this.opened()
  }

  /** The question no longer waits. */
  protected release(question: Question): void {
    this.waiting.delete(question.id)
    this.pool.route.wheel.remove(question)
    question.carrier = undefined
  }

  /** After a question: without another it is kept, unless it is too old or one too many. */
  protected rest(): void {
    if (this.isClosed || this.outstanding > 0) return
    this.#usedMs = performance.now()
    if (!this.takes(this.#usedMs) || !this.pool.keepsIdle()) this.close('')
  }

  expired(question: Question): void {
    const { route } = this.pool
    const why = route.late(question)
    this.release(question)
    // Not an octet in all that time: whatever is between here and there has lost the connection. The others get another one.
    if (this.receivedMs < question.askedMs) this.close(why)
    else this.rest()
    question.asker.failed(route.explain(why))
  }

  /** It has not connected, or has been idle, or not for long enough. */
  override expire(): void {
    if (!this.isOpen) {
      this.abort(`no connection within ${CONNECT_TIMEOUT_MS / 1000}s`)
      return
    }
    const { wheel, expireMs } = this.pool.route
    const leftMs = this.#usedMs + expireMs - performance.now()
    if (this.outstanding > 0 || leftMs > 0) wheel.add(this, Math.max(leftMs, 0))
    else this.close('')
  }

  /** Closes now, and what waits has failed; nothing is tried again. */
  abort(why: string): void {
    this.#why = why
    this.close(why)
  }

  protected close(why: string): void {
    if (this.isClosed) return
    this.isClosed = true
    this.pool.route.wheel.remove(this)
    this.pool.forget(this)
    this.hangUp()
    for (const question of this.waiting.values()) this.giveUp(question, why, question.isOnReused)
  }

  protected hangUp(): void {
    this.socket.destroy()
  }

  /** The question has no answer from this connection; it may get one from another, once. */
  protected giveUp(question: Question, why: string, mayRetry: boolean): void {
    this.release(question)
    if (mayRetry && this.#why === '' && !question.isRetried) this.pool.retry(question)
    else question.asker.failed(this.pool.route.explain(why))
  }
}

function open({ route, session }: Pool, protocols: readonly string[] | undefined): net.Socket {
  const { endpoint, source, secureContext } = route
  const options = {
    host: endpoint.address,
    port: endpoint.port,
    ...(source !== undefined && { localAddress: source }),
  }
  if (endpoint.scheme === 'dns') return net.connect(options)
  return tls.connect({
    ...options,
    ...(secureContext && { secureContext }),
    ...(endpoint.serverName !== undefined && { servername: endpoint.serverName }),
    ...(session && { session }),
    ...(protocols && { ALPNProtocols: protocols }),
    minVersion: 'TLSv1.2',
  })
}
