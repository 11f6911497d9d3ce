// What is kept of an object of the API: the fields that DNS is made from, and those that say which object it was.
// Everything else (managedFields, annotations, templates) is dropped as the line streams by. Add no field that nobody
// reads: each costs memory for every object of the cluster.

import { makeEndpoint, packEndpoints } from './endpoints.ts'
import { intern } from './intern.ts'
import { frozenArray, isObject, type JsonObject, objectOf, stringOf, stringsOf, timeMsOf } from './json.ts'

export interface SlimMeta {
  /** `namespace/name`; the name alone when the object has no namespace. */
  readonly key: string
  /** '' when the object has none. */
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

export interface SlimServicePort {
  /** '' when the port has no name. */
  readonly name: string
  readonly port: number
  /** Upper case: `TCP`, `UDP`, `SCTP`. */
  readonly protocol: string
}

export interface SlimIngress {
  /** '' when it is a host name. */
  readonly ip: string
  /** '' when it is an address. */
  readonly hostname: string
}

export interface SlimService extends SlimMeta {
  /** `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`; whatever else a later version may bring. */
  readonly type: string
  /** Empty while none is allocated, and for ExternalName. */
  readonly clusterIPs: readonly string[]
  readonly headless: boolean
  readonly externalName: string
  readonly ports: readonly SlimServicePort[]
  readonly hasSelector: boolean
  readonly externalIPs: readonly string[]
  readonly loadBalancerIngress: readonly SlimIngress[]
  /** NaN when absent. */
  readonly creationTimestampMs: number
}

export interface SlimEndpoint {
  readonly addresses: readonly string[]
  /** '' when the pod has no host name of its own. */
  readonly hostname: string
  /** '' when the endpoint is not a Pod. */
  readonly podName: string
  readonly zone: string
  /** Where it was asked for. */
  readonly nodeName?: string
  /** The zones whose clients it is meant for (hints), where that was asked for; none when the API does not say. */
  readonly forZones?: readonly string[]
}

export interface SlimEndpointPort {
  readonly name: string
  /** -1 when it is absent, which means every port. */
  readonly port: number
  readonly protocol: string
}

export interface SlimEndpointSlice extends SlimMeta {
  /**
   * The name of its Service, from the label kubernetes.io/service-name; '' when the slice is not of a Service of this
   * cluster.
   */
  readonly service: string
  /**
   * From multicluster.kubernetes.io/service-name and source-cluster (KEP-1645): the ServiceImport that it is of, and
   * where it comes from.
   */
  readonly importedService: string
  readonly sourceCluster: string
  /** `IPv4`, `IPv6` or `FQDN`. */
  readonly addressType: string
  /** Only those that are ready. */
  readonly endpoints: readonly SlimEndpoint[]
  /** How many are not. */
  readonly notReady: number
  /** Those, where it was asked for. */
  readonly unready?: readonly SlimEndpoint[]
  readonly ports: readonly SlimEndpointPort[]
  /**
   * When the change began that this slice tells of (endpoints.kubernetes.io/last-change-trigger-time); NaN when absent.
   */
  readonly lastChangeTriggerTimeMs: number
}

export interface SlimNamespace extends SlimMeta {}

export interface SlimPod extends SlimMeta {
  /** None until it has one. */
  readonly podIPs: readonly string[]
  readonly deleting: boolean
  /** Those that were asked for and are there, by key. */
  readonly labels?: readonly (readonly [key: string, value: string])[]
  /** Where it was asked for; '' until it has one. */
  readonly nodeName?: string
}

/** What is kept of a slice beside what everybody needs. */
export interface SliceExtras {
  /** Which clients endpoints are meant for, and those that are not ready. */
  readonly topology: boolean
}

/** What is kept of a Pod beside what everybody needs. */
export interface PodExtras {
  /** Keys of labels. */
  readonly labels: readonly string[]
  /** Its node. */
  readonly topology: boolean
}

export interface SlimServiceImport extends SlimMeta {
  /** `ClusterSetIP` or `Headless`. */
  readonly type: string
  readonly ips: readonly string[]
  readonly ports: readonly SlimServicePort[]
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
const IMPORTED_SERVICE_LABEL = 'multicluster.kubernetes.io/service-name'
const SOURCE_CLUSTER_LABEL = 'multicluster.kubernetes.io/source-cluster'
const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time'

/** Each converter gives undefined for what is no object, or has no name to be held by. */
export function slimService(value: unknown): SlimService | undefined {
  const meta = slimMeta(value)
  if (meta === undefined) return undefined
  const object = value as JsonObject
  const spec = objectOf(object.spec)
  const clusterIPs = slimClusterIPs(spec)
  return Object.freeze({
    ...meta,
    type: intern(stringOf(spec.type) || 'ClusterIP'),
    clusterIPs,
    headless: clusterIPs[0] === 'None',
    externalName: stringOf(spec.externalName),
    ports: frozenArray(spec.ports, slimServicePort),
    hasSelector: Object.keys(objectOf(spec.selector)).length > 0,
    externalIPs: stringsOf(spec.externalIPs),
    loadBalancerIngress: frozenArray(objectOf(objectOf(object.status).loadBalancer).ingress, slimIngress),
    creationTimestampMs: timeMsOf(objectOf(object.metadata).creationTimestamp),
  })
}

export function slimEndpointSlice(value: unknown, extras?: SliceExtras): SlimEndpointSlice | undefined {
  const meta = slimMeta(value)
  if (meta === undefined) return undefined
  const object = value as JsonObject
  const metadata = objectOf(object.metadata)
  const labels = objectOf(metadata.labels)
  const isTopology = extras?.topology ?? false
  const unready: SlimEndpoint[] = []
  let notReady = 0
  const endpoints = frozenArray(object.endpoints, endpoint => {
    if (!isObject(endpoint)) return undefined
    // discovery.k8s.io/v1: a nil condition means "unknown", and "in most cases consumers should interpret this unknown
    // state as ready".
    if (objectOf(endpoint.conditions).ready !== false) return slimEndpoint(endpoint, isTopology)
    notReady++
    if (isTopology) unready.push(slimEndpoint(endpoint, isTopology))
    return undefined
  })
  // With `topology` each endpoint is held by who indexes it.
  const read = isTopology ? keep(endpoints) : packEndpoints(endpoints)
  const slice = Object.assign(new EndpointList(read), {
    ...meta,
    service: stringOf(labels[SERVICE_NAME_LABEL]),
    importedService: stringOf(labels[IMPORTED_SERVICE_LABEL]),
    sourceCluster: intern(stringOf(labels[SOURCE_CLUSTER_LABEL])),
    addressType: intern(stringOf(object.addressType)),
    notReady,
    ...(unready.length > 0 && { unready: Object.freeze(unready) }),
    ports: frozenArray(object.ports, slimEndpointPort),
    lastChangeTriggerTimeMs: timeMsOf(objectOf(metadata.annotations)[TRIGGER_TIME_ANNOTATION]),
  })
  return Object.freeze(slice)
}

/** A class, as an object with an accessor of its own takes 900 octets more. */
class EndpointList {
  readonly #read: () => readonly SlimEndpoint[]

