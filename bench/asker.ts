// Asks a server, again and again, until its answer is as wanted.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { encodeQuery } from './question.ts'

export interface AskOptions {
  /** Rejects behind it. */
  readonly timeoutMs: number
  /** Between two questions, answered or not; by default 100. */
  readonly everyMs?: number
  /** The next question is asked so long behind each answer; without it, answers are not waited for. */
  readonly pauseMs?: number
  /** Whether an answer is still to come; where it is not, rejects. */
  readonly isHopeless?: () => boolean
}

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

  /** Asks `NAME TYPE` until the answer has as many records as wanted. */
  async untilCount(
    question: string,
    isWanted: (records: number) => boolean,
    { timeoutMs, everyMs = AGAIN_MS, pauseMs, isHopeless = () => false }: AskOptions,
  ): Promise<void> {
    const query = encodeQuery(question)
    const done = Promise.withResolvers<void>()
    const refuse = (): void => done.reject(new Error(`no such answer to ${question}`))
    const again = setInterval(() => (isHopeless() ? refuse() : this.#socket.send(query)), everyMs)
    const deadline = setTimeout(refuse, timeoutMs)
    this.#take = answer => {
      if (isWanted((answer[3] & 15) === 0 ? answer.readUInt16BE(6) : 0)) done.resolve()
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

  untilThere(question: string, options: AskOptions): Promise<void> {
    return this.untilCount(question, records => records > 0, options)
  }
}
