// The API over HTTP or HTTPS.

import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { discover } from './discovery.ts'
import { invalid, type StatusSubject, statusOf, unknownPath } from './errors.ts'
import type { Action, Faults } from './faults.ts'
import type { Answer } from './media.ts'
import { ApiError } from './object.ts'
import { describeOpenApi } from './openapi.ts'
import { parseResourceRequest, type ResourceRequest, type Verb } from './request.ts'
import { Rest } from './rest.ts'
import type { Store } from './store.ts'
import { chooseView } from './view.ts'
import { type LineSink, Watch } from './watch.ts'

/** One request as it came, for a test to look at. */
export interface RequestRecord {
  method: string
  /** Path and query. */
  url: string
  accept: string | undefined
  /** undefined for paths that are of no resource. */
  verb: Verb | undefined
  resource: string | undefined
}

export interface ServerOptions {
  /** What /version says. */
  gitVersion: string
  bookmarkIntervalMs: number
  watchTimeoutMs: number
  /** Answers 403 when it returns false. */
  authorize?: ((request: ResourceRequest) => boolean) | undefined
}

export interface ListenOptions {
  host: string
  port: number
  /** PEM. */
  tls?: { cert: string; key: string } | undefined
  /** Requests without `Authorization: Bearer TOKEN` are answered 401. */
  token?: string | undefined
}

const keptRecords = 1000
// etcd takes no more in one request.
const maxBodyOctets = 3 * 1024 * 1024
// A client that does not read is cut off, as the API server does it, before its events fill the memory.
const maxUnsentOctets = 256 * 1024 * 1024
// Of the initial events of a watch, before the client has taken some.
const portionOctets = 1024 * 1024

// system:public-info-viewer: these are for everyone.
const publicPaths = new Set(['/healthz', '/livez', '/readyz', '/version'])

export class ApiServer {
  /** The last requests, oldest first. */
  readonly requests: RequestRecord[] = []
  readonly #store: Store
  readonly #rest: Rest
  readonly #faults: Faults
  readonly #options: ServerOptions
  readonly #servers = new Set<Server>()
  readonly #watches = new Set<Watch>()

  constructor(store: Store, faults: Faults, options: ServerOptions) {
    this.#store = store
    this.#rest = new Rest(store)
    this.#faults = faults
    this.#options = options
  }

  /** Resolves with the URL, without a slash at its end. */
  async listen({ host, port, tls, token }: ListenOptions): Promise<string> {
    const handler = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#handle(request, response, token)
    const server = tls === undefined ? createHttpServer(handler) : createHttpsServer(tls, handler)
    // A reset connection is the client's affair.
    server.on('clientError', (_error, socket) => socket.destroy())
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    this.#servers.add(server)
    const { port: bound } = server.address() as AddressInfo
    return `${tls === undefined ? 'http' : 'https'}://${isIPv6(host) ? `[${host}]` : host}:${bound}`
  }

