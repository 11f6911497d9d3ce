// What the ways to one upstream server have in common.

import type { SecureContext } from 'node:tls'
import type { OpenDatagrams } from './datagram.ts'
import { type Endpoint, formatEndpoint } from './endpoint.ts'
import type { Question } from './question.ts'
import type { UpstreamCounts } from './metrics.ts'
import type { Wheel } from './wheel.ts'

/** How a question goes over HTTPS (RFC 8484 section 4.1). */
export type DohMethod = 'POST' | 'GET'

export interface RouteOptions {
  readonly wheel: Wheel
  readonly openDatagrams: OpenDatagrams
  /** The address that questions leave from; the system's choice without it. */
  readonly source?: string
  /** An idle socket or connection closes after so long. */
  readonly expireMs: number
  /** A socket or connection takes no new question after so long; 0 is never. */
  readonly maxAgeMs: number
  /** Idle sockets, and idle connections, that are kept; 0 is no bound. */
  readonly maxIdle: number
  /** How it is asked over HTTPS. */
  readonly dohMethod: DohMethod
  /** For TLS; made once for all connections. */
  readonly secureContext?: SecureContext
}

export class Route {
  readonly endpoint: Endpoint
  readonly counts: UpstreamCounts
  readonly wheel: Wheel
  readonly openDatagrams: OpenDatagrams
  readonly source: string | undefined
  readonly expireMs: number
  readonly maxAgeMs: number
  readonly maxIdle: number
  readonly dohMethod: DohMethod
  readonly secureContext: SecureContext | undefined
  readonly #to: string

  constructor(endpoint: Endpoint, counts: UpstreamCounts, options: RouteOptions) {
    this.endpoint = endpoint
    this.counts = counts
    this.wheel = options.wheel
    this.openDatagrams = options.openDatagrams
    this.source = options.source
    this.expireMs = options.expireMs
    this.maxAgeMs = options.maxAgeMs
    this.maxIdle = options.maxIdle
    this.dohMethod = options.dohMethod
    this.secureContext = options.secureContext
    this.#to = `${endpoint.scheme === 'dns' ? '' : `${endpoint.scheme}://`}${formatEndpoint(endpoint)}`
  }

  /** One line: which server, and what is the matter. */
  explain(what: string): string {
    return `upstream ${this.#to}: ${what}`
  }

  late(question: Question): string {
    return `no answer within ${question.timeoutMs / 1000}s`
  }
}
