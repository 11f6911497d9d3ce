// What the test puts into the cluster beside kubezone.

import { NAMESPACE } from './cluster.ts'

export interface Images {
  readonly kubezone: string
  /** With a shell, getent and dig, and dnsperf where it may be. */
  readonly glibc: string
  readonly busybox: string
}

/** What every external name under it is. */
export const UPSTREAM_ADDRESS = '192.0.2.53'

const UPSTREAM = `.:5353 {
    errors
    template IN A upstream.test {
        answer "{{ .Name }} 60 IN A ${UPSTREAM_ADDRESS}"
    }
    template ANY ANY upstream.test {
        rcode NOERROR
    }
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
`

const ports = (targetPort: number): object[] => [
  { name: 'dns', port: 53, protocol: 'UDP', targetPort },
  { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort },
]
const http = [{ name: 'http', port: 80 }]

function service(name: string, spec: object): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE }, spec }
}

/** A Pod that ends at once. */
export function pod(name: string, container: object, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', imagePullPolicy: 'IfNotPresent', ...container }],
      ...spec,
    },
  }
}

const SLEEP = ['sleep', '1000000']
const web = { app: 'web' }

export function objects({ kubezone, glibc, busybox }: Images): object[] {
  return [
    pod('glibc', { image: glibc, command: SLEEP }),
    pod('busybox', { image: busybox, command: SLEEP }),
    pod('asker', { image: kubezone, command: ['/bin/node', '-e', 'setInterval(() => {}, 1e9)'] }),
    pod(
      'node-local',
      { image: glibc, command: SLEEP },
      {
        dnsPolicy: 'None',
        dnsConfig: {
          nameservers: ['169.254.20.10'],
          searches: [`${NAMESPACE}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'],
          options: [{ name: 'ndots', value: '5' }],
        },
      },
    ),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'upstream', namespace: NAMESPACE },
      data: { Corefile: UPSTREAM },
    },
    pod(
      'upstream',
      {
        image: kubezone,
        args: ['-conf', '/etc/coredns/Corefile'],
        volumeMounts: [{ name: 'config', mountPath: '/etc/coredns' }],
      },
      { volumes: [{ name: 'config', configMap: { name: 'upstream' } }] },
    ),
    service('upstream', { selector: { app: 'upstream' }, ports: ports(5353) }),
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'web', namespace: NAMESPACE },
      spec: {
        serviceName: 'web',
        replicas: 2,
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: web },
        template: {
          metadata: { labels: web },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'main', image: busybox, imagePullPolicy: 'IfNotPresent', command: SLEEP }],
          },
        },
      },
    },
    service('web', { clusterIP: 'None', selector: web, ports: http }),
    service('web-vip', { selector: web, ports: http }),
    service('alias', { type: 'ExternalName', externalName: `web-vip.${NAMESPACE}.svc.cluster.local` }),
    service('outside', { type: 'ExternalName', externalName: 'www.upstream.test' }),
  ]
}
