// The watches that one `kubernetes` directive keeps.

import type { Log } from '../../watch/outage.ts'
import { type Clock, SYSTEM_CLOCK } from '../../watch/clock.ts'
import type { ApiConnection, RequestObserver } from '../../watch/connection.ts'
import type { ApiDefaults, ControlContext } from '../../server/plugin.ts'
import { connectEndpoint } from '../../watch/endpoint.ts'
import { connectInCluster } from '../../watch/incluster.ts'
import type { KubeconfigOptions } from '../../watch/kubeconfig.ts'
import { Lineage } from '../../watch/lineage.ts'
import { podStore } from '../../watch/pods.ts'
import { Reflector } from '../../watch/reflector.ts'
import { ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, SERVICE_IMPORTS } from '../../watch/resource.ts'
import { type SlimService, type SlimServiceImport, slimEndpointSlice, slimPod } from '../../watch/slim.ts'
import { type Sink, Store } from '../../watch/store.ts'
import { importedService } from '../../records/import.ts'
import type { KubernetesOptions } from './options.ts'
import type { Publisher } from './publisher.ts'

/** Pods that have ended keep their address in the API, and another Pod may have it by then. */
const LIVING_PODS = 'status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown'

/** What is common to the reflectors of all resources. */
type Watch = Pick<Reflector<never>, 'start' | 'stop' | 'status'>

/** Opens the way to the API: what the directive names, else what the process was started with, else the Pod's service account. */
export function connect(
  options: KubernetesOptions,
  defaults: ApiDefaults,
  userAgent: string,
  observer: RequestObserver,
): Promise<ApiConnection> {
  const common = { limits: options.limits, observer, userAgent }
  if (options.kubeconfig !== undefined) {
    return connectFile({ ...common, file: options.kubeconfig, context: options.context })
  }
  if (options.endpoint !== undefined) {
    return connectEndpoint({ ...common, endpoint: options.endpoint, tls: options.tls })
  }
  if (defaults.kubeconfig !== undefined) return connectFile({ ...common, file: defaults.kubeconfig })
  if (defaults.endpoint !== undefined) return connectEndpoint({ ...common, endpoint: defaults.endpoint })
  return connectInCluster(common)
}

/** A server in a cluster needs none of what this loads. */
async function connectFile(options: KubeconfigOptions): Promise<ApiConnection> {
  const { connectKubeconfig } = await import('../../watch/kubeconfig.ts')
  return connectKubeconfig(options)
}

/** Who publishes what the watches bring. */
export interface Publishers {
  readonly cluster: Publisher
  /** For the zones of `multicluster`. */
  readonly clusterSet: Publisher | undefined
}

/** `labels` are those of Pods that are kept. */
export function openWatches(
  connection: ApiConnection,
  options: Pick<KubernetesOptions, 'labels' | 'namespaceLabels' | 'noEndpoints' | 'pods' | 'topology'>,
  { cluster, clusterSet }: Publishers,
  labels: readonly string[],
  { log, brace }: { readonly log: Log; readonly brace: ControlContext['brace'] },
  clock: Clock = SYSTEM_CLOCK,
): Map<string, Watch> {
  const { topology } = options
  const lineage = new Lineage(connection, log)
  const common = { connection, log, lineage, clock, onList: brace }
  const labelled = { ...common, labelSelector: options.labels }
  const watches = new Map<string, Watch>()
  watches.set(SERVICES.name, new Reflector({ ...labelled, resource: SERVICES, keeper: new Store(cluster.services) }))
  const namespaces = lineage.listen(fanOut(cluster.namespaces, clusterSet?.namespaces))
  watches.set(
    NAMESPACES.name,
    new Reflector({
      ...common,
      resource: NAMESPACES,
      keeper: new Store(namespaces),
      labelSelector: options.namespaceLabels,
    }),
  )
  if (!options.noEndpoints) {
    const sink = fanOut(cluster.slices, clusterSet?.slices)
    const keeper = new Store(sink)
    const resource = { ...ENDPOINT_SLICES, convert: (object: unknown) => slimEndpointSlice(object, { topology }) }
    watches.set(ENDPOINT_SLICES.name, new Reflector({ ...labelled, resource, keeper }))
  }
  if (options.pods === 'verified') {
    const extras = { labels, topology }
    const keeper = podStore(fanOut(cluster.pods, clusterSet?.pods), extras)
    cluster.keepPods(keeper)
    clusterSet?.keepPods(keeper)
    const resource = { ...PODS, convert: (object: unknown) => slimPod(object, extras) }
    watches.set(PODS.name, new Reflector({ ...labelled, resource, keeper, fieldSelector: LIVING_PODS }))
  }
  if (clusterSet) {
    const sink = importSink(clusterSet.services)
    const keeper = new Store(sink)
    watches.set(SERVICE_IMPORTS.name, new Reflector({ ...common, resource: SERVICE_IMPORTS, keeper }))
  }
  return watches
}

/** Tells both; a failure of the first does not keep the change from the second. */
function fanOut<T>(first: Sink<T>, second: Sink<T> | undefined): Sink<T> {
  if (!second) return first
  return {
    changed(before, after) {
      try {
        first.changed(before, after)
      } finally {
        second.changed(before, after)
      }
    },
    listed() {
      first.listed()
      second.listed()
    },
  }
}

const importSink = (services: Sink<SlimService>): Sink<SlimServiceImport> => ({
  changed: (before, after) => services.changed(before && importedService(before), after && importedService(after)),
  listed: () => services.listed(),
})
