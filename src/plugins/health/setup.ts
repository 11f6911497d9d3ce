import { setTimeout as delay } from 'node:timers/promises'
import { type Address, parseAddress } from '../../corefile/value.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { HttpEndpoint } from '../../server/http.ts'
import type { Plugin } from '../../server/plugin.ts'
import { joinHostPort } from '../../wire/address.ts'
import { MAX_TIMER_MS, formatDuration } from '../duration.ts'
import type { HealthPoll, PollSink } from './health.ts'

const DEFAULT_ADDRESS = ':8080'
const BUCKETS = [0.00025, 0.0025, 0.025, 0.25, 2.5]

export const health: Plugin = {
  name: 'health',
  repeatable: true,
  setup(cursor) {
    const token = cursor.nextArg()
    const host = token ? parseAddress(token).host : ''
    cursor.end()
    const address = token?.text ?? DEFAULT_ADDRESS
    let lameduckMs = 0
    for (const property of cursor.block()) {
      if (property.name.text !== 'lameduck') throw property.unknown(['lameduck'])
      lameduckMs = property.durationMs(0, MAX_TIMER_MS)
      property.end()
      property.noBlock()
    }
    return {
      control({ http, log, metrics }) {
        const sink = defineMetrics(metrics)
        let endpoint: HttpEndpoint | undefined
        let poll: HealthPoll | undefined
        return {
          async start() {
            endpoint = await http.open(address, '/health', (_, response) => {
              response.setHeader('content-type', 'text/plain; charset=utf-8').end('OK')
            })
            // Loaded when it is needed: threads that only answer have no room for Node's HTTP.
            const { HealthPoll } = await import('./health.ts')
            poll = new HealthPoll(formatUrl({ host, port: endpoint.port }), sink, log)
            poll.start()
          },
          async lameduck() {
            if (lameduckMs === 0) return
            log.info(`plugin/health: Going into lameduck mode for ${formatDuration(lameduckMs)}`)
            await delay(lameduckMs)
          },
          async stop() {
            poll?.stop()
            await endpoint?.close()
          },
        }
      },
    }
  },
}

function formatUrl({ host, port }: Address): string {
  // Of all the addresses that are listened on, one has to be chosen.
  return `http://${joinHostPort(host === '' ? 'localhost' : host, port)}/health`
}

function defineMetrics(metrics: Registry): PollSink {
  const duration = metrics
    .histogram(
      'coredns_health_request_duration_seconds',
      'Histogram of the time (in seconds) each request took.',
      [],
      BUCKETS,
    )
    .cell()
  const failures = metrics
    .counter('coredns_health_request_failures_total', 'The number of times the health check failed.')
    .cell()
  return { observe: seconds => duration.observe(seconds), fail: () => failures.inc() }
}