  sendBookmarks(): void {
    for (const watch of this.#watches) watch.sendBookmark()
  }

  /** Ends all connections, watches too. */
  async close(): Promise<void> {
    const servers = [...this.#servers]
    this.#servers.clear()
    await Promise.all(
      servers.map(server => {
        const closed = new Promise<void>(resolve => server.close(() => resolve()))
        server.closeAllConnections()
        return closed
      }),
    )
  }

  async #handle(message: IncomingMessage, response: ServerResponse, token: string | undefined): Promise<void> {
    const asked: Asked = { request: undefined }
    // Written to after its client went: nothing to tell anyone.
    response.on('error', () => response.destroy())
    try {
      const url = new URL(message.url ?? '/', 'http://localhost')
      await this.#serve(message, response, url, asked, token)
    } catch (error) {
      sendError(response, error, asked.request)
    }
  }

  async #serve(
    message: IncomingMessage,
    response: ServerResponse,
    url: URL,
    asked: Asked,
    token: string | undefined,
  ): Promise<void> {
    const method = message.method ?? 'GET'
    const { accept, authorization } = message.headers
    const record: RequestRecord = {
      method,
      url: url.pathname + url.search,
      accept,
      verb: undefined,
      resource: undefined,
    }
    this.requests.push(record)
    if (this.requests.length > keptRecords) this.requests.shift()
    if (token !== undefined && authorization !== `Bearer ${token}` && !publicPaths.has(url.pathname)) {
      throw new ApiError(401, 'Unauthorized', 'Unauthorized')
    }
    const request = parseResourceRequest(method, url)
    if (request === undefined) {
      send(response, this.#describe(method, url, accept))
      return
    }
    record.verb = request.verb
    record.resource = request.resource.plural
    asked.request = request
    const octets = await readBody(message)
    if (this.#options.authorize?.(request) === false) throw forbiddenRequest(request)
    const actions = this.#faults.take(request)
    if (!(await this.#obey(actions, response))) return
    if (request.verb === 'watch') {
      this.#watch(request, message, response, actions)
      return
    }
    const answer = this.#rest.answer(request, accept, { octets, contentType: message.headers['content-type'] })
    // What a write has caused is on its way to the watches before its answer: who has that may look for it.
    if (method !== 'GET') await nextTick()
    if (actions.some(action => action.kind === 'truncate')) sendHalf(response, answer)
    else send(response, answer)
  }

  #describe(method: string, url: URL, accept: string | undefined): Answer {
    if (method !== 'GET') throw unknownPath()
    if (['/healthz', '/livez', '/readyz'].includes(url.pathname)) {
      return { code: 200, contentType: 'text/plain; charset=utf-8', body: 'ok' }
    }
    const openApi = describeOpenApi(url.pathname, accept)
    if (openApi !== undefined) return { code: 200, ...openApi }
    const found = discover(url.pathname, accept, this.#options.gitVersion)
    if (found === undefined) throw unknownPath()
    return { code: 200, contentType: found.contentType, body: JSON.stringify(found.body) }
  }

  // Returns false when the request needs no answer any more.
  async #obey(actions: readonly Action[], response: ServerResponse): Promise<boolean> {
    for (const action of actions) {
      if (action.kind === 'delay') await sleep(action.delayMs, undefined, { ref: false })
      else if (action.kind === 'answer') throw action.error
      else if (action.kind === 'drop') {
        response.destroy()
        return false
      } else if (action.kind === 'initialEvents' && action.how === 'refuse') {
        const message =
          'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled'
        throw invalid('ListOptions.meta.k8s.io ""', [
          { field: 'sendInitialEvents', reason: 'FieldValueForbidden', message },
        ])
      }
    }
    return !response.destroyed
  }

  #watch(
    request: ResourceRequest,
    message: IncomingMessage,
    response: ServerResponse,
    actions: readonly Action[],
  ): void {
    const view = chooseView(request.resource, message.headers.accept, request.query)
    const watch = new Watch(this.#store, request, view, {
      bookmarkIntervalMs: this.#options.bookmarkIntervalMs,
      timeoutMs: this.#options.watchTimeoutMs,
      ignoreInitialEvents: actions.some(action => action.kind === 'initialEvents'),
    })
    const stream = this.#faults.wrap(request, new ResponseSink(response), actions)
    this.#watches.add(watch)
    response.once('close', () => {
      this.#watches.delete(watch)
      watch.stop()
      this.#faults.unwrap(stream)
    })
    response.writeHead(200, { 'content-type': view.contentType, 'cache-control': 'no-cache, private' })
    // A client knows by the headers that its watch stands, also when there is nothing to tell yet.
    response.flushHeaders()
    watch.start(stream)
  }
}

const nextTick = (): Promise<void> => new Promise(resolve => process.nextTick(resolve))

/** What is known of a request when it fails. */
interface Asked {
  request: ResourceRequest | undefined
}

/** Lines of one turn of the event loop go out in one piece. */
class ResponseSink implements LineSink {
  readonly #response: ServerResponse
  #corked = false

  constructor(response: ServerResponse) {
    this.#response = response
  }

  write(line: string): void {
    const response = this.#response
    if (response.writableEnded || response.destroyed) return
    if (response.writableLength > maxUnsentOctets) {
      this.destroy()
      return
    }
    if (!this.#corked) {
      this.#corked = true
      response.cork()
      process.nextTick(() => this.#flush())
    }
    response.write(line)
  }

  drained(): Promise<void> | undefined {
    const response = this.#response
    if (response.writableLength < portionOctets || response.destroyed) return undefined
    this.#flush()
    if (!response.writableNeedDrain) return undefined
    return new Promise(resolve => {
      const settle = (): void => {
        response.off('drain', settle).off('close', settle)
        resolve()
      }
      response.on('drain', settle).on('close', settle)
    })
  }

  end(): void {
    this.#flush()
    this.#response.end()
  }

  destroy(): void {
    const response = this.#response
    this.#flush()
    // What was written before reaches the client, then the connection is gone without the last chunk.
    response.write('', () => response.destroy())
  }

  #flush(): void {
    if (!this.#corked) return
    this.#corked = false
    this.#response.uncork()
  }
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > maxBodyOctets) {
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyOctets}`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function send(
  response: ServerResponse,
  { code, contentType, body }: Answer,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(code, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-cache, private',
    ...headers,
  })
  response.end(body)
}

function sendHalf(response: ServerResponse, { code, contentType, body }: Answer): void {
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.write(body.slice(0, Math.floor(body.length / 2)), () => response.destroy())
}

function sendError(response: ServerResponse, error: unknown, subject: StatusSubject = {}): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const status = statusOf(error, subject)
  const headers: Record<string, string> = {}
  const retryAfterSeconds = status.details?.['retryAfterSeconds']
  if (typeof retryAfterSeconds === 'number') headers['retry-after'] = String(retryAfterSeconds)
  // The rest of a body that was too large is not read.
  if (status.code === 413) headers['connection'] = 'close'
  send(response, { code: status.code, contentType: 'application/json', body: JSON.stringify(status) }, headers)
}

function forbiddenRequest({ resource, verb, namespace, name, subresource }: ResourceRequest): ApiError {
  const what = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`
  const subject = name === undefined ? what : `${what} "${name}"`
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const group = `in API group "${resource.group}"`
  const message = `${subject} is forbidden: User "test" cannot ${verb} resource "${what}" ${group} ${scope}`
  return new ApiError(403, 'Forbidden', message)
}
