// Asks a server, again and again, until its answer is as wanted.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { encodeQuery } from '../question.ts'

const AGAIN_MS = 100

export class Asker {
  readonly #socket: dgram.Socket
  #take: (answer: Buffer) => void = () => {}

  private constructor(socket: dgram.Socket) {
    this.#socket = socket
    // A port on which nobody listens yet.
    socket.on('error', () => {})
    socket.on('message', answer => this.#take(answer))
  }

  static async open(port: number): Promise<Asker> {
    const socket = dgram.createSocket('udp4')
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Asker(socket)
  }

  close(): void {
    this.#socket.close()
  }

  /** Asks `NAME TYPE`, `pauseMs` behind each answer, until it has this many records. Rejects after `timeoutMs`. */
  async untilCount(
    question: string,
    count: (answers: number) => boolean,
    timeoutMs: number,
    pauseMs?: number,
  ): Promise<void> {
    const query = encodeQuery(question)
    const done = Promise.withResolvers<void>()
    const again = setInterval(() => this.#socket.send(query), AGAIN_MS)
    const deadline = setTimeout(() => done.reject(new Error(`no such answer to ${question}`)), timeoutMs)
    this.#take = answer => {
      if (count((answer[3] & 15) === 0 ? answer.readUInt16BE(6) : 0)) done.resolve()
      else if (pauseMs !== undefined) {
        // Whoever asks without a pause takes the time from whom it asks, and who sleeps for so short a one wakes up 0.1 ms late.
        const untilMs = performance.now() + pauseMs
        while (performance.now() < untilMs);
        this.#socket.send(query)
      }
    }
    this.#socket.send(query)
    try {
      await done.promise
    } finally {
      clearInterval(again)
      clearTimeout(deadline)
      this.#take = () => {}
    }
  }

  untilThere(question: string, timeoutMs: number): Promise<void> {
    return this.untilCount(question, answers => answers > 0, timeoutMs)
  }
}
