// What is counted of queries and their answers. Series are made when they are first needed, found in arrays from then on: counting a
// query allocates nothing and joins no labels.

import type { Counter, Histogram } from '../../metrics/cell.ts'
import type { CounterFamily, HistogramFamily } from '../../metrics/family.ts'
import type { Registry } from '../../metrics/registry.ts'
import { type Rcode, Type, formatRcode, formatType } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'

const US_PER_SECOND = 1e6
/** From 0.25 ms to 8 s. */
const DURATION_BUCKETS = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i)
const SIZE_BUCKETS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3]

/** Types that have a label of their own, as in CoreDNS (plugin/metrics/vars); the others share `other`. */
const TYPES: readonly number[] = [
  Type.AAAA,
  Type.A,
  Type.CNAME,
  Type.DNSKEY,
  Type.DS,
  Type.MX,
  Type.NSEC3,
  Type.NSEC,
  Type.NS,
  Type.PTR,
  Type.RRSIG,
  Type.SOA,
  Type.SRV,
  Type.TXT,
  Type.HTTPS,
  Type.SVCB,
  Type.IXFR,
  Type.AXFR,
  Type.ANY,
]
const TYPE_LABELS = ['other', ...TYPES.map(formatType)]
/** By type, below 256: where its label is in TYPE_LABELS. */
const labelOfType = new Uint8Array(256)
for (const [i, type] of TYPES.entries()) labelOfType[type] = i + 1

/** By `Transport`. */
const PROTOS = ['udp', 'tcp']
/** IANA's address family numbers, as CoreDNS has them. */
const FAMILIES = ['1', '2']
/** Rcodes that are found in an array; the few others by their labels. */
const COMMON_RCODES = 24

export interface TrafficFamilies {
  readonly requests: CounterFamily
  readonly durations: HistogramFamily
  readonly requestSizes: HistogramFamily
  readonly dnssecRequests: CounterFamily
  readonly responseSizes: HistogramFamily
  readonly responses: CounterFamily
}

export function defineTraffic(metrics: Registry): TrafficFamilies {
  const labels = ['server', 'zone', 'view']
  return {
    requests: metrics.counter(
      'coredns_dns_requests_total',
      'Counter of DNS requests made per zone, protocol and family.',
      [...labels, 'proto', 'family', 'type'],
    ),
    durations: metrics.histogram(
      'coredns_dns_request_duration_seconds',
      'Histogram of the time (in seconds) each request took per zone.',
      labels,
      DURATION_BUCKETS,
    ),
    requestSizes: metrics.histogram(
      'coredns_dns_request_size_bytes',
      'Size of the request in bytes per zone and protocol.',
      [...labels, 'proto'],
      SIZE_BUCKETS,
    ),
    dnssecRequests: metrics.counter(
      'coredns_dns_do_requests_total',
      'Counter of DNS requests with DO bit set per zone.',
      labels,
    ),
    responseSizes: metrics.histogram(
      'coredns_dns_response_size_bytes',
      'Size of the returned response in bytes.',
      [...labels, 'proto'],
      SIZE_BUCKETS,
    ),
    responses: metrics.counter('coredns_dns_responses_total', 'Counter of response status codes.', [
      ...labels,
      'rcode',
      'plugin',
    ]),
  }
}

/** The traffic of one zone of one server. */
export class Traffic {
  readonly #families: TrafficFamilies
  /** Values of the labels that all metrics have: server, zone, view. */
  readonly #labels: readonly string[]
  /** Names of the plugins, by `Reply.author`. */
  readonly #chain: readonly string[]
  #duration: Histogram | undefined
  #dnssecRequests: Counter | undefined
  readonly #requestSizes: (Histogram | undefined)[] = emptyCells(PROTOS.length)
  readonly #responseSizes: (Histogram | undefined)[] = emptyCells(PROTOS.length)
  readonly #requests: (Counter | undefined)[] = emptyCells(PROTOS.length * FAMILIES.length * TYPE_LABELS.length)
  /** By author + 1, then by rcode. */
  readonly #responses: (Counter | undefined)[][] = []

  constructor(families: TrafficFamilies, server: string, zone: string, chain: readonly string[]) {
    this.#families = families
    this.#labels = [server, zone, '']
    this.#chain = chain
  }

  /** Counts a query that has been answered. `author` is that of the reply, -1 when no plugin wrote it. */
  count(query: Query, rcode: Rcode, author: number, responseSize: number, durationUs: number): void {
    const { transport, qtype } = query
    const family = query.clientAddress.length === 4 ? 0 : 1
    const type = qtype < labelOfType.length ? labelOfType[qtype] : 0
    const request = (transport * FAMILIES.length + family) * TYPE_LABELS.length + type
    const requests = this.#requests[request] ?? this.#addRequests(request, transport, family, type)
    requests.inc()
    if (query.dnssecOk) {
      this.#dnssecRequests ??= this.#families.dnssecRequests.cell(this.#labels)
      this.#dnssecRequests.inc()
    }
    this.#duration ??= this.#families.durations.cell(this.#labels)
    this.#duration.observe(durationUs / US_PER_SECOND)
    const requestSizes = (this.#requestSizes[transport] ??= this.#sizeCell(this.#families.requestSizes, transport))
    requestSizes.observe(query.size)
    const responseSizes = (this.#responseSizes[transport] ??= this.#sizeCell(this.#families.responseSizes, transport))
    responseSizes.observe(responseSize)
    const responses = this.#responses[author + 1]?.[rcode] ?? this.#addResponses(author, rcode)
    responses.inc()
  }

  #addRequests(index: number, transport: number, family: number, type: number): Counter {
    const labels = [...this.#labels, PROTOS[transport], FAMILIES[family], TYPE_LABELS[type]]
    return (this.#requests[index] = this.#families.requests.cell(labels))
  }

  #sizeCell(family: HistogramFamily, transport: number): Histogram {
    return family.cell([...this.#labels, PROTOS[transport]])
  }

  #addResponses(author: number, rcode: Rcode): Counter {
    const cell = this.#families.responses.cell([...this.#labels, formatRcode(rcode), this.#chain[author] ?? ''])
    while (this.#responses.length <= author + 1) this.#responses.push(emptyCells(COMMON_RCODES))
    if (rcode < COMMON_RCODES) this.#responses[author + 1][rcode] = cell
    return cell
  }
}

function emptyCells<Cell>(length: number): (Cell | undefined)[] {
  return Array.from<undefined>({ length })
}
