import { isDeepStrictEqual } from 'node:util'
import { isHeadless } from '../shapes.ts'
import type { Service, ServicePort, ServiceSpec } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { validateClusterIps, validateIpAddress, validateUsableAddress } from './clusterip.ts'
import { validateLabels } from './metadata.ts'
import { checkLabel, checkPortName, checkPortNumber, checkQualifiedName, checkSubdomain } from './names.ts'

// Defaults and rules of a Service, after pkg/apis/core/{v1/defaults,validation/validation}.go and
// pkg/registry/core/service/strategy.go of Kubernetes 1.36.

const SERVICE_TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'] as const
const TRAFFIC_POLICIES = ['Cluster', 'Local'] as const
const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'] as const
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'] as const

const DEFAULT_AFFINITY_SECONDS = 10_800
const MAX_AFFINITY_SECONDS = 86_400

/** Fills in, in place, what Kubernetes fills in without looking at other objects. */
export function defaultService(service: Service): void {
  const spec = (service.spec ??= {})
  dropEmpty(spec)
  spec.type ??= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: DEFAULT_AFFINITY_SECONDS } }
  }
  for (const port of spec.ports ?? []) {
    if (!port.protocol) port.protocol = 'TCP'
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port
    if (port.name === '') delete port.name
    if (port.nodePort === 0) delete port.nodePort
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ??= 'Cluster'
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
      if (ingress.ip) ingress.ipMode ??= 'VIP'
    }
  }
  service.status ??= { loadBalancer: {} }
}

/**
 * Takes from the old Service what was allocated for it and the client did not send back, and drops what the new type has no use
 * for, unless the client changed it too (then it is an error of the client, and validation says so).
 */
export function carryOver(service: Service, old: Service): void {
  const { spec } = service
  const before = old.spec
  if (needsClusterIp(spec)) {
    const sent = spec.clusterIPs ?? before.clusterIPs
    if (needsClusterIp(before) && before.clusterIP !== undefined) spec.clusterIP ??= before.clusterIP
    // A client that knows only clusterIP changed it: clusterIPs follows.
    const isFollowing = spec.clusterIP !== before.clusterIP && isDeepStrictEqual(sent, before.clusterIPs)
    if (isFollowing && spec.clusterIP !== undefined) spec.clusterIPs = [spec.clusterIP]
    else if (sent !== undefined) spec.clusterIPs = [...sent]
  } else if (needsClusterIp(before)) {
    if (spec.clusterIP === before.clusterIP && isDeepStrictEqual(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP
      delete spec.clusterIPs
    }
    if (isDeepStrictEqual(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy
  }
  carryNodePorts(spec, before)
  if (needsHealthCheck(before) && needsHealthCheck(spec)) {
    if (before.healthCheckNodePort !== undefined) spec.healthCheckNodePort ??= before.healthCheckNodePort
  } else if (needsHealthCheck(before) && spec.healthCheckNodePort === before.healthCheckNodePort) {
    delete spec.healthCheckNodePort
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts
    }
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass
    service.status = { loadBalancer: {} }
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) {
    if (spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy
  }
}

/** Everything but what the allocators know: which addresses and node ports exist and are free. */
export function validateService(service: Service, old: Service | undefined, causes: Causes): void {
  const { spec } = service
  if (!spec.ports?.length && !isHeadless(spec) && spec.type !== 'ExternalName') causes.required('spec.ports')
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec)) {
    causes.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)
  }
  if (spec.type === 'ExternalName') validateExternalName(spec, causes)
  validatePorts(spec, causes)
  validateLabels(spec.selector, 'spec.selector', causes)
  validateAffinity(spec, causes)
  validateClusterIps(spec, old?.spec, causes)
  for (const [i, ip] of (spec.externalIPs ?? []).entries()) {
    const field = `spec.externalIPs[${i}]`
    if (old?.spec.externalIPs?.includes(ip) || validateIpAddress(field, ip, causes)) {
      validateUsableAddress(field, ip, causes)
    }
  }
  if (!(SERVICE_TYPES as readonly string[]).includes(spec.type ?? '')) {
    causes.notSupported('spec.type', spec.type, SERVICE_TYPES)
  }
  validateLoadBalancer(spec, old?.spec, causes)
  validateTraffic(spec, old?.spec, causes)
}

