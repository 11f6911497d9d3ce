// The HTTP endpoints of the process: health, readiness, metrics. Several server blocks, and at a reload two configurations, may have one
// address; they then share its listener, which closes behind the last of them.

import http from 'node:http'
import { explainBindError } from './bind.ts'

/** Answers one path. */
export type HttpRoute = (request: http.IncomingMessage, response: http.ServerResponse) => void

/** A route that is answered, until it is closed. */
export interface HttpEndpoint {
  /** The port that its listener really has. */
  readonly port: number
  close(): Promise<void>
}

interface Listener {
  /** Of each path the routes that were opened; the last one answers. */
  readonly routes: Map<string, HttpRoute[]>
  readonly server: http.Server
  readonly listening: Promise<void>
}

/** Slow clients must not hold probes up, nor the process at its end. */
const REQUEST_TIMEOUT_MS = 5_000

export class HttpEndpoints {
  readonly #listeners = new Map<string, Listener>()

  /**
   * Answers `path` at `address` (`:8080`, `127.0.0.1:9153`, `[::1]:0`) from now on; of several routes for one path the one opened last
   * answers. Rejects with one clear line when the address is not to be had.
   */
  async open(address: string, path: string, route: HttpRoute): Promise<HttpEndpoint> {
    const listener = this.#listeners.get(address) ?? this.#listen(address)
    const { routes } = listener
    const others = routes.get(path)
    if (others) others.push(route)
    else routes.set(path, [route])
    const close = (): Promise<void> => this.#closeRoute(address, listener, path, route)
    try {
      await listener.listening
    } catch (error) {
      await close()
      throw error
    }
    return { port: portOf(listener.server), close }
  }

  #listen(address: string): Listener {
    const routes = new Map<string, HttpRoute[]>()
    const server = http.createServer((request, response) => {
      const found = routes.get((request.url ?? '/').split('?', 1)[0])?.at(-1)
      if (found) run(found, request, response)
      else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
    })
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.headersTimeout = REQUEST_TIMEOUT_MS
    const listening = new Promise<void>((resolve, reject) => {
      const { host, port } = splitAddress(address)
      // An error after that (EMFILE) is one connection's; the probes that follow may fare better.
      server.on('error', error => reject(explainBindError('http', address, error)))
      server.listen(port, host, resolve)
    })
    const listener = { routes, server, listening }
    this.#listeners.set(address, listener)
    return listener
  }

  async #closeRoute(address: string, listener: Listener, path: string, route: HttpRoute): Promise<void> {
    const { routes } = listener
    const same = routes.get(path) ?? []
    const index = same.lastIndexOf(route)
    if (index < 0) return
    same.splice(index, 1)
    if (same.length === 0) routes.delete(path)
    if (routes.size > 0 || this.#listeners.get(address) !== listener) return
    this.#listeners.delete(address)
    await closeServer(listener.server)
  }

  /** The port that `address` really has: tests ask for port 0. */
  port(address: string): number {
    const listener = this.#listeners.get(address)
    return listener ? portOf(listener.server) : 0
  }

  /** The addresses that asked for port 0, with the port they got. */
  chosenPorts(): string[] {
    const open = [...this.#listeners].filter(([, { server }]) => server.listening)
    const unfixed = open.map(([address]) => address).filter(address => splitAddress(address).port === 0)
    return unfixed.map(address => address.replace(/\d+$/, String(this.port(address))))
  }

  /** Closes every listener, whoever still has it. */
  async close(): Promise<void> {
    const servers = [...this.#listeners.values()].map(({ server }) => server)
    this.#listeners.clear()
    await Promise.all(servers.map(closeServer))
  }
}

function portOf(server: http.Server): number {
  const bound = server.address()
  return typeof bound === 'object' && bound ? bound.port : 0
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
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
