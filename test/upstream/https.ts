// A DNS server over HTTPS whose answers a test writes: HTTP/2, or HTTP/1.1 where a test asks for it, on the loopback.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type net from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Message, decode } from '../server/message.ts'
import { addressAnswer } from './server.ts'

const folder = fileURLToPath(new URL('../watch/testdata/', import.meta.url))

/** The CA of the server's certificate, which is for `localhost`, `kubernetes` and 127.0.0.1. */
export const CA_FILE = `${folder}ca.crt`

/** One request that came. */
export interface Requested {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly bytes: Buffer
  readonly message: Message
  readonly version: string
  /** Which connection it came on, by number. */
  readonly connection: number
  readonly socket: net.Socket
  /** With HTTP/2. */
  readonly stream: http2.ServerHttp2Stream
  readonly response: http2.Http2ServerResponse
  /** The answer of a good server to these octets. */
  readonly answer: (bytes?: Uint8Array, headers?: Readonly<Record<string, string>>, status?: number) => void
}

export type HttpsScript = (requested: Requested) => void

const answerAddress: HttpsScript = requested => requested.answer()

export class HttpsServer {
  script: HttpsScript
  readonly requested: Requested[] = []
  readonly sessions = new Set<http2.ServerHttp2Session>()
  /** Connections that are open, by number. */
  readonly connections = new Map<net.Socket, number>()
  /** Connections so far. */
  accepted = 0
  readonly #server: https.Server | http2.Http2SecureServer
  readonly #waiting: { count: number; resolve: () => void }[] = []

  constructor(script: HttpsScript, options: http2.SecureServerOptions, isHttp1: boolean) {
    this.script = script
    const all = { cert: readFileSync(`${folder}server.crt`), key: readFileSync(`${folder}server.key`), ...options }
    const server = isHttp1 ? https.createServer(all) : http2.createSecureServer(all)
    this.#server = server
    server.on('request', (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => {
      void this.#receive(request, response)
    })
    server.on('session', (session: http2.ServerHttp2Session) => {
      this.sessions.add(session)
      session.on('error', () => {})
      session.on('close', () => this.sessions.delete(session))
    })
    server.on('secureConnection', (socket: net.Socket) => {
      this.connections.set(socket, ++this.accepted)
      socket.on('error', () => {})
      socket.on('close', () => this.connections.delete(socket))
    })
    server.on('sessionError', () => {})
    server.on('tlsClientError', () => {})
  }

  static async start(
    script: HttpsScript = answerAddress,
    options: http2.SecureServerOptions = {},
    isHttp1 = false,
  ): Promise<HttpsServer> {
    const server = new HttpsServer(script, options, isHttp1)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  async #receive(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    request.stream?.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(request, 'end')
    const { method, url: path, headers, stream } = request
    const coded = new URL(path, 'https://localhost').searchParams.get('dns')
    const bytes = coded === null ? Buffer.concat(chunks) : Buffer.from(coded, 'base64url')
    // Given up while it was on its way.
    if (bytes.length === 0) return
    const socket = stream?.session?.socket ?? request.socket
    const requested: Requested = {
      method,
      path,
      headers,
      bytes,
      message: decode(bytes),
      version: request.httpVersion,
      connection: this.#findNumber(socket),
      socket,
      stream,
      response,
      answer: (answer = addressOf(bytes), fields = {}, status = 200) => {
        response.writeHead(status, { 'content-type': 'application/dns-message', ...fields })
        response.end(answer ?? Buffer.alloc(0))
      },
    }
    this.requested.push(requested)
    this.script(requested)
    for (const { count, resolve } of this.#waiting) if (this.requested.length >= count) resolve()
  }

  /** A session has the socket behind a proxy: the port of the client tells it. */
  #findNumber({ remotePort }: net.Socket): number {
    for (const [socket, number] of this.connections) if (socket.remotePort === remotePort) return number
    return 0
  }

  /** Waits until so many requests have come in all. */
  async receive(count: number): Promise<void> {
    if (this.requested.length < count) await new Promise<void>(resolve => void this.#waiting.push({ count, resolve }))
  }

  async stop(): Promise<void> {
    for (const socket of this.connections.keys()) socket.destroy()
    if (this.#server.listening) await new Promise<void>(resolve => void this.#server.close(() => resolve()))
  }
}

const addressOf = (bytes: Buffer): Uint8Array | undefined =>
  addressAnswer()({ bytes, message: decode(bytes) } as Parameters<ReturnType<typeof addressAnswer>>[0])
