// The metrics of the plugin, by CoreDNS's names, and what CoreDNS does not tell: how old the plugin's knowledge is.

import type { Counter } from '../../metrics/cell.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { RequestObserver } from '../../watch/connection.ts'
import type { WatchStatus } from '../../watch/status.ts'
import type { ServiceKind } from './triggers.ts'

/** 1 ms to about 9 minutes. */
const PROGRAMMING_BUCKETS = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i)
/** The Prometheus client's defaults, which client-go's metrics have. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface WatchMetric {
  readonly name: string
  readonly help: string
  readonly read: (status: WatchStatus) => number
}

/** 0 before the first, as the process's own metrics have it. */
const seconds = (ms: number): number => (Number.isNaN(ms) ? 0 : ms / 1000)

/** Of each resource: is what it knows new, and if not, since when and why. */
const WATCH_METRICS: readonly WatchMetric[] = [
  {
    name: 'kubezone_kubernetes_watch_connected',
    help: 'Whether the watch of a resource is connected.',
    read: ({ connected }) => (connected ? 1 : 0),
  },
  {
    name: 'kubezone_kubernetes_watch_age_seconds',
    help: 'Seconds since the API was last heard of for a resource.',
    read: ({ lastHeardMs }) => (Number.isNaN(lastHeardMs) ? 0 : (Date.now() - lastHeardMs) / 1000),
  },
  {
    name: 'kubezone_kubernetes_watch_last_event_timestamp_seconds',
    help: 'When the last change of a resource was told, since 1970; 0 before the first.',
    read: ({ lastEventMs }) => seconds(lastEventMs),
  },
  {
    name: 'kubezone_kubernetes_watch_last_bookmark_timestamp_seconds',
    help: 'When the last bookmark of a watch came, since 1970; 0 before the first.',
    read: ({ lastBookmarkMs }) => seconds(lastBookmarkMs),
  },
  {
    name: 'kubezone_kubernetes_watch_resource_version',
    help: 'The version up to which everything is known; 0 while a list is needed.',
    read: ({ resourceVersion }) => Number(resourceVersion),
  },
  {
    name: 'kubezone_kubernetes_watch_reconnects_total',
    help: 'Watches opened in the place of one that has ended.',
    read: ({ reconnects }) => reconnects,
  },
  {
    name: 'kubezone_kubernetes_watch_relists_total',
    help: 'Complete lists after the first.',
    read: ({ relists }) => relists,
  },
  {
    name: 'kubezone_kubernetes_watch_errors_total',
    help: 'Failed attempts to list or watch a resource, and events that could not be taken.',
    read: ({ errors }) => errors,
  },
  {
    name: 'kubezone_kubernetes_watch_received_bytes_total',
    help: 'Octets of the lists and watches of a resource.',
    read: ({ receivedBytes }) => receivedBytes,
  },
]

export interface KubernetesMetrics {
  readonly observer: RequestObserver
  readonly onProgrammed: (kind: ServiceKind, seconds: number) => void
  snapshot(file: string): SnapshotCounts
  /** Shows how a watch is, until the function that it returns is called. */
  follow(resource: string, status: WatchStatus): () => void
}

/** Of one file. */
export interface SnapshotCounts {
  readonly writes: Counter
  readonly failures: Counter
  /** Shows how old it is, where it is answered from, until the function that it returns is called. */
  followAge(read: () => number): () => void
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
  const watched = WATCH_METRICS.map(({ name, help, read }) => {
    const family = name.endsWith('_total')
      ? registry.counter(name, help, ['resource'])
      : registry.gauge(name, help, ['resource'])
    return { family, read }
  })
  const snapshotAge = registry.gauge(
    'kubezone_kubernetes_snapshot_age_seconds',
    'Age of the snapshot that is answered from; 0 when the API has been heard.',
    ['file'],
  )
  const snapshotWrites = registry.counter('kubezone_kubernetes_snapshot_writes_total', 'Snapshots written.', ['file'])
  const snapshotFailures = registry.counter(
    'kubezone_kubernetes_snapshot_write_failures_total',
    'Snapshots that could not be written.',
    ['file'],
  )
  return {
    snapshot: file => ({
      writes: snapshotWrites.cell([file]),
      failures: snapshotFailures.cell([file]),
      followAge: read => snapshotAge.track([file], read),
    }),
    observer: {
      requestDone: (verb, host, seconds) => durations.cell([verb, host]).observe(seconds),
      requestCounted: (code, method, host) => requests.cell([code, method, host]).inc(),
      rateLimited: (verb, host, seconds) => waits.cell([verb, host]).observe(seconds),
    },
    onProgrammed: (kind, seconds) => programming.cell([kind]).observe(seconds),
    follow(resource, status) {
      const hides = watched.map(({ family, read }) => family.track([resource], () => read(status)))
      return () => {
        for (const hide of hides) hide()
      }
    },
  }
}
