import { Agent as HttpAgent, type ClientRequest, request as requestHttp, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { finished } from 'node:stream'
import { createSecureContext } from 'node:tls'
import { type Clock, SYSTEM_CLOCK } from './clock.ts'
import { ApiFault, explainNetworkError, FaultCode, publicAddress } from './fault.ts'
import { RequestLimiter, type RequestLimits } from './limit.ts'

export interface ApiResponse {
  readonly status: number
  /** The Retry-After header as it came; undefined when there is none. */
  readonly retryAfter: string | undefined
  /**
   * Hands each piece of the body to `take`, for the time of the call, as long as that returns true; without the rest, the connection is closed.
   * Rejects with ApiFault, or with what `take` throws.
   */
  read(take: (piece: Uint8Array) => boolean): Promise<void>
}

/** A way to one API server. */
export interface ApiConnection {
  /** Without user and password, and without a slash at its end. */
  readonly baseUrl: string
  /**
   * GET of a path with its query, answered when the headers have come; a refusal (4xx, 5xx) is an answer. There is no
   * time limit of its own: `signal` ends it, headers or body. Rejects with ApiFault.
   */
  request(path: string, options: { readonly signal: AbortSignal }): Promise<ApiResponse>
  /** Breaks what is still open. */
  close(): Promise<void>
}

/** What the metrics of CoreDNS's REST client count: coredns_kubernetes_rest_client_*. */
export interface RequestObserver {
  /** Until the headers of the response came. */
  requestDone(verb: string, host: string, seconds: number): void
  /** `code` is the HTTP status, or `<error>` when there was no response. */
  requestCounted(code: string, method: string, host: string): void
  /** Spent waiting for this client's own limits. */
  rateLimited(verb: string, host: string, seconds: number): void
}

export interface ConnectionOptions {
  readonly limits?: RequestLimits
  readonly observer?: RequestObserver
  readonly userAgent?: string
  readonly clock?: Clock
}

export interface TlsMaterial {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsMaterial
  /** Makes the connections in place of ours; for what goes through a proxy. */
  readonly agent?: HttpAgent
}

/** One of the three ways in: an explicit endpoint, a kubeconfig, the pod's service account. */
export interface Access {
  readonly baseUrl: string
  /**
   * What the next request shall carry, as it is now: files are read again, so that what was rotated is taken up.
   * Rejects with ApiFault.
   */
  credentials(): Promise<Credentials>
}

/** A connection that cannot be made within this is as good as refused. */
const CONNECT_TIMEOUT_MS = 10_000
/** As much as Node itself reads at once. */
const READ_BYTES = 64 << 10
/** Below the 60 s after which cloud load balancers forget a quiet connection; client-go probes as often. */
const KEEP_ALIVE_PROBE_MS = 30_000

/**
 * Over node:https: undici would cost 17 MB more before its first request. HTTP/1.1 is right here, one connection to a
 * watch: over HTTP/2 all watches would share one, and stall together when it does.
 */
export class HttpConnection implements ApiConnection {
  readonly baseUrl: string
  readonly #root: string
  readonly #host: string
  readonly #access: Access
  readonly #limiter: RequestLimiter
  readonly #observer: RequestObserver | undefined
  readonly #userAgent: string
  readonly #clock: Clock
  readonly #open = new Set<ClientRequest>()
  #tls: TlsMaterial | undefined
  #agent: HttpAgent | undefined
  #pending: Promise<Credentials> | undefined

  /** Throws ApiFault when the base URL is none. */
  constructor(access: Access, options: ConnectionOptions = {}) {
    const url = URL.parse(access.baseUrl)
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new ApiFault(
        FaultCode.CONFIGURATION,
        `the API endpoint ${publicAddress(access.baseUrl)} is not http://host:port or https://host:port`,
      )
    }
    this.baseUrl = publicAddress(access.baseUrl)
    this.#root = `${url.origin}${url.pathname.replace(/\/$/, '')}`
    this.#host = url.host
    this.#access = access
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#limiter = new RequestLimiter(options.limits ?? {}, this.#clock)
    this.#observer = options.observer
    this.#userAgent = options.userAgent ?? 'kubezone'
  }

  async request(path: string, options: { readonly signal: AbortSignal }): Promise<ApiResponse> {
    const { signal } = options
    const askedMs = this.#clock.monotonicMs()
    await this.#limiter.acquire(signal).catch((error: unknown) => {
      throw explainNetworkError(error, this.baseUrl)
    })
    const startMs = this.#clock.monotonicMs()
    this.#observer?.rateLimited('GET', this.#host, (startMs - askedMs) / 1000)
    try {
      const response = await this.#send(new URL(`${this.#root}${path}`), await this.#credentials(), signal)
      const status = response.statusCode ?? 0
      this.#observer?.requestCounted(String(status), 'GET', this.#host)
      return { status, retryAfter: response.headers['retry-after'], read: take => this.#read(response, take) }
    } catch (error) {
      if (!signal.aborted) this.#observer?.requestCounted('<error>', 'GET', this.#host)
      throw explainNetworkError(error, this.baseUrl)
    } finally {
      this.#observer?.requestDone('GET', this.#host, (this.#clock.monotonicMs() - startMs) / 1000)
      this.#limiter.release()
    }
  }

  async close(): Promise<void> {
    const closed = [...this.#open].map(request => new Promise(resolve => request.once('close', resolve)))
    for (const request of this.#open) request.destroy()
    this.#agent?.destroy()
    await Promise.all(closed)
  }

  #send(url: URL, credentials: Credentials, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      headers: { accept: 'application/json', 'user-agent': this.#userAgent, ...credentials.headers },
      agent: credentials.agent ?? this.#agentFor(url.protocol, credentials.tls),
      signal,
    })
    this.#open.add(request)
    const connecting = this.#clock.setTimeout(() => {
      if (request.socket?.connecting !== false) request.destroy(makeTimeout())
    }, CONNECT_TIMEOUT_MS)
    const settle = (): void => this.#clock.clearTimeout(connecting)
    request.once('response', response => {
      settle()
      // Who reads the body is told; a body that nobody reads must not end the process.
      response.on('error', () => undefined)
      resolve(response)
    })
    request.on('error', reject)
    request.once('close', () => {
      settle()
      this.#open.delete(request)
    })
    request.end()
    return promise
  }

  #read(body: IncomingMessage, take: (piece: Uint8Array) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let isOver = false
    const end = (settle: () => void): void => {
      isOver = true
      body.destroy()
      settle()
    }
    body.on('data', (piece: Buffer<ArrayBuffer>) => {
      try {
        if (!isOver && !take(piece)) end(resolve)
      } catch (error) {
        end(() => reject(error))
      }
      // Freed now, not when V8 comes by: it looks at what is in its own heap, and these are outside.
      if (piece.length === piece.buffer.byteLength) piece.buffer.transfer(0)
    })
    finished(body, error => (error ? reject(explainNetworkError(error, this.baseUrl)) : resolve()))
    return promise
  }

  /** Several watches that start together share one run of an exec plugin. */
  #credentials(): Promise<Credentials> {
    this.#pending ??= this.#access.credentials().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  #agentFor(protocol: string, tls: TlsMaterial): HttpAgent {
    if (this.#agent !== undefined && this.#tls !== undefined && isSameTls(this.#tls, tls)) return this.#agent
    const options = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS }
    // All connections have one context: it takes milliseconds to read certificates and keys. Throws when they are none.
    const agent =
      protocol === 'https:'
        ? new HttpsAgent({ ...options, ...tls, secureContext: createSecureContext(tls) })
        : new HttpAgent(options)
    reuseBuffers(agent)
    // What is open by the old one lives on until it ends by itself, within the 10 minutes of a watch, and is not used
    // again.
    if (this.#agent !== undefined) this.#agent.maxFreeSockets = 0
    this.#tls = tls
    this.#agent = agent
    return agent
  }
}

