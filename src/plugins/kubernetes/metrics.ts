// The metrics of the plugin, by CoreDNS's names, and what CoreDNS does not tell: how old the plugin's knowledge is.

import type { Registry } from '../../metrics/registry.ts'
import type { RequestObserver } from '../../watch/connection.ts'
import type { ReflectorStatus } from '../../watch/reflector.ts'
import type { ServiceKind } from './triggers.ts'

/** 1 ms to about 9 minutes. */
const PROGRAMMING_BUCKETS = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i)
/** The Prometheus client's defaults, which client-go's metrics have. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export interface KubernetesMetrics {
  readonly observer: RequestObserver
  readonly onProgrammed: (kind: ServiceKind, seconds: number) => void
  /** Shows how a watch is, until the function that it returns is called. */
  follow(resource: string, status: ReflectorStatus): () => void
}

export function kubernetesMetrics(registry: Registry): KubernetesMetrics {
  const programming = registry.histogram(
    'coredns_kubernetes_dns_programming_duration_seconds',
    'Histogram of the time (in seconds) it took to program a dns instance.',
    ['service_kind'],
    PROGRAMMING_BUCKETS,
  )
  const durations = registry.histogram(
    'coredns_kubernetes_rest_client_request_duration_seconds',
    'Request latency in seconds. Broken down by verb and host.',
    ['verb', 'host'],
    REQUEST_BUCKETS,
  )
  const waits = registry.histogram(
    'coredns_kubernetes_rest_client_rate_limiter_duration_seconds',
    'Client side rate limiter latency in seconds. Broken down by verb and host.',
    ['verb', 'host'],
    REQUEST_BUCKETS,
  )
  const requests = registry.counter(
    'coredns_kubernetes_rest_client_requests_total',
    'Number of HTTP requests, partitioned by status code, method, and host.',
    ['code', 'method', 'host'],
  )
  const age = registry.gauge(
    'kubezone_kubernetes_watch_age_seconds',
    'Seconds since the API was last heard of for a resource.',
    ['resource'],
  )
  const connected = registry.gauge(
    'kubezone_kubernetes_watch_connected',
    'Whether the watch of a resource is connected.',
    ['resource'],
  )
  const relists = registry.gauge('kubezone_kubernetes_relists', 'Complete lists after the first.', ['resource'])
  return {
    observer: {
      requestDone: (verb, host, seconds) => durations.cell([verb, host]).observe(seconds),
      requestCounted: (code, method, host) => requests.cell([code, method, host]).inc(),
      rateLimited: (verb, host, seconds) => waits.cell([verb, host]).observe(seconds),
    },
    onProgrammed: (kind, seconds) => programming.cell([kind]).observe(seconds),
    follow(resource, status) {
      const hides = [
        age.track([resource], () => (Number.isNaN(status.lastHeardMs) ? 0 : (Date.now() - status.lastHeardMs) / 1000)),
        connected.track([resource], () => (status.connected ? 1 : 0)),
        relists.track([resource], () => status.relists),
      ]
      return () => {
        for (const hide of hides) hide()
      }
    },
  }
}
