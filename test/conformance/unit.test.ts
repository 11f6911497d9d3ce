// Tables of CoreDNS's unit tests of its `kubernetes` plugin: what is a question is asked of the running server, what is a pure function of
// the objects is asked of ours.

import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { endpointLabel } from '../../src/records/endpoint.ts'
import { isPodModified, isServiceModified, isSliceModified } from '../../src/records/serial.ts'
import {
  type SlimEndpointSlice,
  type SlimPod,
  type SlimService,
  slimEndpointSlice,
  slimPod,
  slimService,
} from '../../src/watch/slim.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { Cluster } from '../plugins/kubernetes/cluster.ts'
import { HTTP, headless, namespace, slice } from '../plugins/kubernetes/objects.ts'

function readRows<T>(name: string, count: number): T[] {
  const file = new URL(`unit/${name}.json`, import.meta.url)
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: T[] }
  if (rows.length !== count) throw new Error(`${name}: ${rows.length} rows`)
  return rows
}

interface HostnameRow {
  ip: string
  hostname: string
  podName: string
  endpointNameMode: boolean
  expected: string
}

void t.test('endpoint_hostname: the label of an endpoint', async t => {
  for (const row of readRows<HostnameRow>('endpoint_hostname', 8)) {
    const { ip, hostname, podName, endpointNameMode, expected } = row
    const targetRef = podName === '' ? undefined : { kind: 'Pod', name: podName }
    const endpoints = [{ addresses: [ip], hostname, targetRef }]
    const [endpoint] = slimEndpointSlice({ metadata: { name: 'a' }, endpoints })!.endpoints
    t.equal(endpointLabel(endpoint, ip, endpointNameMode), expected, JSON.stringify(row))
  }
})

interface NamespaceRow {
  kubernetesNamespaces: object
  testNamespace: string
  expected: boolean
}

void t.test('namespace_exposed: a namespace exists where it is there and served', async t => {
  for (const row of readRows<NamespaceRow>('namespace_exposed', 4)) {
    const listed = Object.keys(row.kubernetesNamespaces)
    const options = listed.length > 0 ? `namespaces ${listed.join(' ')}` : ''
    const cluster = await Cluster.open(t, { objects: [namespace('foobar')], options })
    await cluster.hold(t, [[`${row.testNamespace}.svc.cluster.local. A`, row.expected ? 'NODATA' : 'NXDOMAIN']])
  }
})

interface RequestRow {
  query: string
  multicluster: boolean
  zonal: boolean
  /** The topology zone that the name chooses; '' for none. */
  zone?: string
  /** `port.protocol.endpoint.cluster.service.namespace.category`; absent for what is no name of the zone. */
  expected?: string
}

const ZONE = 'inter.webs.tests.'
const ADDRESSES = ['1.2.3.4', '5.6.7.8']

// The row whose name has empty labels is left out: no message can carry it.
const canAsk = ({ query }: RequestRow): boolean => !query.startsWith('.')

async function openWebs(t: Test, { multicluster: isMulticluster, zonal }: RequestRow): Promise<Cluster> {
  const made = slice(
    'webs',
    ['us-west-2a', 'corp.example.com'].map((zone, i) => ({ addresses: [ADDRESSES[i]], zone })),
    { namespace: 'mynamespace' },
  )
  const labels = {
    'multicluster.kubernetes.io/service-name': 'webs',
    'multicluster.kubernetes.io/source-cluster': 'cluster1',
  }
  const metadata = { name: 'webs', namespace: 'mynamespace' }
  const imported: ApiObject = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata,
    spec: { type: 'Headless', ports: [HTTP] },
  }
  return Cluster.open(t, {
    objects: [
      namespace('mynamespace'),
      ...(isMulticluster
        ? [imported, { ...made, metadata: { ...metadata, labels } }]
        : [headless('webs', { namespace: 'mynamespace' }), made]),
    ],
    zones: ZONE,
    options: [isMulticluster ? `multicluster ${ZONE}` : '', zonal ? 'zonal' : ''].join('\n'),
    soa: `${ZONE} 5/5`,
  })
}