export function validateServiceStatus(service: Service, causes: Causes): void {
  const ingress = service.status?.loadBalancer?.ingress ?? []
  const field = 'status.loadBalancer.ingress'
  if (service.spec.type !== 'LoadBalancer' && ingress.length > 0) {
    causes.forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")
    return
  }
  for (const [i, { ip, hostname, ipMode }] of ingress.entries()) {
    if (ip) validateIpAddress(`${field}[${i}].ip`, ip, causes)
    if (ipMode !== undefined && !ip) {
      causes.forbidden(`${field}[${i}].ipMode`, 'may not be specified when `ip` is not set')
    } else if (ipMode !== undefined && ipMode !== 'VIP' && ipMode !== 'Proxy') {
      causes.notSupported(`${field}[${i}].ipMode`, ipMode, ['Proxy', 'VIP'])
    }
    if (hostname) causes.invalid(`${field}[${i}].hostname`, hostname, checkSubdomain(hostname))
  }
}

export function needsNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer'
}

export function needsHealthCheck(spec: ServiceSpec): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
}

function needsClusterIp(spec: ServiceSpec): boolean {
  return spec.type !== 'ExternalName'
}

function isExternallyAccessible(spec: ServiceSpec): boolean {
  return needsNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)
}

// In Go the empty string, 0 and the empty list of these fields are the same as the absent field.
function dropEmpty(spec: ServiceSpec): void {
  const fields = ['type', 'clusterIP', 'sessionAffinity', 'externalTrafficPolicy', 'healthCheckNodePort'] as const
  for (const field of fields) {
    if (!spec[field]) delete spec[field]
  }
  if (spec.clusterIPs?.length === 0) delete spec.clusterIPs
  if (spec.ipFamilies?.length === 0) delete spec.ipFamilies
}

function carryNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  if (!needsNodePorts(before)) return
  const asked = (spec.ports ?? []).flatMap(port => port.nodePort ?? [])
  if (needsNodePorts(spec)) {
    const free = new Map((before.ports ?? []).map(port => [port.name, port.nodePort]))
    for (const port of spec.ports ?? []) {
      const nodePort = free.get(port.name)
      if (port.nodePort === undefined && nodePort !== undefined && !asked.includes(nodePort)) port.nodePort = nodePort
    }
    return
  }
  const had = new Set((before.ports ?? []).map(port => port.nodePort))
  if (asked.every(nodePort => had.has(nodePort))) {
    for (const port of spec.ports ?? []) delete port.nodePort
  }
}

function validateExternalName(spec: ServiceSpec, causes: Causes): void {
  for (const field of ['clusterIPs', 'ipFamilies'] as const) {
    if (spec[field]?.length) causes.forbidden(`spec.${field}`, 'may not be set for ExternalName services')
  }
  if (spec.ipFamilyPolicy) causes.forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services')
  const name = spec.externalName?.replace(/\.$/, '') ?? ''
  if (name === '') causes.required('spec.externalName')
  else causes.invalid('spec.externalName', name, checkSubdomain(name))
}

function validatePorts(spec: ServiceSpec, causes: Causes): void {
  const ports = spec.ports ?? []
  const names = new Set<string>()
  const numbers = new Set<string>()
  const nodePorts = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const at = `spec.ports[${i}]`
    validatePort(port, at, ports.length > 1, causes)
    if (port.name !== undefined) {
      if (names.has(port.name)) causes.duplicate(`${at}.name`, port.name)
      names.add(port.name)
    }
    const number = `${port.protocol} ${port.port}`
    if (numbers.has(number)) causes.duplicate(at, duplicatePort(port))
    numbers.add(number)
    if (port.nodePort === undefined) continue
    if (spec.type === 'ClusterIP') {
      causes.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")
    }
    const nodePort = `${port.protocol} ${port.nodePort}`
    if (nodePorts.has(nodePort)) causes.duplicate(`${at}.nodePort`, port.nodePort)
    nodePorts.add(nodePort)
  }
}

// The API writes its own struct here, with only the fields that it compares.
function duplicatePort({ protocol, port }: ServicePort): unknown {
  return { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }
}

