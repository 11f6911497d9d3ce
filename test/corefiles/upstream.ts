// The server that a Corefile forwards to, over UDP and TCP on one port: what it says tells which one it is.

import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { wire } from '../server/message.ts'
import { TYPES } from '../site/zonefile.ts'

const NAME_AT = 12
const TTL_SECONDS = 600

export class Upstream {
  /** Names and types that were asked for, with the transport. */
  readonly asked: string[] = []
  readonly #number: number
  readonly #udp = dgram.createSocket('udp4')
  readonly #tcp = net.createServer(socket => this.#serveTcp(socket))
  readonly #sockets = new Set<net.Socket>()

  constructor(number: number) {
    this.#number = number
    this.#udp.on('message', (message, { port, address }) => {
      this.#udp.send(this.#answer(message, 'udp'), port, address)
    })
  }

  /** `ADDRESS:PORT`. */
  get address(): string {
    return `127.0.0.1:${this.#udp.address().port}`
  }

  async listen(): Promise<void> {
    this.#udp.bind(0, '127.0.0.1')
    await once(this.#udp, 'listening')
    this.#tcp.listen(this.#udp.address().port, '127.0.0.1')
    await once(this.#tcp, 'listening')
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#udp.close()
    this.#tcp.close()
    await once(this.#tcp, 'close')
  }

  #serveTcp(socket: net.Socket): void {
    this.#sockets.add(socket)
    let held = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => void this.#sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const end = 2 + held.readUInt16BE(0)
        const reply = this.#answer(held.subarray(2, end), 'tcp')
        const length = Buffer.alloc(2)
        length.writeUInt16BE(reply.length)
        socket.write(Buffer.concat([length, reply]))
        held = held.subarray(end)
      }
    })
  }

  /** A is `203.0.113.NUMBER`, PTR `host.upstreamNUMBER.`; names below `missing` do not exist; other types are NODATA. */
  #answer(message: Buffer, transport: string): Buffer {
    let at = NAME_AT
    const labels: string[] = []
    for (; message[at] > 0; at += message[at] + 1) labels.push(message.toString('latin1', at + 1, at + 1 + message[at]))
    const type = message.readUInt16BE(at + 1)
    const typeName = Object.keys(TYPES).find(name => TYPES[name] === type) ?? `TYPE${type}`
    this.asked.push(`${transport} ${labels.join('.').toLowerCase()}. ${typeName}`)
    const isMissing = labels.includes('missing')
    const rdata = isMissing ? undefined : this.#rdata(type)
    const header = Buffer.from(message.subarray(0, NAME_AT))
    header.writeUInt16BE(0x8180 | (message.readUInt16BE(2) & 0x0110) | (isMissing ? 3 : 0), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(rdata ? 1 : 0, 6)
    header.writeUInt16BE(rdata ? 0 : 1, 8)
    header.writeUInt16BE(0, 10)
    const soa = Buffer.concat([wire('ns.upstream.'), wire('admin.upstream.'), Buffer.alloc(20, 1)])
    const record = rdata ? encode(Buffer.of(0xc0, NAME_AT), type, rdata) : encode(Buffer.of(0), TYPES['SOA'], soa)
    return Buffer.concat([header, message.subarray(NAME_AT, at + 5), record])
  }

  #rdata(type: number): Buffer | undefined {
    if (type === TYPES['A']) return Buffer.of(203, 0, 113, this.#number)
    return type === TYPES['PTR'] ? wire(`host.upstream${this.#number}.`) : undefined
  }
}

function encode(owner: Buffer, type: number, rdata: Buffer): Buffer {
  const head = Buffer.alloc(10)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(1, 2)
  head.writeUInt32BE(TTL_SECONDS, 4)
  head.writeUInt16BE(rdata.length, 8)
  return Buffer.concat([owner, head, rdata])
}