/** What a name that is read so holds, of a Service `webs` with the port http and an endpoint in each of two zones. */
function expectAddresses(name: string, { expected = '', zone }: RequestRow): string[] {
  const [port, , endpoint, , service] = expected.split('.')
  if (service === '') return ['NODATA']
  if (port !== '' && port !== 'http') return ['NXDOMAIN']
  let addresses = ADDRESSES
  if (endpoint !== '') addresses = [endpoint.replaceAll('-', '.')]
  if (zone) addresses = [ADDRESSES[zone === 'us-west-2a' ? 0 : 1]]
  return addresses.map(address => `${name} 5 IN A ${address}`)
}

void t.test('parse_request: names are read from the right', async t => {
  const rows = readRows<RequestRow>('parse_request', 11).filter(canAsk)
  t.equal(rows.length, 10)
  for (const row of rows) {
    const cluster = await openWebs(t, row)
    await cluster.hold(t, [[`${row.query} A`, ...expectAddresses(row.query, row)]])
  }
})

void t.test('parse_request_invalid: what cannot be read does not exist', async t => {
  const rows = readRows<RequestRow>('parse_request_invalid', 6).filter(canAsk)
  t.equal(rows.length, 6)
  for (const row of rows) {
    const cluster = await openWebs(t, row)
    // One row is below another zone than the parser is told: here it is asked below ours.
    await cluster.hold(t, [[`${row.query.replace(/\.test\.$/, '.tests.')} A`, 'NXDOMAIN']])
  }
})

interface ServiceFields {
  ExternalIPs?: string[]
  ExternalName?: string
  Ports?: { Name: string }[]
}

const makeService = (fields: ServiceFields | null): SlimService | undefined =>
  fields === null
    ? undefined
    : slimService({
        metadata: { name: 'a', namespace: 'b' },
        spec: {
          externalIPs: fields.ExternalIPs,
          externalName: fields.ExternalName,
          ports: fields.Ports?.map(({ Name }) => ({ name: Name, port: 80 })),
        },
      })

void t.test('serial_service_modified: what moves the serial of the cluster zones', async t => {
  type Row = { oldSvc: ServiceFields | null; newSvc: ServiceFields | null; ichanged: boolean }
  for (const row of readRows<Row>('serial_service_modified', 8)) {
    const { oldSvc, newSvc, ichanged } = row
    t.equal(isServiceModified(makeService(oldSvc), makeService(newSvc)), ichanged, JSON.stringify(row))
  }
})

interface PodFields {
  Name: string
  Namespace: string
  PodIP: string
}

const makePod = ({ Name, Namespace, PodIP }: PodFields): SlimPod =>
  slimPod({ metadata: { name: Name, namespace: Namespace }, status: { podIP: PodIP } })!

void t.test('serial_pod_modified: only another address moves the serial', async t => {
  type Row = { oldPod: PodFields; newPod: PodFields; changed: boolean }
  for (const row of readRows<Row>('serial_pod_modified', 3)) {
    t.equal(isPodModified(makePod(row.oldPod), makePod(row.newPod)), row.changed, JSON.stringify(row))
  }
})

interface Subset {
  Addresses: { IP: string; Hostname: string }[]
  Ports: { Name: string; Port: number; Protocol: string }[]
}

const makeSlice = ({ Addresses, Ports }: Subset): SlimEndpointSlice =>
  slimEndpointSlice({
    metadata: { name: 'a', namespace: 'b' },
    endpoints: Addresses.map(({ IP, Hostname }) => ({ addresses: [IP], hostname: Hostname })),
    ports: Ports.map(({ Name, Port, Protocol }) => ({ name: Name, port: Port, protocol: Protocol })),
  })!

void t.test('serial_subsets_equivalent: addresses, host names and ports move the serial', async t => {
  // A field of `b` may be given as a name: then it is that of `a`.
  type Row = { name: string; a: Subset; b: { [field in keyof Subset]: Subset[field] | string }; want: boolean }
  for (const { name, a, b, want } of readRows<Row>('serial_subsets_equivalent', 7)) {
    const other: Subset = {
      Addresses: typeof b.Addresses === 'string' ? a.Addresses : b.Addresses,
      Ports: typeof b.Ports === 'string' ? a.Ports : b.Ports,
    }
    t.equal(isSliceModified(makeSlice(a), makeSlice(other), { zonal: false }), !want, name)
  }
})
