// Services of a ClusterSet (KEP-1645): a ServiceImport has names like a Service of its own cluster.

import type { SlimService, SlimServiceImport } from '../watch/slim.ts'

/** The Service that a ServiceImport is like. */
export function importedService(serviceImport: SlimServiceImport): SlimService {
  const { type, ips, ports, ...meta } = serviceImport
  return {
    ...meta,
    type: 'ClusterIP',
    clusterIPs: ips,
    headless: type === 'Headless',
    externalName: '',
    ports,
    hasSelector: false,
    externalIPs: [],
    loadBalancerIngress: [],
    creationTimestampMs: Number.NaN,
  }
}
