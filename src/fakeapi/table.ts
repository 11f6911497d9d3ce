// The columns that `kubectl get` prints (pkg/printers/internalversion/printers.go).

import { isObject, type JsonObject, readNumber, readObjects, readPath, readString, readStrings } from './json.ts'
import type { ApiObject, Resource } from './object.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

interface Column {
  name: string
  type: 'string' | 'integer'
  format: string
  description: string
  /** 1: shown with `-o wide` only. */
  priority: 0 | 1
}

type Cell = string | number

interface Layout {
  columns: readonly Column[]
  cells: (object: ApiObject) => Cell[]
}

// A name that begins with "*" is a column of `-o wide`.
function layout(names: readonly string[], cells: Layout['cells']): Layout {
  const columns = names.map((name, index): Column => {
    const wide = name.startsWith('*')
    return {
      name: wide ? name.slice(1) : name,
      type: 'string',
      format: index === 0 ? 'name' : '',
      description: '',
      priority: wide ? 1 : 0,
    }
  })
  return { columns, cells }
}

const layouts: Readonly<Record<string, Layout>> = {
  Namespace: layout(['Name', 'Status', 'Age'], object => [
    object.metadata.name,
    readString(object, 'status', 'phase') ?? '',
    ageOf(object),
  ]),
  Node: layout(['Name', 'Status', 'Roles', 'Age', 'Version', '*Internal-IP', '*External-IP'], object => [
    object.metadata.name,
    statusOfNode(object),
    rolesOf(object),
    ageOf(object),
    readString(object, 'status', 'nodeInfo', 'kubeletVersion') ?? '',
    addressOf(object, 'InternalIP'),
    addressOf(object, 'ExternalIP'),
  ]),
  Service: layout(['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', '*Selector'], object => [
    object.metadata.name,
    readString(object, 'spec', 'type') ?? 'ClusterIP',
    readString(object, 'spec', 'clusterIP') ?? '<none>',
    externalAddressesOf(object),
    join(readObjects(object, 'spec', 'ports').map(formatServicePort)),
    ageOf(object),
    formatLabels(readPath(object, 'spec', 'selector')),
  ]),
  Endpoints: layout(['Name', 'Endpoints', 'Age'], object => [
    object.metadata.name,
    shorten(
      readObjects(object, 'subsets').flatMap(subset => {
        const ports = readObjects(subset, 'ports').map(port => readNumber(port, 'port'))
        return readObjects(subset, 'addresses').flatMap(address => {
          const ip = readString(address, 'ip') ?? ''
          return ports.length === 0 ? [ip] : ports.map(port => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`)
        })
      }),
      3,
    ),
    ageOf(object),
  ]),
  EndpointSlice: layout(['Name', 'AddressType', 'Ports', 'Endpoints', 'Age'], object => [
    object.metadata.name,
    readString(object, 'addressType') ?? '',
    shorten(
      readObjects(object, 'ports').map(port => String(readNumber(port, 'port') ?? '*')),
      3,
      '<unset>',
    ),
    shorten(
      readObjects(object, 'endpoints').flatMap(endpoint => readStrings(endpoint, 'addresses')),
      3,
      '<unset>',
    ),
    ageOf(object),
  ]),
  Pod: layout(
    ['Name', 'Ready', 'Status', 'Restarts', 'Age', '*IP', '*Node', '*Nominated Node', '*Readiness Gates'],
    object => {
      const statuses = readObjects(object, 'status', 'containerStatuses')
      const total = readObjects(object, 'spec', 'containers').length
      return [
        object.metadata.name,
        `${readyContainersOf(object)}/${total}`,
        object.metadata.deletionTimestamp === undefined
          ? (readString(object, 'status', 'reason') ?? readString(object, 'status', 'phase') ?? 'Pending')
          : 'Terminating',
        statuses.reduce((sum, status) => sum + (readNumber(status, 'restartCount') ?? 0), 0),
        ageOf(object),
        readString(object, 'status', 'podIP') ?? '<none>',
        readString(object, 'spec', 'nodeName') ?? '<none>',
        readString(object, 'status', 'nominatedNodeName') ?? '<none>',
        '<none>',
      ]
    },
  ),
  Deployment: layout(
    ['Name', 'Ready', 'Up-to-date', 'Available', 'Age', '*Containers', '*Images', '*Selector'],
    object => [
      object.metadata.name,
      `${readNumber(object, 'status', 'readyReplicas') ?? 0}/${readNumber(object, 'spec', 'replicas') ?? 1}`,
      readNumber(object, 'status', 'updatedReplicas') ?? 0,
      readNumber(object, 'status', 'availableReplicas') ?? 0,
      ageOf(object),
      ...containersOf(object),
      formatLabels(readPath(object, 'spec', 'selector', 'matchLabels')),
    ],
  ),
  ReplicaSet: layout(['Name', 'Desired', 'Current', 'Ready', 'Age', '*Containers', '*Images', '*Selector'], object => [
    object.metadata.name,
    readNumber(object, 'spec', 'replicas') ?? 1,
    readNumber(object, 'status', 'replicas') ?? 0,
    readNumber(object, 'status', 'readyReplicas') ?? 0,
    ageOf(object),
    ...containersOf(object),
    formatLabels(readPath(object, 'spec', 'selector', 'matchLabels')),
  ]),
  StatefulSet: layout(['Name', 'Ready', 'Age', '*Containers', '*Images'], object => [
    object.metadata.name,
    `${readNumber(object, 'status', 'readyReplicas') ?? 0}/${readNumber(object, 'spec', 'replicas') ?? 1}`,
    ageOf(object),
    ...containersOf(object),
  ]),
  ServiceImport: layout(['Name', 'Type', 'IP', 'Age'], object => [
    object.metadata.name,
    readString(object, 'spec', 'type') ?? '',
    join(readStrings(object, 'spec', 'ips')),
    ageOf(object),
  ]),
}

const plain = layout(['Name', 'Age'], object => [object.metadata.name, ageOf(object)])

function layoutOf(resource: Resource): Layout {
  return layouts[resource.kind] ?? plain
}

export function columnsOf(resource: Resource): readonly Column[] {
  return layoutOf(resource).columns
}

export interface Row {
  cells: Cell[]
  object?: unknown
}

export function rowOf(resource: Resource, object: ApiObject, include: IncludeObject): Row {
  const cells = layoutOf(resource).cells(object)
  if (include === 'None') return { cells }
  if (include === 'Object') return { cells, object }
  const metadata = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
  return { cells, object: metadata }
}

function ageOf(object: ApiObject): string {
  const created = Date.parse(object.metadata.creationTimestamp ?? '')
  return Number.isNaN(created) ? '<unknown>' : formatAge(Math.max(0, Date.now() - created) / 1000)
}

// apimachinery/pkg/util/duration.HumanDuration: two units while the first is small.
function formatAge(seconds: number): string {
  const minutes = seconds / 60
  const hours = minutes / 60
  const days = hours / 24
  if (minutes < 2) return `${Math.floor(seconds)}s`
  if (minutes < 10) return twoUnits(seconds, 60, 'm', 's')
  if (hours < 3) return `${Math.floor(minutes)}m`
  if (hours < 8) return twoUnits(minutes, 60, 'h', 'm')
  if (days < 2) return `${Math.floor(hours)}h`
  if (days < 8) return twoUnits(hours, 24, 'd', 'h')
  return `${Math.floor(days)}d`
}

function twoUnits(amount: number, base: number, large: string, small: string): string {
  const rest = Math.floor(amount % base)
  return `${Math.floor(amount / base)}${large}${rest === 0 ? '' : `${rest}${small}`}`
}

function join(values: readonly string[]): string {
  return values.length === 0 ? '<none>' : values.join(',')
}

function shorten(values: readonly string[], max: number, empty = '<none>'): string {
  if (values.length === 0) return empty
  const shown = values.slice(0, max).join(',')
  return values.length > max ? `${shown} + ${values.length - max} more...` : shown
}

function formatLabels(labels: unknown): string {
  return isObject(labels) ? join(Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`)) : '<none>'
}

function formatServicePort(port: JsonObject): string {
  const nodePort = readNumber(port, 'nodePort') ?? 0
  const number = readNumber(port, 'port') ?? 0
  return `${number}${nodePort > 0 ? `:${nodePort}` : ''}/${readString(port, 'protocol') ?? 'TCP'}`
}

function externalAddressesOf(service: ApiObject): string {
  const external = readStrings(service, 'spec', 'externalIPs')
  const type = readString(service, 'spec', 'type')
  if (type === 'ExternalName') return readString(service, 'spec', 'externalName') ?? '<none>'
  if (type !== 'LoadBalancer') return join(external)
  const ingress = readObjects(service, 'status', 'loadBalancer', 'ingress')
  const addresses = ingress.map(one => readString(one, 'ip') ?? readString(one, 'hostname') ?? '')
  return [...addresses, ...external].join(',') || '<pending>'
}

function statusOfNode(node: ApiObject): string {
  const ready = readObjects(node, 'status', 'conditions').find(condition => condition['type'] === 'Ready')
  const words = [ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady']
  if (readPath(node, 'spec', 'unschedulable') === true) words.push('SchedulingDisabled')
  return words.join(',')
}

function rolesOf(node: ApiObject): string {
  const prefix = 'node-role.kubernetes.io/'
  const labels = Object.keys(node.metadata.labels ?? {})
  return join(labels.filter(label => label.startsWith(prefix)).map(label => label.slice(prefix.length)))
}

function addressOf(node: ApiObject, type: string): string {
  const address = readObjects(node, 'status', 'addresses').find(one => one['type'] === type)
  return readString(address, 'address') ?? '<none>'
}

function readyContainersOf(pod: ApiObject): number {
  return readObjects(pod, 'status', 'containerStatuses').filter(status => status['ready'] === true).length
}

function containersOf(workload: ApiObject): [string, string] {
  const containers = readObjects(workload, 'spec', 'template', 'spec', 'containers')
  return [
    join(containers.map(container => readString(container, 'name') ?? '')),
    join(containers.map(container => readString(container, 'image') ?? '')),
  ]
}