/**
 * Each connection reads into one buffer of its own, again and again: Node would make one of 64 KB for each read, and they are 200 MB a second while a
 * list comes. What the HTTP parser hands on are copies.
 */
function reuseBuffers(agent: HttpAgent): void {
  const connect = agent.createConnection.bind(agent) as (options: object, callback: unknown) => Socket
  agent.createConnection = (options: object, callback: unknown) => {
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback(length: number, bytes: Buffer): boolean {
        socket.emit('data', bytes.subarray(0, length))
        if (length < READ_BYTES) return true
        // There is more, and libuv would read up to 32 times in a row: who asks has a turn between.
        setImmediate(() => socket.resume())
        return false
      },
    }
    const socket = connect({ ...options, onread }, callback)
    return socket
  }
}

function makeTimeout(): Error {
  const error = new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`)
  return Object.assign(error, { code: 'ETIMEDOUT' })
}

function isSameTls(one: TlsMaterial, other: TlsMaterial): boolean {
  return (
    isSame(one.ca, other.ca) &&
    isSame(one.cert, other.cert) &&
    isSame(one.key, other.key) &&
    one.servername === other.servername &&
    one.rejectUnauthorized === other.rejectUnauthorized
  )
}

function isSame(one: string | Buffer | undefined, other: string | Buffer | undefined): boolean {
  if (one === other) return true
  return one !== undefined && other !== undefined && Buffer.from(one).equals(Buffer.from(other))
}

/** `host:port`, the host in brackets when it is an IPv6 address. */
export function joinHostPort(host: string, port: string): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
