// The HTTP endpoints of the process: health, readiness, metrics. Several server blocks may share an address; they then share its listener.

import http from 'node:http'
import { explainBindError } from './bind.ts'

/** Answers one path. */
export type HttpRoute = (request: http.IncomingMessage, response: http.ServerResponse) => void

interface Listener {
  readonly routes: Map<string, HttpRoute>
  readonly server: http.Server
  listening: Promise<void> | undefined
}

/** Slow clients must not hold probes up, nor the process at its end. */
const REQUEST_TIMEOUT_MS = 5_000

export class HttpEndpoints {
  readonly #listeners = new Map<string, Listener>()

  /**
   * Registers a route at `address` (`:8080`, `127.0.0.1:9153`, `[::1]:0`). The same path at the same address again replaces it.
   * Nothing listens before `listen`.
   */
  route(address: string, path: string, route: HttpRoute): void {
    let listener = this.#listeners.get(address)
    if (!listener) {
      const routes = new Map<string, HttpRoute>()
      const server = http.createServer((request, response) => {
        const found = routes.get((request.url ?? '/').split('?', 1)[0])
        if (found) run(found, request, response)
        else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
      })
      server.requestTimeout = REQUEST_TIMEOUT_MS
      server.headersTimeout = REQUEST_TIMEOUT_MS
      listener = { routes, server, listening: undefined }
      this.#listeners.set(address, listener)
    }
    listener.routes.set(path, route)
  }

  /** Opens the listener of `address`, once. Rejects with one clear line when the address is not to be had. */
  listen(address: string): Promise<void> {
    const listener = this.#listeners.get(address)
    if (!listener) return Promise.resolve()
    listener.listening ??= new Promise<void>((resolve, reject) => {
      const { host, port } = splitAddress(address)
      // An error after that (EMFILE) is one connection's; the probes that follow may fare better.
      listener.server.on('error', error => reject(explainBindError('http', address, error)))
      listener.server.listen(port, host, resolve)
    })
    return listener.listening
  }

  /** The port that `address` really has: tests ask for port 0. */
  port(address: string): number {
    const bound = this.#listeners.get(address)?.server.address()
    return typeof bound === 'object' && bound ? bound.port : 0
  }

  /** The addresses of `listen` that asked for port 0, with the port they got. */
  chosenPorts(): string[] {
    const open = [...this.#listeners].filter(([, { server }]) => server.listening)
    const unfixed = open.map(([address]) => address).filter(address => splitAddress(address).port === 0)
    return unfixed.map(address => address.replace(/\d+$/, String(this.port(address))))
  }

  async close(): Promise<void> {
    const closing = [...this.#listeners.values()].map(({ server }) => {
      return new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    })
    this.#listeners.clear()
    await Promise.all(closing)
  }
}

/** A route that throws answers 500; the process goes on. */
function run(route: HttpRoute, request: http.IncomingMessage, response: http.ServerResponse): void {
  try {
    route(request, response)
  } catch (error) {
    if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** `host:port`, `:port` or `[v6]:port`; an absent host is all addresses. */
export function splitAddress(address: string): { host: string | undefined; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return { host: host === '' ? undefined : host, port: Number(address.slice(colon + 1)) }
}
