import { isDeepStrictEqual } from 'node:util'
import { familyOf } from '../address.ts'
import type { Container, Pod, PodSpec } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { validateIpAddress } from './clusterip.ts'
import { checkLabel, checkPortName, checkPortNumber, checkSubdomain } from './names.ts'
import { validateProtocol } from './service.ts'

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'] as const
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'] as const

export function defaultPodSpec(spec: PodSpec): void {
  if (!spec.restartPolicy) spec.restartPolicy = 'Always'
  if (!spec.dnsPolicy) spec.dnsPolicy = 'ClusterFirst'
  spec.terminationGracePeriodSeconds ??= 30
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    for (const port of container.ports ?? []) {
      if (!port.protocol) port.protocol = 'TCP'
      if (spec.hostNetwork) port.hostPort ??= port.containerPort
    }
  }
}

/** A Pod without a status of its own begins as the API server makes it: pending, its quality of service known. */
export function defaultPod(pod: Pod): void {
  defaultPodSpec(pod.spec)
  if (Object.keys(pod.status ?? {}).length === 0) {
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec) }
  }
}

export function validatePod(pod: Pod, old: Pod | undefined, causes: Causes): void {
  validatePodSpec(pod.spec, 'spec', causes)
  if (old) validatePodChange(pod.spec, old.spec, causes)
}

export function validatePodStatus(pod: Pod, causes: Causes): void {
  const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip ?? '')
  const areAddresses = ips.map((ip, i) => validateIpAddress(`status.podIPs[${i}]`, ip, causes)).every(Boolean)
  const isDual = ips.length === 2 && familyOf(ips[0]) !== familyOf(ips[1])
  if (areAddresses && ips.length > 1 && !isDual) {
    causes.invalid('status.podIPs', pod.status?.podIPs, 'may specify no more than one IP for each IP family')
  }
}

/** `at`: where the spec lies, `spec` or `spec.template.spec`. */
export function validatePodSpec(spec: PodSpec, at: string, causes: Causes): void {
  if (!spec.containers?.length) causes.required(`${at}.containers`)
  const names = new Set<string>()
  for (const field of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[field] ?? []).entries()) {
      const path = `${at}.${field}[${i}]`
      validateContainer(container, path, causes)
      if (names.has(container.name)) causes.duplicate(`${path}.name`, container.name)
      names.add(container.name)
    }
  }
  if (!(RESTART_POLICIES as readonly string[]).includes(spec.restartPolicy ?? '')) {
    causes.notSupported(`${at}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES)
  }
  if (!(DNS_POLICIES as readonly string[]).includes(spec.dnsPolicy ?? '')) {
    causes.notSupported(`${at}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES)
  }
  if (spec.nodeName) causes.invalid(`${at}.nodeName`, spec.nodeName, checkSubdomain(spec.nodeName))
  for (const field of ['hostname', 'subdomain'] as const) {
    const value = spec[field]
    if (value) causes.invalid(`${at}.${field}`, value, checkLabel(value))
  }
}

function validateContainer({ name, image, ports = [] }: Container, at: string, causes: Causes): void {
  if (!name) causes.required(`${at}.name`)
  else causes.invalid(`${at}.name`, name, checkLabel(name))
  if (!image) causes.required(`${at}.image`)
  const names = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const path = `${at}.ports[${i}]`
    if (port.name) {
      causes.invalid(`${path}.name`, port.name, checkPortName(port.name))
      if (names.has(port.name)) causes.duplicate(`${path}.name`, port.name)
      names.add(port.name)
    }
    if (!port.containerPort) causes.required(`${path}.containerPort`)
    else causes.invalid(`${path}.containerPort`, port.containerPort, checkPortNumber(port.containerPort))
    validateProtocol(port.protocol, `${path}.protocol`, causes)
  }
}

// Of the rest of the spec, what cluster DNS depends on may not change; a node is given once.
function validatePodChange(spec: PodSpec, before: PodSpec, causes: Causes): void {
  const isMoved = Boolean(before.nodeName) && Boolean(spec.nodeName) && before.nodeName !== spec.nodeName
  if (!isMoved && isDeepStrictEqual(fixedPartOf(spec), fixedPartOf(before))) return
  const mutable =
    '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'
  causes.forbidden('spec', `pod updates may not change fields other than ${mutable}`)
}

function fixedPartOf({ hostname, subdomain, hostNetwork, containers }: PodSpec): unknown {
  return { hostname, subdomain, hostNetwork, containers: containers?.map(({ name, ports }) => ({ name, ports })) }
}

function qosClassOf(spec: PodSpec): string {
  const all = (spec.containers ?? []).map(container => container.resources ?? {})
  const isAsking = all.some(({ requests, limits }) => Object.keys({ ...requests, ...limits }).length > 0)
  if (!isAsking) return 'BestEffort'
  const isGuaranteed = all.every(({ requests = {}, limits = {} }) =>
    ['cpu', 'memory'].every(name => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name]),
  )
  return isGuaranteed ? 'Guaranteed' : 'Burstable'
}
