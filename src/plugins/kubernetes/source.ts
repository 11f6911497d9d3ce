// The watches that one `kubernetes` directive keeps.

import type { Log } from '../../watch/reflector.ts'
import type { ApiConnection, RequestObserver } from '../../watch/connection.ts'
import type { ApiDefaults } from '../../server/plugin.ts'
import { connectEndpoint } from '../../watch/endpoint.ts'
import { connectInCluster } from '../../watch/incluster.ts'
import { connectKubeconfig } from '../../watch/kubeconfig.ts'
import { Reflector } from '../../watch/reflector.ts'
import { ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES } from '../../watch/resource.ts'
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
    return connectKubeconfig({ ...common, file: options.kubeconfig, context: options.context })
  }
  if (options.endpoint !== undefined) {
    return connectEndpoint({ ...common, endpoint: options.endpoint, tls: options.tls })
  }
  if (defaults.kubeconfig !== undefined) return connectKubeconfig({ ...common, file: defaults.kubeconfig })
  if (defaults.endpoint !== undefined) return connectEndpoint({ ...common, endpoint: defaults.endpoint })
  return connectInCluster(common)
}

/** Names of the resources that these options watch. */
export function watchedResources(options: KubernetesOptions): string[] {
  const names = [SERVICES.name, NAMESPACES.name]
  if (!options.noEndpoints) names.push(ENDPOINT_SLICES.name)
  if (options.pods === 'verified') names.push(PODS.name)
  return names
}

export function openWatches(
  connection: ApiConnection,
  options: KubernetesOptions,
  publisher: Publisher,
  log: Log,
): Map<string, Watch> {
  const common = { connection, log }
  const labelled = { ...common, labelSelector: options.labels }
  const watches = new Map<string, Watch>()
  watches.set(SERVICES.name, new Reflector({ ...labelled, resource: SERVICES, sink: publisher.services }))
  const namespaces = { ...common, resource: NAMESPACES, sink: publisher.namespaces }
  watches.set(NAMESPACES.name, new Reflector({ ...namespaces, labelSelector: options.namespaceLabels }))
  if (!options.noEndpoints) {
    watches.set(ENDPOINT_SLICES.name, new Reflector({ ...labelled, resource: ENDPOINT_SLICES, sink: publisher.slices }))
  }
  if (options.pods === 'verified') {
    const pods = { ...labelled, resource: PODS, sink: publisher.pods, fieldSelector: LIVING_PODS }
    watches.set(PODS.name, new Reflector(pods))
  }
  return watches
}
