// One client's TCP connection (RFC 7766): many queries on it, answered in the order in which their answers are ready.

import type { Socket } from 'node:net'
import type { Exchange } from './exchange.ts'
import type { ListenerContext } from './listener.ts'
import type { TcpLimits } from './tcp.ts'
import { FRAME_HEAD_LENGTH, FrameReader } from '../wire/frame.ts'
import { NO_REPLY } from './dispatcher.ts'
import { Transport } from '../wire/query.ts'
import { write16 } from '../wire/reply.ts'

/** Queries of one connection that wait for their answers; the connection is not read further until some have left. */
const MAX_OUTSTANDING = 128
const NOTHING = Buffer.alloc(0)

export class Connection {
  readonly #socket: Socket
  readonly #context: ListenerContext
  readonly #limits: TcpLimits
  readonly #clientAddress: Uint8Array
  readonly #clientPort: number
  readonly #onChange: (connection: Connection) => void
  readonly #reader = new FrameReader()
  readonly #idleTimer: NodeJS.Timeout
  #readTimer: NodeJS.Timeout | undefined
  #outstanding = 0
  #queries = 0
  /** Messages were read beyond what may be outstanding, or unsent: they wait in the reader, and the rest in the kernel. */
  #isHalted = false
  /** Nothing more is read: the client has ended its side, or the server stops. */
  #isEnding = false
  #isWriteTimed = false
  #isClosing = false

  /** `onChange` is called whenever `isIdle` may have changed. */
  constructor(
    socket: Socket,
    context: ListenerContext,
    limits: TcpLimits,
    clientAddress: Uint8Array,
    onChange: (connection: Connection) => void,
  ) {
    this.#socket = socket
    this.#context = context
    this.#limits = limits
    this.#clientAddress = clientAddress
    this.#clientPort = socket.remotePort ?? 0
    this.#onChange = onChange
    this.#idleTimer = setTimeout(() => this.#onIdleTimeout(), limits.idleTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => this.#continue())
    socket.on('end', () => this.finish())
    // Only a write sets this timeout: the client has not taken an octet for so long.
    socket.on('timeout', () => socket.destroy())
    // RST, EPIPE: nobody is there to be answered. 'close' follows.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      clearTimeout(this.#idleTimer)
      clearTimeout(this.#readTimer)
    })
  }

  /** Nothing begun, nothing outstanding, nothing unsent. */
  get isIdle(): boolean {
    return this.#outstanding === 0 && !this.#reader.isMidway && this.#socket.writableLength === 0
  }

  /** Reads no more; closes when every query that was read has its answer. */
  finish(): void {
    this.#isEnding = true
    this.#update()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    if (this.#isEnding) return
    this.#read(chunk)
    this.#update()
  }

  #read(chunk: Buffer): void {
    const socket = this.#socket
    let messages = 0
    this.#isHalted = false
    socket.cork()
    this.#reader.push(chunk, (bytes, start, end) => {
      messages++
      if (!this.#accept(bytes, start, end) || ++this.#queries >= this.#limits.maxQueries) {
        this.#isEnding = true
        return false
      }
      this.#isHalted = this.#outstanding >= MAX_OUTSTANDING || socket.writableNeedDrain
      return !this.#isHalted
    })
    socket.uncork()
    if (this.#isHalted) socket.pause()
    this.#timeMessage(messages > 0)
  }

  /** A message that has begun must be complete in time, however busily its octets trickle in. */
  #timeMessage(isNew: boolean): void {
    const isMidway = this.#reader.isMidway && !this.#isHalted && !this.#isEnding
    if (this.#readTimer && (isNew || !isMidway)) {
      clearTimeout(this.#readTimer)
      this.#readTimer = undefined
    }
    if (isMidway) this.#readTimer ??= setTimeout(() => this.destroy(), this.#limits.readTimeoutMs)
  }

  /** Goes on with what was read and not answered, once there is room. */
  #continue(): void {
    if (this.#socket.destroyed) return
    while (this.#isHalted && this.#outstanding < MAX_OUTSTANDING && !this.#socket.writableNeedDrain) this.#read(NOTHING)
    if (!this.#isHalted) this.#socket.resume()
    this.#update()
  }

  /** False for a message that must not be answered: such a peer speaks something else. */
  #accept(bytes: Buffer, start: number, end: number): boolean {
    const { service, pool } = this.#context
    const exchange = pool.take()
    const { query, reply } = exchange
    query.transport = Transport.TCP
    query.clientAddress = this.#clientAddress
    query.clientPort = this.#clientPort
    const length = service.dispatcher.answer(exchange, bytes, start, end, FRAME_HEAD_LENGTH)
    if (typeof length === 'number') {
      if (length !== NO_REPLY) this.#write(reply.bytes, length)
      pool.giveBack(exchange)
      // A question was understood, if it was read to its end: a handler wants nothing sent, and the connection goes on.
      return length !== NO_REPLY || query.questionEnd > 0
    }
    this.#outstanding++
    void this.#answerLater(exchange, length)
    return true
  }

  async #answerLater(exchange: Exchange, length: Promise<number>): Promise<void> {
    const settled = await length
    if (settled !== NO_REPLY) this.#write(exchange.reply.bytes, settled)
    this.#context.pool.giveBack(exchange)
    this.#outstanding--
    this.#continue()
  }

  /** Sends a copy: the reply's own buffer has room for the largest message, and is wanted for the next one at once. */
  #write(reply: Buffer, length: number): void {
    const socket = this.#socket
    if (!socket.writable) return
    write16(reply, 0, length)
    socket.write(Buffer.copyBytesFrom(reply, 0, FRAME_HEAD_LENGTH + length), this.#onWritten)
  }

  readonly #onWritten = (): void => this.#update()

  #update(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    const isUnsent = socket.writableLength > 0
    if (isUnsent !== this.#isWriteTimed) {
      this.#isWriteTimed = isUnsent
      socket.setTimeout(isUnsent ? this.#limits.writeTimeoutMs : 0)
    }
    if (this.#isEnding && this.#outstanding === 0 && !this.#isHalted) this.#close()
    else this.#idleTimer.refresh()
    this.#onChange(this)
  }

  #onIdleTimeout(): void {
    if (this.isIdle) this.#close()
    else this.#idleTimer.refresh()
  }

  /** Closes when everything is sent. */
  #close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#socket.destroySoon()
  }
}