function validatePort(port: ServicePort, at: string, isNameNeeded: boolean, causes: Causes): void {
  if (port.name !== undefined) causes.invalid(`${at}.name`, port.name, checkLabel(port.name))
  else if (isNameNeeded) causes.required(`${at}.name`)
  causes.invalid(`${at}.port`, port.port ?? 0, checkPortNumber(port.port ?? 0))
  validateProtocol(port.protocol, `${at}.protocol`, causes)
  const target = port.targetPort ?? 0
  const check = typeof target === 'number' ? checkPortNumber(target) : checkPortName(target)
  causes.invalid(`${at}.targetPort`, target, check)
  if (port.appProtocol !== undefined) {
    causes.invalid(`${at}.appProtocol`, port.appProtocol, checkQualifiedName(port.appProtocol))
  }
}

export function validateProtocol(protocol: string | undefined, field: string, causes: Causes): void {
  if (!protocol) causes.required(field)
  else if (!(PROTOCOLS as readonly string[]).includes(protocol)) causes.notSupported(field, protocol, PROTOCOLS)
}

function validateAffinity(spec: ServiceSpec, causes: Causes): void {
  if (spec.sessionAffinity === 'None') return
  if (spec.sessionAffinity !== 'ClientIP') {
    causes.notSupported('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])
    return
  }
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 0
  if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
    const range = `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`
    causes.invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, range)
  }
}

function validateLoadBalancer(spec: ServiceSpec, before: ServiceSpec | undefined, causes: Causes): void {
  const only = "may only be used when `type` is 'LoadBalancer'"
  const isLoadBalancer = spec.type === 'LoadBalancer'
  // The API itself spells this path with a capital letter.
  const ranges = 'spec.LoadBalancerSourceRanges'
  if (spec.loadBalancerSourceRanges?.length && !isLoadBalancer) causes.forbidden(ranges, only)
  for (const [i, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    if (!/^[0-9a-fA-F:.]+\/\d+$/.test(range.trim())) {
      causes.invalid(`${ranges}[${i}]`, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')
    }
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isLoadBalancer) {
    causes.forbidden('spec.allocateLoadBalancerNodePorts', only)
  }
  if (spec.loadBalancerClass === undefined && before?.loadBalancerClass === undefined) return
  if (!isLoadBalancer) {
    if (spec.loadBalancerClass !== undefined) causes.forbidden('spec.loadBalancerClass', only)
    return
  }
  if (before?.type === 'LoadBalancer' && before.loadBalancerClass !== spec.loadBalancerClass) {
    causes.invalid('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set')
  }
  const name = spec.loadBalancerClass
  if (name !== undefined) causes.invalid('spec.loadBalancerClass', name, checkQualifiedName(name))
}

function validateTraffic(spec: ServiceSpec, before: ServiceSpec | undefined, causes: Causes): void {
  const external = spec.externalTrafficPolicy
  if (!isExternallyAccessible(spec)) {
    if (external !== undefined) {
      causes.invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services')
    }
  } else if (!(TRAFFIC_POLICIES as readonly string[]).includes(external ?? '')) {
    causes.notSupported('spec.externalTrafficPolicy', external, TRAFFIC_POLICIES)
  }
  const internal = spec.internalTrafficPolicy
  if (internal !== undefined && !(TRAFFIC_POLICIES as readonly string[]).includes(internal)) {
    causes.notSupported('spec.internalTrafficPolicy', internal, TRAFFIC_POLICIES)
  }
  const distribution = spec.trafficDistribution
  if (distribution !== undefined && !(TRAFFIC_DISTRIBUTIONS as readonly string[]).includes(distribution)) {
    causes.notSupported('spec.trafficDistribution', distribution, TRAFFIC_DISTRIBUTIONS)
  }
  const health = spec.healthCheckNodePort
  if (health === undefined) return
  if (!needsHealthCheck(spec)) {
    const only = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    causes.invalid('spec.healthCheckNodePort', health, only)
    return
  }
  causes.invalid('spec.healthCheckNodePort', health, checkPortNumber(health))
  if (before && needsHealthCheck(before) && before.healthCheckNodePort !== health) {
    causes.forbidden('spec.healthCheckNodePort', 'field is immutable')
  }
}
