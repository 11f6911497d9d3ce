// A process of its own: a server over HTTPS that writes its frames of HTTP/2 by hand, so that it can write wrong ones, and whose end is not
// that of the test. The first label of a question says what it does with it (test/upstream/faults.ts); `any` is a few of those, drawn, in one
// write. Arguments: the seed of what is drawn, and `strange` for connections on which there is something else than HTTP/2.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type net from 'node:net'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { decode } from '../server/message.ts'
import { makeWays } from './faults.ts'
import {
  ACK,
  DATA,
  END_STREAM,
  GOAWAY,
  HEADERS,
  HEAD_LENGTH,
  PREFACE_LENGTH,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  frame,
  makeRandom,
  randomBytes,
  setting,
  words,
} from './frames.ts'
import { addressAnswer } from './server.ts'

const draw = makeRandom(Number(process.argv[2]))
const WAYS = makeWays(draw)
const names = Object.keys(WAYS)

class HostileConnection {
  readonly socket: tls.TLSSocket
  readonly streams = new Set<number>()
  readonly late = new Map<number, Buffer>()
  readonly #bodies = new Map<number, Buffer[]>()
  #held: Buffer = Buffer.alloc(0)
  #isBegun = false

  constructor(socket: tls.TLSSocket) {
    this.socket = socket
  }

  static accept(socket: tls.TLSSocket): void {
    const connection = new HostileConnection(socket)
    socket.on('data', (chunk: Buffer) => connection.#read(chunk))
  }

  #read(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk])
    if (!this.#isBegun) {
      if (this.#held.length < PREFACE_LENGTH) return
      this.#held = this.#held.subarray(PREFACE_LENGTH)
      this.#isBegun = true
      this.#write(frame(SETTINGS, 0, 0))
    }
    while (this.#held.length >= HEAD_LENGTH) {
      const end = HEAD_LENGTH + this.#held.readUIntBE(0, 3)
      if (this.#held.length < end) return
      const [type, flags, stream] = [this.#held[3], this.#held[4], this.#held.readUInt32BE(5)]
      const payload = this.#held.subarray(HEAD_LENGTH, end)
      this.#held = this.#held.subarray(end)
      this.#receive(type, flags, stream, payload)
    }
  }

  #write(bytes: Buffer): void {
    if (this.socket.writable && bytes.length > 0) this.socket.write(bytes)
  }

  #receive(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === SETTINGS && !(flags & ACK)) this.#write(frame(SETTINGS, ACK, 0))
    if (type === RST_STREAM) {
      this.#bodies.delete(stream)
      this.#write(this.late.get(stream) ?? Buffer.alloc(0))
      this.late.delete(stream)
    }
    if (type === HEADERS) {
      this.#bodies.set(stream, [])
      this.streams.add(stream)
      if (this.streams.size > 20) this.streams.delete(this.streams.values().next().value ?? 0)
    }
    if (type !== DATA) return
    if (payload.length > 0) this.#write(frame(WINDOW_UPDATE, 0, 0, words(payload.length)))
    const body = this.#bodies.get(stream)
    body?.push(payload)
    if (!body || !(flags & END_STREAM)) return
    this.#bodies.delete(stream)
    this.#answer(stream, Buffer.concat(body))
  }

  #answer(stream: number, bytes: Buffer): void {
    const message = decode(bytes)
    const [label] = message.questions[0].name.split('.')
    const answer = addressAnswer()({ bytes, message } as Parameters<ReturnType<typeof addressAnswer>>[0])
    const asked = { connection: this, stream, answer: Buffer.from(answer ?? []) }
    const chosen = label === 'any' ? Array.from({ length: 1 + draw(4) }, () => names[draw(names.length)]) : [label]
    this.#write(Buffer.concat(chosen.flatMap(name => WAYS[name](asked) ?? [])))
  }
}

/** What a connection does instead of HTTP/2, one of so many. */
const STRANGE_EVERY = 23
const STRANGE: readonly ((socket: tls.TLSSocket) => void)[] = [
  socket => socket.write(randomBytes(draw, 200)),
  socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  socket => socket.end(),
  socket => socket.destroy(),
  socket => socket.end(frame(GOAWAY, 0, 0, words(0, 1))),
  socket => socket.write(Buffer.concat([setting(3, 0), setting(4, 0)])),
  () => {},
]

const folder = fileURLToPath(new URL('../watch/testdata/', import.meta.url))
const open = new Set<net.Socket>()
let accepted = 0
const server = tls.createServer(
  { cert: readFileSync(`${folder}server.crt`), key: readFileSync(`${folder}server.key`), ALPNProtocols: ['h2'] },
  socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    if (process.argv[3] === 'strange' && ++accepted % STRANGE_EVERY === 0) {
      socket.resume()
      STRANGE[draw(STRANGE.length)](socket)
    } else HostileConnection.accept(socket)
  },
)
server.on('tlsClientError', () => {})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.({ port: (server.address() as net.AddressInfo).port, names })
async function sayWhenEmpty(): Promise<void> {
  // A connection that nobody reads does not see its end.
  for (const socket of open) socket.resume()
  for (const socket of open) await new Promise(resolve => void socket.once('close', resolve))
  process.send?.('empty')
}
// Whatever the message, there is one question only: whether all connections have ended.
process.on('message', () => void sayWhenEmpty())
process.on('disconnect', () => process.exit(0))
