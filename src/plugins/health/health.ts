// Asks its own endpoint once a second, as a probe would: an overloaded process shows in how long that takes.

import http from 'node:http'
import type { Logger } from 'pino'

const PERIOD_MS = 1_000
const TIMEOUT_MS = 3_000
/** A local request that takes this long is worth a line. */
const SLOW_MS = 1_000

export interface PollSink {
  /** A request has ended, well or not. */
  observe(seconds: number): void
  fail(): void
}

export class HealthPoll {
  readonly #url: string
  readonly #sink: PollSink
  readonly #log: Logger
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  #timer: NodeJS.Timeout | undefined
  #request: http.ClientRequest | undefined

  constructor(url: string, sink: PollSink, log: Logger) {
    this.#url = url
    this.#sink = sink
    this.#log = log
  }

  start(): void {
    this.#timer = setInterval(() => {
      // One at a time: a request that is late stands for those that were due meanwhile.
      if (!this.#request) void this.poll()
    }, PERIOD_MS).unref()
  }

  /** One request; settles when it has ended and been counted. */
  poll(): Promise<void> {
    return new Promise<void>(resolve => {
      const startMs = performance.now()
      const end = (error?: Error): void => {
        const elapsedMs = performance.now() - startMs
        const isStopped = this.#request === undefined
        this.#request = undefined
        if (!isStopped) this.#count(elapsedMs, error)
        resolve()
      }
      const request = http.get(this.#url, { agent: this.#agent, timeout: TIMEOUT_MS }, response => {
        response.on('error', end)
        response.on('end', () => end())
        response.resume()
      })
      request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000}s`)))
      request.on('error', end)
      this.#request = request
    })
  }

  stop(): void {
    clearInterval(this.#timer)
    const request = this.#request
    this.#request = undefined
    request?.destroy()
    this.#agent.destroy()
  }

  #count(elapsedMs: number, error: Error | undefined): void {
    this.#sink.observe(elapsedMs / 1000)
    if (error) {
      this.#sink.fail()
      this.#log.warn(`plugin/health: Local health request to "${this.#url}" failed: ${error.message}`)
    } else if (elapsedMs > SLOW_MS) {
      const seconds = (elapsedMs / 1000).toFixed(3)
      this.#log.warn(`plugin/health: Local health request to "${this.#url}" took more than 1s: ${seconds}s`)
    }
  }
}
