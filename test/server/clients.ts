// Clients over real sockets.

import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { type Message, decode } from './message.ts'

export class UdpClient {
  readonly socket: dgram.Socket
  readonly #port: number
  readonly #address: string
  readonly #messages: Buffer[] = []
  readonly #waiting: ((message: Buffer) => void)[] = []

  /** `from` is the address that it asks from, where it matters. */
  constructor(port: number, address = '127.0.0.1', from?: string) {
    this.#port = port
    this.#address = address
    // Room for the answers to a burst, which come at once.
    this.socket = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
    if (from !== undefined) this.socket.bind(0, from)
    this.socket.on('message', message => {
      const waiting = this.#waiting.shift()
      if (waiting) waiting(message)
      else this.#messages.push(message)
    })
  }

  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(bytes, this.#port, this.#address, error => (error ? reject(error) : resolve()))
    })
  }

  receive(): Promise<Buffer> {
    const message = this.#messages.shift()
    return message ? Promise.resolve(message) : new Promise(resolve => void this.#waiting.push(resolve))
  }

  async ask(bytes: Uint8Array): Promise<Message> {
    const [message] = await Promise.all([this.receive(), this.send(bytes)])
    return decode(message)
  }

  close(): void {
    this.socket.close()
  }
}

export const frame = (message: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message])

export class TcpClient {
  readonly socket: net.Socket
  readonly messages: Buffer[] = []
  /** Resolves at the end, in peace or by a reset. */
  readonly closed: Promise<void>
  #held: Buffer = Buffer.alloc(0)
  #onMessage: (() => void) | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
    this.closed = new Promise(resolve => void socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      this.#held = Buffer.concat([this.#held, chunk])
      while (this.#held.length >= 2 && this.#held.length >= 2 + this.#held.readUInt16BE(0)) {
        const end = 2 + this.#held.readUInt16BE(0)
        this.messages.push(this.#held.subarray(2, end))
        this.#held = this.#held.subarray(end)
      }
      this.#onMessage?.()
    })
  }

  static async connect(port: number, address = '127.0.0.1', allowHalfOpen = false): Promise<TcpClient> {
    const socket = net.connect({ port, host: address, allowHalfOpen, noDelay: true })
    await once(socket, 'connect')
    return new TcpClient(socket)
  }

  send(...messages: Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages.map(frame)))
  }

  /** Waits for `count` messages in all; rejects when the connection ends before. */
  async receive(count: number): Promise<Message[]> {
    if (this.messages.length < count) {
      await new Promise<void>((resolve, reject) => {
        this.#onMessage = () => this.messages.length >= count && resolve()
        this.socket.once('close', () => reject(new Error(`closed after ${this.messages.length} of ${count} messages`)))
      })
    }
    return this.messages.map(decode)
  }

  async ask(message: Uint8Array): Promise<Message> {
    const before = this.messages.length
    this.send(message)
    return (await this.receive(before + 1))[before]
  }
}
