// Counts every query of a server block, and those that no block took.

import type { Registry } from '../../metrics/registry.ts'
import { type Handler, NO_ANSWER } from '../../server/handler.ts'
import { DropReason, type ServerObserver } from '../../server/observer.ts'
import type { Block } from '../../server/plugin.ts'
import { Rcode } from '../../wire/constants.ts'
import { type WireName, lowerName, parseName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { isWithin } from '../scope.ts'
import { nameServer } from '../servername.ts'
import { Traffic, defineTraffic } from './traffic.ts'

/** No dot at its end, so that it cannot be a zone. */
const DROPPED = 'dropped'

interface ZoneTraffic {
  readonly origin: WireName
  readonly traffic: Traffic
}

export class Prometheus implements Handler {
  readonly #next: Handler
  /** The longest names first: the first that fits is the zone that the server has chosen. */
  readonly #zones: readonly ZoneTraffic[]

  constructor(next: Handler, block: Block) {
    this.#next = next
    const families = defineTraffic(block.process.metrics)
    const server = nameServer(block)
    this.#zones = [...new Set(block.zones)]
      .map(zone => ({
        origin: lowerName(parseName(zone) ?? Uint8Array.of(0)),
        traffic: new Traffic(families, server, zone, block.chain),
      }))
      .sort((a, b) => b.origin.length - a.origin.length)
  }

  /** What throws or rejects is not counted here: the server answers it, and tells its observer. */
  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const startMs = performance.now()
    const rcode = this.#next.serve(query, reply)
    if (typeof rcode !== 'number') return this.#settle(query, reply, rcode, startMs)
    this.#count(query, reply, rcode, elapsedUs(startMs))
    return rcode
  }

  async #settle(query: Query, reply: Reply, pending: Promise<Rcode>, startMs: number): Promise<Rcode> {
    const rcode = await pending
    this.#count(query, reply, rcode, elapsedUs(startMs))
    return rcode
  }

  #count(query: Query, reply: Reply, rcode: Rcode, durationUs: number): void {
    const traffic = this.#findTraffic(query)
    // What is not answered counts as NOERROR of no size, as in CoreDNS.
    if (rcode === NO_ANSWER) traffic.count(query, Rcode.NOERROR, reply.author, 0, durationUs)
    else traffic.count(query, rcode, reply.author, reply.finishedSize, durationUs)
  }

  #findTraffic(query: Query): Traffic {
    const last = this.#zones.length - 1
    for (let i = 0; i < last; i++) if (isWithin(query, this.#zones[i].origin)) return this.#zones[i].traffic
    return this.#zones[last].traffic
  }
}

/** Whole microseconds: a number with a fraction would be put on the heap for each query on its way to the histogram. */
const elapsedUs = (startMs: number): number => Math.round((performance.now() - startMs) * 1000)

/** Counts what the server answers by itself, at the listener with this `server` label; see `formatServer`. */
export function observeServer(metrics: Registry, server: string): ServerObserver {
  const traffic = new Traffic(defineTraffic(metrics), server, DROPPED, [])
  const panics = definePanics(metrics).cell()
  const labels = ['server']
  const connections = metrics.gauge('kubezone_tcp_connections', 'TCP connections that are open.', labels).cell([server])
  const heldHelp = 'Memory of TCP connections: answers that clients do not take, and what was read and is not answered.'
  const held = metrics.gauge('kubezone_tcp_held_bytes', heldHelp).cell()
  const droppedHelp = 'Counter of TCP connections that the server had to drop, by why.'
  const dropped = metrics.counter('kubezone_tcp_dropped_connections_total', droppedHelp, [...labels, 'reason'])
  const drops = Object.fromEntries(Object.values(DropReason).map(reason => [reason, dropped.cell([server, reason])]))
  const waiting = metrics.gauge('kubezone_waiting_queries', 'Queries that wait for an answer.', labels).cell([server])
  return {
    refused: (query, reply, rcode) => traffic.count(query, rcode, reply.author, reply.size, 0),
    panicked: () => panics.inc(),
    connectionDropped: reason => drops[reason].inc(),
    connectionsChanged(count, heldOctets) {
      connections.set(count)
      held.set(heldOctets)
    },
    waitingChanged: count => waiting.set(count),
  }
}

export function definePanics(metrics: Registry): ReturnType<Registry['counter']> {
  return metrics.counter('coredns_panics_total', 'A metrics that counts the number of panics.')
}
