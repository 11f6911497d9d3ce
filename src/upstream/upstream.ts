// One upstream server: how it is asked, whether it is well, what is counted of it.

import { Transport } from '../wire/query.ts'
import { type Endpoint, endpointKey, formatEndpoint } from './endpoint.ts'
import { HealthCheck, type HealthOptions, type Patient } from './health.ts'
import { openHttps } from './https.ts'
import { UpstreamCounts, type UpstreamFamilies } from './metrics.ts'
import type { Pool } from './pool.ts'
import type { Question } from './question.ts'
import { Route, type RouteOptions } from './route.ts'
import { openStreams } from './stream.ts'
import { UdpPool } from './udp.ts'
import type { Wheel } from './wheel.ts'

export interface UpstreamOptions extends RouteOptions {
  /** The plugin that asks: the label `proxy_name`. */
  readonly name: string
  /** For health checks too; over UDP otherwise. TLS and HTTPS stay what they are. */
  readonly forceTcp: boolean
  readonly health: HealthOptions
}

export class Upstream implements Patient {
  /** `10.0.0.10:53`. */
  readonly to: string
  /** The same for the same server in another list. */
  readonly key: string
  readonly counts: UpstreamCounts
  readonly wheel: Wheel
  readonly #route: Route
  readonly #udp: UdpPool
  readonly #stream: Pool
  readonly #healthCheck: HealthCheck
  readonly #healthTransport: Transport
  /** Health checks that have failed since the last one that did not. */
  #fails = 0
  #isClosed = false

  constructor(endpoint: Endpoint, families: UpstreamFamilies, options: UpstreamOptions) {
    this.to = formatEndpoint(endpoint)
    this.key = endpointKey(endpoint)
    this.wheel = options.wheel
    this.counts = new UpstreamCounts(families, options.name, this.to)
    this.#route = new Route(endpoint, this.counts, options)
    this.#udp = new UdpPool(this.#route)
    this.#stream = endpoint.scheme === 'https' ? openHttps(this.#route) : openStreams(this.#route)
    this.#healthCheck = new HealthCheck(this, options.health)
    this.#healthTransport = options.forceTcp ? Transport.TCP : Transport.UDP
  }

  /** Questions that wait for their answers. */
  get outstanding(): number {
    return this.#udp.outstanding + this.#stream.outstanding
  }

  /** Sockets and connections that are open. */
  get sockets(): number {
    return this.#udp.sockets + this.#stream.sockets
  }

  /** Asks; the question's asker is told. A server behind TLS or HTTPS is asked that way, whatever `transport` says. Never throws. */
  ask(question: Question, transport: Transport = this.#healthTransport): void {
    question.askedMs = performance.now()
    if (this.#isClosed) question.asker.failed(this.explain('it is no longer asked'))
    else if (this.usesUdp(question, transport)) this.#udp.ask(question)
    else this.#stream.ask(question)
  }

  usesUdp(question: Question, transport: Transport): boolean {
    return transport === Transport.UDP && this.#route.endpoint.scheme === 'dns' && UdpPool.fits(question)
  }

  /** One line: which server, and what is the matter. */
  explain(what: string): string {
    return this.#route.explain(what)
  }

  /** More checks than `maxFails` have failed one after the other; 0 never counts. */
  isDown(maxFails: number): boolean {
    return maxFails > 0 && this.#fails > maxFails
  }

  /** A question has failed: looks after the server until it is well. */
  checkHealth(): void {
    if (!this.#isClosed) this.#healthCheck.start()
  }

  healthChecked(isWell: boolean): void {
    if (!isWell) this.counts.healthFailed()
    this.#fails = isWell ? 0 : this.#fails + 1
  }

  /** Ends everything; what waits fails. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#healthCheck.stop()
    this.#udp.close()
    this.#stream.close()
  }
}
