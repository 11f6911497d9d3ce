import { isIPv6 } from 'node:net'
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici'
import { type Clock, SYSTEM_CLOCK } from './clock.ts'
import { ApiFault, explainNetworkError, FaultCode, publicAddress } from './fault.ts'
import { RequestLimiter, type RequestLimits } from './limit.ts'

export interface ApiResponse {
  readonly status: number
  /** The Retry-After header as it came; undefined when there is none. */
  readonly retryAfter: string | undefined
  /** Leaving the loop over it early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>
}

/** A way to one API server. */
export interface ApiConnection {
  /** Without user and password, and without a slash at its end. */
  readonly baseUrl: string
  /**
   * GET of a path with its query, answered when the headers have come; a refusal (4xx, 5xx) is an answer. There is no time limit of its own:
   * `signal` ends it, headers or body. Rejects with ApiFault.
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
}

/** One of the three ways in: an explicit endpoint, a kubeconfig, the pod's service account. */
export interface Access {
  readonly baseUrl: string
  readonly proxyUrl?: string
  /** What the next request shall carry, as it is now: files are read again, so that what was rotated is taken up. Rejects with ApiFault. */
  credentials(): Promise<Credentials>
}

/** A connection that cannot be made within this is as good as refused. */
const CONNECT_TIMEOUT_MS = 10_000
/** Below the 60 s after which cloud load balancers forget a quiet connection; client-go probes as often. */
const KEEP_ALIVE_PROBE_MS = 30_000

export class HttpConnection implements ApiConnection {
  readonly baseUrl: string
  readonly #origin: string
  readonly #prefix: string
  readonly #host: string
  readonly #access: Access
  readonly #limiter: RequestLimiter
  readonly #observer: RequestObserver | undefined
  readonly #userAgent: string
  readonly #clock: Clock
  #tls: TlsMaterial | undefined
  #dispatcher: Dispatcher | undefined
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
    this.#origin = url.origin
    this.#prefix = url.pathname.replace(/\/$/, '')
    this.#host = url.host
    this.#access = access
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#limiter = new RequestLimiter(options.limits ?? {}, this.#clock)
    this.#observer = options.observer
    this.#userAgent = options.userAgent ?? 'kubezone'
  }

  async request(path: string, options: { readonly signal: AbortSignal }): Promise<ApiResponse> {
    const { signal } = options
    const askedMs = this.#clock.now()
    await this.#limiter.acquire(signal)
    const startMs = this.#clock.now()
    this.#observer?.rateLimited('GET', this.#host, (startMs - askedMs) / 1000)
    try {
      const credentials = await this.#credentials()
      const response = await this.#dispatcherFor(credentials.tls).request({
        origin: this.#origin,
        path: `${this.#prefix}${path}`,
        method: 'GET',
        headers: { accept: 'application/json', 'user-agent': this.#userAgent, ...credentials.headers },
        signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      })
      this.#observer?.requestCounted(String(response.statusCode), 'GET', this.#host)
      const retryAfter = response.headers['retry-after']
      return {
        status: response.statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        body: this.#explained(response.body),
      }
    } catch (error) {
      if (!signal.aborted) this.#observer?.requestCounted('<error>', 'GET', this.#host)
      throw explainNetworkError(error, this.baseUrl)
    } finally {
      this.#observer?.requestDone('GET', this.#host, (this.#clock.now() - startMs) / 1000)
      this.#limiter.release()
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy()
  }

  async *#explained(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (error) {
      throw explainNetworkError(error, this.baseUrl)
    }
  }

  /** Several watches that start together share one run of an exec plugin. */
  #credentials(): Promise<Credentials> {
    this.#pending ??= this.#access.credentials().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  #dispatcherFor(tls: TlsMaterial): Dispatcher {
    if (this.#dispatcher !== undefined && this.#tls !== undefined && isSameTls(this.#tls, tls)) return this.#dispatcher
    // What is open on the old one lives on until it ends by itself, within the 10 minutes of a watch.
    this.#dispatcher?.close().catch(() => undefined)
    this.#tls = tls
    this.#dispatcher = makeDispatcher(tls, this.#access.proxyUrl)
    return this.#dispatcher
  }
}

/** HTTP/1.1 on purpose: over HTTP/2 all watches would share one TCP connection, and stall together when it does. */
function makeDispatcher(tls: TlsMaterial, proxyUrl: string | undefined): Dispatcher {
  const connect = { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS }
  if (proxyUrl === undefined || proxyUrl === '') return new Agent({ allowH2: false, connect: { ...connect, ...tls } })
  if (proxyUrl.startsWith('socks')) return new Socks5ProxyAgent(proxyUrl, { requestTls: tls, allowH2: false })
  return new ProxyAgent({ uri: proxyUrl, requestTls: tls, connect, allowH2: false })
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
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}
