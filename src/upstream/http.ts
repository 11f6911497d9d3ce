// HTTP/2 or HTTP/1.1 on a connection that is open: requests, and what comes back for each.

import http from 'node:http'
import type http2 from 'node:http2'
import type { Duplex } from 'node:stream'

export interface Request {
  readonly method: string
  readonly path: string
  /** The host, with its port where it is another than 443. */
  readonly authority: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** What comes back for one request: `began`, `received`, and `ended` or `broke`; what comes after these two is of no meaning. */
export interface Response {
  began(status: number, headers: http.IncomingHttpHeaders): void
  received(chunk: Buffer): void
  ended(): void
  /** With `isUntouched` the server says that it has not looked at the request (RFC 9113 section 8.7). */
  broke(why: string, isUntouched: boolean): void
}

/** What happens to the connection. */
export interface HttpEvents {
  /** `capacity` is another one now. */
  resized(): void
  /** The server takes no more requests. It may still answer those that it has (RFC 9113 section 6.8, RFC 9112 section 9.6). */
  left(): void
  ended(why: string): void
}

export interface Http {
  /** Requests at one time. */
  readonly capacity: number
  /** Sends a request, and returns what gives it up. Throws when the connection takes no more. */
  request(request: Request, response: Response): () => void
  /** Ends the connection, its socket with it. */
  close(): void
}

/** No server is asked to take more at one time; most take as many (RFC 9113 section 6.5.2). */
export const MAX_STREAMS = 100
/** All fields of a header, in octets. */
const MAX_HEADER_SIZE = 16_384

/** With the first connection that speaks it: few servers have one, and each would pay for it at its start. */
const loadHttp2 = (): typeof http2 => process.getBuiltinModule('node:http2')

const CLOSED = 'the server closed the connection'

/**
 * RFC 9113, where `h2` was agreed on.
 *
 * Events of streams come while nghttp2 is reading, and what it has read is not at its end: a session that is destroyed there has ended processes
 * (nodejs/node#64850). So streams are reset, and sessions destroyed, in a turn of their own.
 */
export class Http2 implements Http {
  readonly #session: http2.ClientHttp2Session
  readonly #socket: Duplex
  readonly #events: HttpEvents
  #capacity: number

  /** `capacity` is what the server is thought to take, until it says so itself. */
  constructor(socket: Duplex, events: HttpEvents, capacity: number) {
    // Each request has its own name for it.
    const session = loadHttp2().connect('https://localhost', {
      createConnection: () => socket,
      settings: { enablePush: false, maxHeaderListSize: MAX_HEADER_SIZE },
    })
    this.#session = session
    this.#socket = socket
    this.#capacity = capacity
    this.#events = events
    session.on('remoteSettings', ({ maxConcurrentStreams = MAX_STREAMS }) => {
      this.#capacity = Math.min(maxConcurrentStreams, MAX_STREAMS)
      events.resized()
    })
    session.on('goaway', () => events.left())
    session.on('error', error => events.ended(error.message))
    session.on('close', () => events.ended(CLOSED))
  }

  get capacity(): number {
    return this.#capacity
  }

  request({ method, path, authority, headers, body }: Request, response: Response): () => void {
    const session = this.#session
    const stream = session.request({
      ':method': method,
      ':scheme': 'https',
      ':authority': authority,
      ':path': path,
      ...headers,
    })
    let why = 'its answer broke off'
    let hasBegun = false
    stream.on('response', fields => {
      hasBegun = true
      response.began(fields[':status'] ?? 0, fields)
    })
    stream.on('data', (chunk: Buffer) => response.received(chunk))
    // What was reset ends, too.
    stream.on('end', () => hasBegun && stream.rstCode === loadHttp2().constants.NGHTTP2_NO_ERROR && response.ended())
    stream.on('error', error => (why = error.message))
    stream.on('close', () => {
      if (session.destroyed) this.#events.ended(why)
      response.broke(why, stream.rstCode === loadHttp2().constants.NGHTTP2_REFUSED_STREAM)
    })
    stream.end(body)
    return () => void setImmediate(() => stream.close(loadHttp2().constants.NGHTTP2_CANCEL))
  }

  close(): void {
    // What was reset in this turn is so in the next one, and gone in that behind it.
    setImmediate(() =>
      setImmediate(() => {
        this.#session.destroy()
        // It would wait until the server has read what it was sent.
        this.#socket.destroy()
      }),
    )
  }
}

/** RFC 9112: one request at a time. */
export class Http1 implements Http {
  readonly capacity = 1
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  readonly #socket: Duplex
  readonly #events: HttpEvents

  constructor(socket: Duplex, events: HttpEvents) {
    this.#socket = socket
    this.#events = events
    this.#agent.createConnection = () => socket
  }

  request({ method, path, authority, headers, body }: Request, response: Response): () => void {
    const request = http.request({
      agent: this.#agent,
      method,
      path,
      headers: { host: authority, ...headers },
      maxHeaderSize: MAX_HEADER_SIZE,
    })
    let why = CLOSED
    let isComplete = false
    request.on('response', incoming => {
      if (!request.shouldKeepAlive) this.#events.left()
      response.began(incoming.statusCode ?? 0, incoming.headers)
      incoming.on('data', (chunk: Buffer) => response.received(chunk))
      incoming.on('end', () => {
        isComplete = true
        if (!request.shouldKeepAlive) response.ended()
      })
      incoming.on('error', error => (why = error.message))
    })
    request.on('error', error => (why = error.message))
    request.on('close', () => {
      // Not before this is a connection that goes on free for the next one.
      if (isComplete) response.ended()
      else this.#events.ended(why)
    })
    request.end(body)
    return () => void request.destroy()
  }

  close(): void {
    this.#agent.destroy()
    this.#socket.destroy()
  }
}
