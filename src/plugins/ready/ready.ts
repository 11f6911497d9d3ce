// Whether the server can answer, for the readiness probe of Kubernetes.

import type { ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Block, Instance, ControlContext } from '../../server/plugin.ts'

/** One server block that takes part. */
class Participant {
  readonly block: Block
  /** An instance that was ready once is asked again. */
  readonly isContinuous: boolean
  readonly #done = new Set<Instance>()

  constructor(block: Block, isContinuous: boolean) {
    this.block = block
    this.isContinuous = isContinuous
  }

  /** Names of the plugins that are not ready. */
  listWaiting(): string[] {
    const waiting: string[] = []
    for (const { name, instance } of this.block.instances) {
      if (!instance.ready || this.#done.has(instance)) continue
      if (!instance.ready()) waiting.push(name)
      else if (!this.isContinuous) this.#done.add(instance)
    }
    return waiting
  }

  /** What is to be known of those that are ready. */
  listRemarks(): string[] {
    return this.block.instances.flatMap(({ name, instance }) => {
      const remark = instance.remark?.()
      return remark === undefined ? [] : [`${name} ${remark}`]
    })
  }
}

/** Kubernetes' own `failureThreshold`. Who has set a higher one hears of the end later than this thinks. */
const REFUSALS = 3
/** Three periods of kubeadm's probe. Who has not asked for so long does not probe. */
const PROBED_MS = 30_000

/** All server blocks whose readiness is asked at one address. */
class Readiness {
  readonly #log: Logger
  /** Of configurations that start, and of those that answer. */
  readonly #coming = new Map<Block, Participant>()
  readonly #active = new Map<Block, Participant>()
  #isStopping = false
  #askedMs = Number.NEGATIVE_INFINITY
  /** How often it is yet to be said that the end comes. */
  #unsaid = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** The block starts. It counts when it answers; until then a configuration that does already is as ready as it was. */
  expect(block: Block, isContinuous: boolean): void {
    this.#coming.set(block, new Participant(block, isContinuous))
  }

  activate(block: Block): void {
    const participant = this.#coming.get(block)
    if (!participant) return
    this.#coming.delete(block)
    this.#active.set(block, participant)
  }

  leave(block: Block): void {
    this.#coming.delete(block)
    this.#active.delete(block)
  }

  /** The process is about to end: no new clients, please. */
  stop(): void {
    if (this.#isStopping) return
    this.#isStopping = true
    if (performance.now() - this.#askedMs < PROBED_MS) this.#unsaid = REFUSALS
  }

  /** Whoever probes has heard of the end often enough to believe it. */
  get isEndKnown(): boolean {
    return this.#unsaid <= 0
  }

  answer(response: ServerResponse): void {
    this.#askedMs = performance.now()
    if (this.#isStopping) {
      this.#unsaid--
      send(response, 503, 'Shutting down')
      return
    }
    const isActive = this.#active.size > 0
    const waiting = new Set<string>()
    for (const participant of (isActive ? this.#active : this.#coming).values()) {
      for (const name of participant.listWaiting()) waiting.add(name)
    }
    if (waiting.size === 0) {
      // Without a block that answers, the sockets are not open yet.
      const remarks = new Set([...this.#active.values()].flatMap(participant => participant.listRemarks()))
      send(response, isActive ? 200 : 503, isActive ? ['OK', ...remarks].join('\n') : 'Starting')
      return
    }
    const names = [...waiting].sort().join(',')
    this.#log.info(`plugin/ready: Plugins not ready: "${names}"`)
    send(response, 503, names)
  }
}

function send(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status
  response.setHeader('content-type', 'text/plain; charset=utf-8').end(body)
}

const readinesses = new WeakMap<ControlContext, Map<string, Readiness>>()

/** The one Readiness of an address: server blocks that share the address share it. */
export function findReadiness(process: ControlContext, address: string): Readiness {
  let known = readinesses.get(process)
  if (!known) {
    known = new Map()
    readinesses.set(process, known)
  }
  let readiness = known.get(address)
  if (!readiness) {
    readiness = new Readiness(process.log)
    known.set(address, readiness)
  }
  return readiness
}
