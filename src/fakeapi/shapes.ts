import type { IpFamily } from './address.ts'
import type { ApiObject, ObjectMeta } from './object.ts'

// The fields of each kind that admission and the controllers look at. What is not named here is carried along untouched.
// Admission has checked the types of these fields before an object is stored, so that reading one through its shape is safe.

export interface ServicePort {
  name?: string
  protocol?: string
  port: number
  targetPort?: number | string
  nodePort?: number
  appProtocol?: string
}

export interface ServiceSpec {
  type?: string
  clusterIP?: string
  clusterIPs?: string[]
  ipFamilies?: IpFamily[]
  ipFamilyPolicy?: string
  selector?: Record<string, string>
  ports?: ServicePort[]
  externalName?: string
  externalIPs?: string[]
  externalTrafficPolicy?: string
  internalTrafficPolicy?: string
  trafficDistribution?: string
  healthCheckNodePort?: number
  sessionAffinity?: string
  sessionAffinityConfig?: { clientIP?: { timeoutSeconds?: number } }
  publishNotReadyAddresses?: boolean
  allocateLoadBalancerNodePorts?: boolean
  loadBalancerIP?: string
  loadBalancerClass?: string
  loadBalancerSourceRanges?: string[]
}

export interface LoadBalancerIngress {
  ip?: string
  hostname?: string
  ipMode?: string
}

export interface Service extends ApiObject {
  spec: ServiceSpec
  status?: { loadBalancer?: { ingress?: LoadBalancerIngress[] } }
}

export interface ObjectReference {
  kind?: string
  namespace?: string
  name?: string
  uid?: string
}

/** A port of an EndpointSlice or of a subset of Endpoints. */
export interface EndpointPort {
  name?: string
  port?: number
  protocol?: string
  appProtocol?: string
}

export interface Endpoint {
  addresses: string[]
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
  hostname?: string
  nodeName?: string
  zone?: string
  targetRef?: ObjectReference
}

export interface EndpointSlice extends ApiObject {
  addressType: string
  endpoints: Endpoint[]
  ports?: EndpointPort[]
}

export interface EndpointAddress {
  ip: string
  hostname?: string
  nodeName?: string
  targetRef?: ObjectReference
}

export interface EndpointSubset {
  addresses?: EndpointAddress[]
  notReadyAddresses?: EndpointAddress[]
  ports?: EndpointPort[]
}

export interface Endpoints extends ApiObject {
  subsets?: EndpointSubset[]
}

export interface ContainerPort {
  name?: string
  containerPort: number
  hostPort?: number
  protocol?: string
}

export interface Resources {
  requests?: Record<string, unknown>
  limits?: Record<string, unknown>
}

export interface Container {
  name: string
  image?: string
  restartPolicy?: string
  ports?: ContainerPort[]
  resources?: Resources
}

export interface PodSpec {
  containers?: Container[]
  initContainers?: Container[]
  hostname?: string
  subdomain?: string
  nodeName?: string
  hostNetwork?: boolean
  restartPolicy?: string
  dnsPolicy?: string
  terminationGracePeriodSeconds?: number
}

export interface Condition {
  type: string
  status: string
  lastTransitionTime?: string
  lastUpdateTime?: string
  reason?: string
  message?: string
}

export interface PodStatus {
  phase?: string
  podIP?: string
  podIPs?: { ip: string }[]
  hostIP?: string
  qosClass?: string
  startTime?: string
  conditions?: Condition[]
  [field: string]: unknown
}

export interface Pod extends ApiObject {
  spec: PodSpec
  status?: PodStatus
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>
  spec: PodSpec
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

export interface WorkloadSpec {
  replicas?: number
  selector?: LabelSelector
  template: PodTemplate
  paused?: boolean
  revisionHistoryLimit?: number
  strategy?: { type?: string; rollingUpdate?: Record<string, unknown> }
  // The rest is of StatefulSets.
  serviceName?: string
  podManagementPolicy?: string
  ordinals?: { start?: number }
  updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } }
}

/** Deployment, ReplicaSet and StatefulSet, as far as they are alike. */
export interface Workload extends ApiObject {
  spec: WorkloadSpec
  status?: Record<string, unknown> & { conditions?: Condition[] }
}

export interface Node extends ApiObject {
  spec?: { unschedulable?: boolean; podCIDRs?: string[] }
  status?: { addresses?: { type: string; address: string }[] }
}

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None'
}

export function matchesLabels(selector: Record<string, string>, labels: Record<string, string> | undefined): boolean {
  for (const key in selector) {
    if (labels?.[key] !== selector[key]) return false
  }
  return true
}

export function matchesSelector(selector: LabelSelector, labels: Record<string, string> | undefined): boolean {
  if (!matchesLabels(selector.matchLabels ?? {}, labels)) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels?.[key]
    if (operator === 'In') return value !== undefined && values.includes(value)
    if (operator === 'NotIn') return value === undefined || !values.includes(value)
    if (operator === 'Exists') return value !== undefined
    return value === undefined
  })
}
