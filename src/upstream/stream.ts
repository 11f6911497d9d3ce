// Questions over TCP or TLS: messages behind their lengths, several questions under way on one connection (RFC 7766 section 6.2.1.1, RFC 7858).

import { FRAME_HEAD_LENGTH, FrameReader } from '../wire/frame.ts'
import { read16 } from '../wire/query.ts'
import { write16 } from '../wire/reply.ts'
import { Connection } from './connection.ts'
import { Pool } from './pool.ts'
import type { Question } from './question.ts'
import { draw16 } from './random.ts'
import type { Route } from './route.ts'

/** Some servers answer the questions of a connection one after the other. */
const MAX_PIPELINED = 16

export const openStreams = (route: Route): Pool =>
  new Pool(
    route,
    route.endpoint.scheme === 'tls' ? 'tcp-tls' : 'tcp',
    MAX_PIPELINED,
    pool => new StreamConnection(pool),
  )

class StreamConnection extends Connection {
  readonly #reader = new FrameReader()

  constructor(pool: Pool) {
    super(pool)
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.socket.on('end', () => this.close('the server closed the connection'))
  }

  send(question: Question): void {
    let id = draw16()
    while (this.waiting.has(id)) id = draw16()
    this.admit(question, id)
    // The socket keeps it as long as it needs, so it is a copy.
    const frame = Buffer.allocUnsafe(FRAME_HEAD_LENGTH + question.length)
    write16(frame, 0, question.length)
    question.bytes.copy(frame, FRAME_HEAD_LENGTH, 0, question.length)
    write16(frame, FRAME_HEAD_LENGTH, id)
    write16(question.bytes, 0, id)
    this.socket.write(frame)
  }

  protected opened(): void {}

  #read(chunk: Buffer): void {
    this.receivedMs = performance.now()
    this.#reader.push(chunk, this.#onMessage)
  }

  readonly #onMessage = (bytes: Buffer, start: number, end: number): boolean => {
    const question = end - start >= 12 ? this.waiting.get(read16(bytes, start)) : undefined
    if (!question?.matches(bytes, start, end)) {
      this.pool.route.counts.ignored()
      return !this.isClosed
    }
    this.release(question)
    question.asker.answered(bytes, start, end)
    this.rest()
    return !this.isClosed
  }
}
