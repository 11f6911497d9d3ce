// A DNS server whose answers a test writes: real sockets on the loopback, over UDP, TCP and TLS.

import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { type DecodedRecord, type Message, decode, wire } from '../server/message.ts'
import { frame } from '../server/clients.ts'

/** One query that came. */
export interface Asked {
  readonly bytes: Buffer
  readonly message: Message
  /** `name type`, such as `www.example. 1`. */
  readonly question: string
  readonly transport: 'udp' | 'tcp' | 'tls'
  readonly port: number
  /** Which connection it came on, by number; 0 for UDP. */
  readonly connection: number
  /** Sends octets to where the query came from, as often as one likes. */
  send(bytes: Uint8Array): void
  /** Ends the connection. */
  hangUp(): void
}

/** What to do with a query: octets are sent, undefined is silence. */
export type Script = (asked: Asked) => Uint8Array | undefined

export class UpstreamServer {
  script: Script
  readonly asked: Asked[] = []
  readonly connections = new Set<net.Socket>()
  /** Connections so far. */
  accepted = 0
  port = 0
  #udp: dgram.Socket | undefined
  #tcp: net.Server | undefined
  readonly #waiting: { count: number; resolve: () => void }[] = []

  constructor(script: Script = addressAnswer()) {
    this.script = script
  }

  /** Over UDP and TCP, or over TLS with these options. */
  static async start(script?: Script, tlsOptions?: tls.TlsOptions, port = 0): Promise<UpstreamServer> {
    const server = new UpstreamServer(script)
    for (let attempt = 0; ; attempt++) {
      try {
        await server.#open(port, tlsOptions)
        return server
      } catch (error) {
        await server.stop()
        if (attempt > 10 || port !== 0) throw error
      }
    }
  }

  async #open(port: number, tlsOptions: tls.TlsOptions | undefined): Promise<void> {
    this.#tcp = tlsOptions
      ? tls.createServer(tlsOptions, socket => this.#accept(socket, 'tls'))
      : net.createServer({ noDelay: true }, socket => this.#accept(socket, 'tcp'))
    // A client that does not like the certificate is no concern of the server.
    this.#tcp.on('tlsClientError', () => {})
    this.#tcp.listen(port, '127.0.0.1')
    await once(this.#tcp, 'listening')
    this.port = (this.#tcp.address() as net.AddressInfo).port
    if (tlsOptions) return
    const udp = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 << 20 })
    this.#udp = udp
    udp.on('message', (bytes, { port, address }) =>
      this.#receive(bytes, 'udp', port, 0, answer => udp.send(answer, port, address)),
    )
    udp.bind(this.port, '127.0.0.1')
    await once(udp, 'listening')
  }

  #accept(socket: net.Socket, transport: 'tcp' | 'tls'): void {
    const number = ++this.accepted
    this.connections.add(socket)
    let held: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => this.connections.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const bytes = held.subarray(2, 2 + held.readUInt16BE(0))
        held = held.subarray(2 + bytes.length)
        this.#receive(bytes, transport, socket.remotePort ?? 0, number, answer => socket.write(frame(answer)), socket)
      }
    })
  }

  #receive(
    bytes: Buffer,
    transport: Asked['transport'],
    port: number,
    connection: number,
    send: (answer: Uint8Array) => void,
    socket?: net.Socket,
  ): void {
    const message = decode(bytes)
    const [{ name, type }] = message.questions
    const hangUp = (): void => void socket?.destroy()
    const asked = { bytes, message, question: `${name} ${type}`, transport, port, connection, send, hangUp }
    this.asked.push(asked)
    const answer = this.script(asked)
    if (answer) send(answer)
    for (const { count, resolve } of this.#waiting) if (this.asked.length >= count) resolve()
  }

  /** Waits until so many queries have come in all. */
  async receive(count: number): Promise<void> {
    if (this.asked.length < count) await new Promise<void>(resolve => void this.#waiting.push({ count, resolve }))
  }

  async stop(): Promise<void> {
    const udp = this.#udp
    const tcp = this.#tcp
    this.#udp = undefined
    this.#tcp = undefined
    for (const socket of this.connections) socket.destroy()
    if (udp) await new Promise<void>(resolve => void udp.close(resolve))
    if (tcp?.listening) await new Promise<void>(resolve => void tcp.close(() => resolve()))
  }
}

export interface AnswerOptions {
  /** The second word of the header, without the rcode; QR, RD and RA by default. */
  flags?: number
  rcode?: number
  id?: number
  /** Octets of the question; the query's by default. */
  question?: Uint8Array
  answers?: Uint8Array[]
  authorities?: Uint8Array[]
  additionals?: Uint8Array[]
}

const questionEnd = (query: Buffer): number => {
  let at = 12
  while (query[at] !== 0) at += query[at] + 1
  return at + 5
}

export function buildAnswer(query: Buffer, options: AnswerOptions = {}): Buffer {
  const { answers = [], authorities = [], additionals = [] } = options
  const header = Buffer.alloc(12)
  header.writeUInt16BE(options.id ?? query.readUInt16BE(0), 0)
  header.writeUInt16BE((options.flags ?? 0x8180) | (options.rcode ?? 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(answers.length, 6)
  header.writeUInt16BE(authorities.length, 8)
  header.writeUInt16BE(additionals.length, 10)
  const question = options.question ?? query.subarray(12, questionEnd(query))
  return Buffer.concat([header, question, ...answers, ...authorities, ...additionals])
}

/** `owner` is a name, or an offset to point to. */
export function record(owner: string | number, type: number, rdata: Uint8Array, ttl = 300): Buffer {
  const name = typeof owner === 'string' ? wire(owner) : Buffer.from([0xc0 | (owner >> 8), owner & 255])
  const head = Buffer.alloc(10)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(1, 2)
  head.writeUInt32BE(ttl, 4)
  head.writeUInt16BE(rdata.length, 8)
  return Buffer.concat([name, head, rdata])
}

export const opt = (extendedRcode = 0): Buffer => Buffer.from([0, 0, 41, 0x04, 0xd0, extendedRcode, 0, 0, 0, 0, 0])

/** One A record at the question's name. */
export const addressAnswer =
  (address: readonly number[] = [192, 0, 2, 1], options: AnswerOptions = {}): Script =>
  ({ bytes, message }) =>
    buildAnswer(bytes, {
      answers: [record(12, 1, Uint8Array.from(address))],
      additionals: message.edns ? [opt()] : [],
      ...options,
    })

export const formatRecord = ({ owner, type, rdata }: DecodedRecord): string =>
  `${owner} ${type} ${rdata.toString('hex')}`
