// DNS over TCP (RFC 1035 section 4.2.2, RFC 7766).

import { once } from 'node:events'
import net from 'node:net'
import type { ListenerContext } from './listener.ts'
import { ClientAddresses } from './client.ts'
import { Connection } from './connection.ts'
import { DropReason } from './observer.ts'

/** What one client may take. The times are CoreDNS's. */
export interface TcpLimits {
  /** A connection without a query for so long is closed (RFC 7766 section 6.2.3). */
  readonly idleTimeoutMs: number
  /** A message that has begun must be complete after so long. */
  readonly readTimeoutMs: number
  /** A client that does not take its answers for so long is cut off. */
  readonly writeTimeoutMs: number
  /** A connection is closed behind the answer to this many queries, so that load balancers can choose anew. */
  readonly maxQueries: number
  /** Above these, one that is idle gives way to a new one; when all are busy, the new one is closed. */
  readonly maxConnections: number
}

export const TCP_LIMITS: TcpLimits = {
  idleTimeoutMs: 10_000,
  readTimeoutMs: 3_000,
  writeTimeoutMs: 5_000,
  maxQueries: Infinity,
  // An idle one costs 7 KB (measured), so these 28 MB: room for the caches of 1,000 nodes with four connections each. CoreDNS has no bound,
  // and its memory none either.
  maxConnections: 4_096,
}

/** Octets of answers that may wait for a slow client before its next query is read. */
const MAX_UNSENT = 16 << 10

export class TcpListener {
  readonly #context: ListenerContext
  readonly #clients = new ClientAddresses()
  readonly #server: net.Server
  readonly #connections = new Set<Connection>()
  /** Those without anything to do, the longest idle first. */
  readonly #idle = new Set<Connection>()
  #onEmpty: (() => void) | undefined
  /** Events so far: connections, chunks, writes. */
  events = 0

  constructor(context: ListenerContext) {
    this.#context = context
    // A client may end its side after its last query and still wants the answers (RFC 7766 section 6.2.3).
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: MAX_UNSENT }, socket =>
      this.#accept(socket),
    )
  }

  /** Binds the socket and answers from then on. Rejects with the system's error. */
  async open(): Promise<void> {
    const { address, port, reusePort } = this.#context
    const listening = once(this.#server, 'listening')
    // Without a host, Node listens on the same without looking at what `::` is: the expression for that would take 10 ms of a start to compile.
    this.#server.listen({ host: address === '::' ? undefined : address, port, reusePort })
    await listening
    // Not to be accepted (EMFILE) is the trouble of one connection.
    this.#server.on('error', error => this.#context.service.observer.socketFailed?.(error))
  }

  get port(): number {
    const bound = this.#server.address()
    return typeof bound === 'object' && bound ? bound.port : 0
  }

  get connections(): number {
    return this.#connections.size
  }

  #accept(socket: net.Socket): void {
    this.events++
    const { tcpLimits } = this.#context.service
    if (this.#connections.size >= tcpLimits.maxConnections && !this.#dropIdle()) {
      this.#context.service.observer.connectionDropped?.(DropReason.Full)
      socket.destroy()
      return
    }
    const { remoteAddress } = socket
    // Gone before it was accepted.
    if (remoteAddress === undefined) {
      socket.destroy()
      return
    }
    const address = this.#clients.octets(remoteAddress)
    const connection = new Connection(socket, this.#context, tcpLimits, address, {
      changed: (connection, hasMoved) => this.#update(connection, hasMoved),
      dropped: connection => this.#drop(connection, DropReason.Memory),
    })
    this.#connections.add(connection)
    this.#idle.add(connection)
    socket.once('close', () => this.#forget(connection))
    this.#tell()
  }

  #update(connection: Connection, hasMoved: boolean): void {
    this.events++
    this.#idle.delete(connection)
    if (!this.#connections.has(connection)) return
    if (connection.isIdle) this.#idle.add(connection)
    const { octets } = connection
    if (octets === 0 && connection.held === 0) return
    this.#context.budget.hold(connection, octets, hasMoved)
    this.#tell()
  }

  #tell(): void {
    const { service, budget } = this.#context
    service.observer.connectionsChanged?.(this.#connections.size, budget.octets)
  }

  #drop(connection: Connection, reason: DropReason): void {
    this.#context.service.observer.connectionDropped?.(reason)
    connection.destroy()
    this.#forget(connection)
  }

  /** Makes room: who has been idle longest is dropped (RFC 7766 section 6.2.3 lets a server do so at any time). False when all are busy. */
  #dropIdle(): boolean {
    for (const connection of this.#idle) {
      this.#drop(connection, DropReason.Idle)
      return true
    }
    return false
  }

  #forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    this.#idle.delete(connection)
    this.#context.budget.release(connection)
    this.#tell()
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  /** Takes no more connections; those that are open go on. */
  stopAccepting(): void {
    this.#server.close()
  }

  /** Closes each connection when the queries that were read from it are answered and sent, or after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.stopAccepting()
    if (this.#connections.size === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(() => {
        for (const connection of this.#connections) connection.destroy()
      }, timeoutMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
      for (const connection of this.#connections) connection.finish()
    })
  }
}
