// What is counted for each upstream server, under CoreDNS's names (plugin/pkg/proxy/metrics.go).

import type { Counter, Histogram } from '../metrics/cell.ts'
import type { CounterFamily, HistogramFamily } from '../metrics/family.ts'
import type { Registry } from '../metrics/registry.ts'
import { type Rcode, formatRcode } from '../wire/constants.ts'

/** From 0.25 ms to 8 s (CoreDNS: plugin.TimeBuckets). */
const DURATION_BUCKETS = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i)
const MS_PER_SECOND = 1_000
/** From here on rcodes share a label: a server can send 4,096 of them, and each would be a histogram. IANA has named 23. */
const OTHER_RCODE = 24

export type Proto = 'udp' | 'tcp' | 'tcp-tls' | 'https'

export interface UpstreamFamilies {
  readonly durations: HistogramFamily
  readonly healthFailures: CounterFamily
  readonly hits: CounterFamily
  readonly misses: CounterFamily
  readonly ignored: CounterFamily
}

export function defineUpstream(metrics: Registry): UpstreamFamilies {
  const to = ['proxy_name', 'to']
  const proto = [...to, 'proto']
  return {
    durations: metrics.histogram(
      'coredns_proxy_request_duration_seconds',
      'Histogram of the time each request took.',
      [...to, 'rcode'],
      DURATION_BUCKETS,
    ),
    healthFailures: metrics.counter(
      'coredns_proxy_healthcheck_failures_total',
      'Counter of the number of failed healthchecks.',
      to,
    ),
    hits: metrics.counter(
      'coredns_proxy_conn_cache_hits_total',
      'Counter of connection cache hits per upstream and protocol.',
      proto,
    ),
    misses: metrics.counter(
      'coredns_proxy_conn_cache_misses_total',
      'Counter of connection cache misses per upstream and protocol.',
      proto,
    ),
    ignored: metrics.counter(
      'kubezone_proxy_ignored_answers_total',
      'Counter of messages from an upstream that answer no question that waits: late, wrong or forged.',
      to,
    ),
  }
}

/** The series of one server; each is made when it is first needed. */
export class UpstreamCounts {
  readonly #families: UpstreamFamilies
  readonly #labels: readonly [string, string]
  readonly #durations: (Histogram | undefined)[] = []
  readonly #hits: Partial<Record<Proto, Counter>> = {}
  readonly #misses: Partial<Record<Proto, Counter>> = {}
  #ignored: Counter | undefined
  #healthFailures: Counter | undefined

  /** `name` is the plugin's, `to` the server's. */
  constructor(families: UpstreamFamilies, name: string, to: string) {
    this.#families = families
    this.#labels = [name, to]
  }

  answered(rcode: Rcode, durationMs: number): void {
    const index = Math.min(rcode, OTHER_RCODE)
    const label = index === OTHER_RCODE ? 'other' : formatRcode(rcode)
    this.#durations[index] ??= this.#families.durations.cell([...this.#labels, label])
    this.#durations[index].observe(durationMs / MS_PER_SECOND)
  }

  hit(proto: Proto): void {
    this.#hits[proto] ??= this.#families.hits.cell([...this.#labels, proto])
    this.#hits[proto].inc()
  }

  missed(proto: Proto): void {
    this.#misses[proto] ??= this.#families.misses.cell([...this.#labels, proto])
    this.#misses[proto].inc()
  }

  ignored(): void {
    this.#ignored ??= this.#families.ignored.cell(this.#labels)
    this.#ignored.inc()
  }

  healthFailed(): void {
    this.#healthFailures ??= this.#families.healthFailures.cell(this.#labels)
    this.#healthFailures.inc()
  }
}
