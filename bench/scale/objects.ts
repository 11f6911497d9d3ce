// A large cluster, object by object, with as much in each as a real one has.

import type { ApiObject } from '../../src/fakeapi/object.ts'

export interface Size {
  readonly services: number
  readonly endpointsEach: number
  /** The endpoints are the first of them. */
  readonly pods: number
}

/** The largest cluster that Kubernetes is tested with (kubernetes.io/docs/setup/best-practices/cluster-large). */
export const LARGE: Size = { services: 10_000, endpointsEach: 10, pods: 150_000 }
/** A cluster that only a few have. */
export const USUAL: Size = { services: 5_000, endpointsEach: 4, pods: 20_000 }

const SERVICES_IN_NAMESPACE = 50
/** One in so many is headless. */
export const HEADLESS_EVERY = 10
const NODES = 5_000
const CREATED = '2026-01-01T00:00:00Z'

export const namespaceOf = (service: number): string => `team-${Math.floor(service / SERVICES_IN_NAMESPACE)}`
const nodeOf = (pod: number): string => `ip-10-0-${(pod % NODES) >> 8}-${(pod % NODES) & 255}.compute.internal`
export const podAddress = (pod: number): string => `10.${128 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`
/** Of the Deployment of a Service; Pods beyond the endpoints belong to Jobs. */
const ownerOf = ({ services, endpointsEach }: Size, pod: number): { namespace: string; app: string } => {
  const service = Math.floor(pod / endpointsEach)
  if (service < services) return { namespace: namespaceOf(service), app: `service-${service}` }
  return { namespace: namespaceOf(pod % services), app: `job-${pod}` }
}
const podName = (app: string, pod: number): string => `${app}-7d4b9c6f5-${pod.toString(36).padStart(5, '0')}`

/** The record that the API keeps of who wrote what; about a third of an object. */
const managed = (manager: string, fields: string): unknown[] => [
  {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time: CREATED,
    fieldsType: 'FieldsV1',
    fieldsV1: JSON.parse(fields),
  },
]
const withFields = (managedFields: unknown[], metadata: ApiObject['metadata']): ApiObject['metadata'] =>
  Object.assign(metadata, { managedFields })
const SERVICE_FIELDS = '{"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\\"port\\":80}":{}},"f:type":{}}}'
const SLICE_FIELDS =
  '{"f:addressType":{},"f:endpoints":{},"f:metadata":{"f:annotations":{".":{},"f:endpoints.kubernetes.io/last-change-trigger-time":{}},"f:generateName":{},"f:labels":{".":{},"f:app":{},"f:endpointslice.kubernetes.io/managed-by":{},"f:kubernetes.io/service-name":{}},"f:ownerReferences":{".":{},"k:{\\"uid\\":\\"7d9c3f5e-2b4a-4c6d-8e1f-000000000000\\"}":{}}},"f:ports":{}}'
const POD_FIELDS =
  '{"f:metadata":{"f:labels":{".":{},"f:app":{},"f:pod-template-hash":{}}},"f:spec":{"f:containers":{"k:{\\"name\\":\\"app\\"}":{".":{},"f:env":{".":{},"k:{\\"name\\":\\"PORT\\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:imagePullPolicy":{},"f:livenessProbe":{".":{},"f:httpGet":{}},"f:name":{},"f:resources":{".":{},"f:limits":{},"f:requests":{}}}},"f:dnsPolicy":{},"f:restartPolicy":{},"f:schedulerName":{}}}'

export function serviceOf(number: number): ApiObject {
  const address = number + 256
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: withFields(managed('helm', SERVICE_FIELDS), {
      name: `service-${number}`,
      namespace: namespaceOf(number),
      labels: { app: `service-${number}`, 'app.kubernetes.io/managed-by': 'Helm' },
    }),
    spec: {
      clusterIP: number % HEADLESS_EVERY === 0 ? 'None' : `10.96.${address >> 8}.${address & 255}`,
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
      selector: { app: `service-${number}` },
    },
  }
}

/** All its endpoints are ready but the one with the number `unready`. */
export function sliceOf(size: Size, number: number, unready?: number): ApiObject {
  const name = `service-${number}`
  const namespace = namespaceOf(number)
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: withFields(managed('kube-controller-manager', SLICE_FIELDS), {
      name: `${name}-x7k2p`,
      generateName: `${name}-`,
      namespace,
      labels: {
        app: name,
        'kubernetes.io/service-name': name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': CREATED },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid: uidOf(0), controller: true }],
    }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: size.endpointsEach }, (_, i) => {
      const pod = number * size.endpointsEach + i
      return {
        addresses: [podAddress(pod)],
        conditions: { ready: i !== unready, serving: true, terminating: false },
        nodeName: nodeOf(pod),
        zone: `zone-${pod % 3}`,
        targetRef: { kind: 'Pod', name: podName(name, pod), namespace, uid: uidOf(pod) },
      }
    }),
  }
}

const uidOf = (pod: number): string => `7d9c3f5e-2b4a-4c6d-8e1f-${pod.toString(16).padStart(12, '0')}`

export function podOf(size: Size, pod: number): ApiObject {
  const { namespace, app } = ownerOf(size, pod)
  const resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } }
  const condition = (type: string): object => ({
    type,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: CREATED,
    observedGeneration: 1,
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: withFields([...managed('kube-controller-manager', POD_FIELDS), ...managed('kubelet', POD_FIELDS)], {
      name: podName(app, pod),
      generateName: `${app}-7d4b9c6f5-`,
      namespace,
      uid: uidOf(pod),
      labels: { app, 'pod-template-hash': '7d4b9c6f5' },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-7d4b9c6f5`, uid: uidOf(0), controller: true },
      ],
    }),
    spec: {
      nodeName: nodeOf(pod),
      containers: [
        {
          name: 'app',
          image: `registry.example.com/team/${app}:1.2.3`,
          env: [{ name: 'PORT', value: '8080' }],
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          resources,
          livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10 },
          volumeMounts: [
            { name: 'kube-api-access', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          ],
        },
      ],
      tolerations: ['not-ready', 'unreachable'].map(key => ({
        key: `node.kubernetes.io/${key}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
    status: {
      phase: 'Running',
      conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
        condition,
      ),
      hostIP: '10.0.0.1',
      podIP: podAddress(pod),
      podIPs: [{ ip: podAddress(pod) }],
      startTime: CREATED,
      containerStatuses: [
        {
          name: 'app',
          ready: true,
          restartCount: 0,
          image: `registry.example.com/team/${app}:1.2.3`,
          imageID: `registry.example.com/team/${app}@sha256:${'3f'.repeat(32)}`,
          containerID: `containerd://${'5a'.repeat(32)}`,
          state: { running: { startedAt: CREATED } },
        },
      ],
      qosClass: 'Burstable',
    },
  }
}

export function* objectsOf(size: Size): Generator<ApiObject> {
  for (let i = 0; i < size.services; i += SERVICES_IN_NAMESPACE) {
    yield { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespaceOf(i) } }
  }
  for (let i = 0; i < size.services; i++) {
    yield serviceOf(i)
    yield sliceOf(size, i)
  }
  for (let i = 0; i < size.pods; i++) yield podOf(size, i)
}

export const nameOf = (service: number): string => `service-${service}.${namespaceOf(service)}.svc.cluster.local`
export const podNameOf = (size: Size, pod: number): string =>
  `${podAddress(pod).replaceAll('.', '-')}.${ownerOf(size, pod).namespace}.pod.cluster.local`
