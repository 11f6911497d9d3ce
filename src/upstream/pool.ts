// The connections to one server: kept, used again, several questions under way on each (RFC 7766 section 6.2.1.1).

import type { Connection } from './connection.ts'
import type { Proto } from './metrics.ts'
import type { Question } from './question.ts'
import type { Route } from './route.ts'

/** Beyond these connections, questions share what is open. */
const MAX_CONNECTIONS = 16
/** Questions that wait on one connection: half of all ids. */
const MAX_OUTSTANDING = 32_768

export type Connect = (pool: Pool) => Connection

export class Pool {
  readonly route: Route
  readonly proto: Proto
  /** Questions under way on one connection before another is opened. */
  capacity: number
  /** The ticket of the last session, which makes the next handshake shorter (RFC 8446 section 2.2). */
  session: Buffer | undefined
  readonly #connect: Connect
  readonly #connections = new Set<Connection>()

  constructor(route: Route, proto: Proto, capacity: number, connect: Connect) {
    this.route = route
    this.proto = proto
    this.capacity = capacity
    this.#connect = connect
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
    this.#give(question)
  }

  /** Once more, on a connection that the server cannot have closed while it was idle. */
  retry(question: Question): void {
    question.isRetried = true
    this.#give(question)
  }

  #give(question: Question): void {
    const known = this.#choose(question)
    this.route.counts[known ? 'hit' : 'missed'](this.proto)
    const connection = known ?? this.#open()
    if (connection.outstanding < MAX_OUTSTANDING) connection.send(question)
    else question.asker.failed(this.route.explain('too many questions wait for it'))
  }

  /** The one with the least to do of those that take it; undefined when another is to be opened. */
  #choose({ isRetried, askedMs }: Question): Connection | undefined {
    let best: Connection | undefined
    for (const connection of this.#connections) {
      if (!(isRetried ? connection.isNew : connection.takes(askedMs))) continue
      if (!best || connection.outstanding < best.outstanding) best = connection
    }
    const mayOpen = !best || (best.outstanding >= this.capacity && this.#connections.size < MAX_CONNECTIONS)
    return mayOpen ? undefined : best
  }

  #open(): Connection {
    const connection = this.#connect(this)
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