  constructor(read: () => readonly SlimEndpoint[]) {
    this.#read = read
  }

  get endpoints(): readonly SlimEndpoint[] {
    return this.#read()
  }
}

/** A function of its own: one in there would hold all that is in there. */
const keep =
  <T>(value: T) =>
  (): T =>
    value

export function slimNamespace(value: unknown): SlimNamespace | undefined {
  const meta = slimMeta(value)
  return meta === undefined ? undefined : Object.freeze(meta)
}

export function slimPod(value: unknown, extras?: PodExtras): SlimPod | undefined {
  const meta = slimMeta(value)
  if (meta === undefined) return undefined
  const object = value as JsonObject
  const metadata = objectOf(object.metadata)
  const status = objectOf(object.status)
  const podIP = stringOf(status.podIP)
  const podIPs = frozenArray(status.podIPs, element => stringOf(objectOf(element).ip) || undefined)
  return Object.freeze({
    ...meta,
    podIPs: podIPs.length === 0 && podIP !== '' ? Object.freeze([podIP]) : podIPs,
    deleting: typeof metadata.deletionTimestamp === 'string',
    ...(extras?.topology && { nodeName: intern(stringOf(objectOf(object.spec).nodeName)) }),
    ...(extras && extras.labels.length > 0 && { labels: slimLabels(metadata.labels, extras.labels) }),
  })
}

export function slimServiceImport(value: unknown): SlimServiceImport | undefined {
  const meta = slimMeta(value)
  if (meta === undefined) return undefined
  const spec = objectOf((value as JsonObject).spec)
  return Object.freeze({
    ...meta,
    type: intern(stringOf(spec.type)),
    ips: stringsOf(spec.ips),
    ports: frozenArray(spec.ports, slimServicePort),
  })
}

function slimLabels(value: unknown, keys: readonly string[]): SlimPod['labels'] {
  const labels = objectOf(value)
  const found = keys.flatMap(key => {
    const text = Object.hasOwn(labels, key) ? labels[key] : undefined
    return typeof text === 'string' ? [Object.freeze([key, intern(text)] as const)] : []
  })
  return Object.freeze(found)
}

function slimMeta(value: unknown): SlimMeta | undefined {
  if (!isObject(value)) return undefined
  const metadata = objectOf(value.metadata)
  const name = stringOf(metadata.name)
  if (name === '') return undefined
  const namespace = intern(stringOf(metadata.namespace))
  return {
    key: namespace === '' ? name : `${namespace}/${name}`,
    namespace,
    name,
    uid: stringOf(metadata.uid),
    resourceVersion: stringOf(metadata.resourceVersion),
  }
}

/** clusterIP is the older field, and what servers before 1.20 have alone. */
function slimClusterIPs(spec: JsonObject): readonly string[] {
  const clusterIPs = stringsOf(spec.clusterIPs)
  const clusterIP = stringOf(spec.clusterIP)
  return clusterIPs.length === 0 && clusterIP !== '' ? Object.freeze([clusterIP]) : clusterIPs
}

function slimServicePort(value: unknown): SlimServicePort | undefined {
  const { name, port, protocol } = objectOf(value)
  if (!isPort(port)) return undefined
  return Object.freeze({ name: intern(stringOf(name)), port, protocol: slimProtocol(protocol) })
}

function slimEndpointPort(value: unknown): SlimEndpointPort | undefined {
  if (!isObject(value)) return undefined
  const { name, port, protocol } = value
  return Object.freeze({
    name: intern(stringOf(name)),
    port: isPort(port) ? port : -1,
    protocol: slimProtocol(protocol),
  })
}

function slimEndpoint(endpoint: JsonObject, isTopology: boolean): SlimEndpoint {
  const target = objectOf(endpoint.targetRef)
  const podName = target.kind === 'Pod' ? stringOf(target.name) : ''
  const slim = makeEndpoint(
    stringsOf(endpoint.addresses),
    stringOf(endpoint.hostname),
    podName,
    stringOf(endpoint.zone),
  )
  if (!isTopology) return slim
  const nodeName = intern(stringOf(endpoint.nodeName))
  return Object.freeze({ ...slim, nodeName, forZones: frozenArray(objectOf(endpoint.hints).forZones, slimZone) })
}

function slimZone(value: unknown): string | undefined {
  const name = stringOf(objectOf(value).name)
  return name === '' ? undefined : intern(name)
}

function slimIngress(value: unknown): SlimIngress | undefined {
  const { ip, hostname } = objectOf(value)
  const ingress = { ip: stringOf(ip), hostname: stringOf(hostname) }
  return ingress.ip === '' && ingress.hostname === '' ? undefined : Object.freeze(ingress)
}

function slimProtocol(protocol: unknown): string {
  return intern((stringOf(protocol) || 'TCP').toUpperCase())
}

function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65535
}
