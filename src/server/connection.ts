// One client's TCP connection (RFC 7766): many queries on it, answered in the order in which their answers are ready.

import type { Socket } from 'node:net'
import type { Holder } from './budget.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerContext } from './listener.ts'
import { LONG_ROOM } from './room.ts'
import type { TcpLimits } from './tcp.ts'
import { FRAME_HEAD_LENGTH, FrameReader } from '../wire/frame.ts'
import { Rcode } from '../wire/constants.ts'
import { NO_REPLY } from './dispatcher.ts'
import { type Query, Transport } from '../wire/query.ts'
import { type MessageStream, type Reply, write16 } from '../wire/reply.ts'

/** Queries of one connection that wait for their answers; the connection is not read further until some have left. */
const MAX_OUTSTANDING = 128
/** A reply longer than this is sent from where it lies. A shorter one is copied: its room would be held for less than half of it. */
const MAX_COPIED = LONG_ROOM / 2
const NOTHING = Buffer.alloc(0)

/** Who keeps the connections. */
export interface Keeper {
  /** `isIdle` or `octets` may have changed. `hasMoved`: the client has taken an answer, or has completed a message. */
  changed(connection: Connection, hasMoved: boolean): void
  /** It has to go. */
  dropped(connection: Connection): void
}

export class Connection implements Holder, MessageStream {
  held = 0
  readonly #socket: Socket
  readonly #context: ListenerContext
  readonly #limits: TcpLimits
  readonly #clientAddress: Uint8Array
  readonly #clientPort: number
  readonly #keeper: Keeper
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
  #hasMoved = false
  #isClosing = false

  constructor(socket: Socket, context: ListenerContext, limits: TcpLimits, clientAddress: Uint8Array, keeper: Keeper) {
    this.#socket = socket
    this.#context = context
    this.#limits = limits
    this.#clientAddress = clientAddress
    this.#clientPort = socket.remotePort ?? 0
    this.#keeper = keeper
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

  /** What it holds: answers that are not sent, and what was read and not answered. */
  get octets(): number {
    return this.#socket.writableLength + this.#reader.size
  }

  /** Reads no more; closes when every query that was read has its answer. */
  finish(): void {
    this.#isEnding = true
    this.#update()
  }

  drop(): void {
    this.#keeper.dropped(this)
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
    if (messages > 0) this.#hasMoved = true
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
    const { query } = exchange
    exchange.reply.stream = this
    query.transport = Transport.TCP
    query.clientAddress = this.#clientAddress
    query.clientPort = this.#clientPort
    const length = service.dispatcher.answer(exchange, bytes, start, end, FRAME_HEAD_LENGTH)
    if (typeof length === 'number') {
      if (length !== NO_REPLY) this.#write(exchange, length)
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
    if (settled !== NO_REPLY) this.#write(exchange, settled)
    this.#context.pool.giveBack(exchange)
    this.#outstanding--
    this.#continue()
  }

  send(query: Query, reply: Reply): Promise<boolean> {
    const socket = this.#socket
    const length = reply.finish(query, Rcode.NOERROR)
    const from = reply.start - FRAME_HEAD_LENGTH
    write16(reply.bytes, from, length)
    const message = Buffer.copyBytesFrom(reply.bytes, from, FRAME_HEAD_LENGTH + length)
    reply.begin(query, reply.start)
    if (!socket.writable) return Promise.resolve(false)
    return new Promise(resolve => {
      socket.write(message, error => {
        this.#onWritten()
        resolve(!error)
      })
      this.#update()
    })
  }

  /** The socket keeps what it cannot send at once. */
  #write(exchange: Exchange, length: number): void {
    const socket = this.#socket
    if (!socket.writable) return
    const { bytes, start } = exchange.reply
    const [from, to] = [start - FRAME_HEAD_LENGTH, start + length]
    write16(bytes, from, length)
    const room = length > MAX_COPIED ? exchange.takeLong() : undefined
    if (!room) {
      socket.write(Buffer.copyBytesFrom(bytes, from, to - from), this.#onWritten)
      return
    }
    socket.write(room.subarray(from, to), () => {
      this.#context.pool.rooms.giveBack(room)
      this.#onWritten()
    })
  }

  readonly #onWritten = (): void => {
    this.#hasMoved = true
    this.#update()
  }

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
    this.#keeper.changed(this, this.#hasMoved)
    this.#hasMoved = false
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
