import fc from 'fast-check'
import t from 'tap'
import {
  ENDPOINT_SLICES,
  NAMESPACES,
  PODS,
  qualifiedName,
  resourcePath,
  SERVICE_IMPORTS,
  SERVICES,
} from '../../src/watch/resource.ts'
import { slimEndpointSlice, slimNamespace, slimPod, slimService, slimServiceImport } from '../../src/watch/slim.ts'

const metadata = { namespace: 'ns', name: 'a', uid: 'u', resourceVersion: '7' }
const meta = { key: 'ns/a', ...metadata }

void t.test('a Service keeps what DNS is made from', async t => {
  const slim = slimService({
    metadata: { ...metadata, creationTimestamp: '2026-11-20T10:00:00Z', managedFields: [{}] },
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1', 'fd00::1', ''],
      ports: [{ name: 'dns', port: 53, protocol: 'udp', nodePort: 30053, targetPort: 'dns' }, { port: 80 }],
      selector: { app: 'a' },
      externalIPs: ['192.0.2.1'],
    },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }, { hostname: 'lb.example' }, {}] } },
  })
  t.strictSame(slim, {
    ...meta,
    type: 'LoadBalancer',
    clusterIPs: ['10.0.0.1', 'fd00::1'],
    headless: false,
    externalName: '',
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: '', port: 80, protocol: 'TCP' },
    ],
    hasSelector: true,
    externalIPs: ['192.0.2.1'],
    loadBalancerIngress: [
      { ip: '192.0.2.2', hostname: '' },
      { ip: '', hostname: 'lb.example' },
    ],
    creationTimestampMs: Date.UTC(2026, 10, 20, 10),
  })
})

for (const [name, spec, clusterIPs, headless] of [
  ['clusterIP where there are no clusterIPs', { clusterIP: '10.0.0.1' }, ['10.0.0.1'], false],
  ['None is headless', { clusterIP: 'None', clusterIPs: ['None'] }, ['None'], true],
  ['None in clusterIP alone is headless', { clusterIP: 'None' }, ['None'], true],
  ['None in the second place is not', { clusterIPs: ['10.0.0.1', 'None'] }, ['10.0.0.1', 'None'], false],
  ['an allocation that is pending leaves none', { clusterIP: '', clusterIPs: [''] }, [], false],
  ['ExternalName has none', { type: 'ExternalName', externalName: 'a.example' }, [], false],
] as const) {
  void t.test(`cluster addresses of a Service: ${name}`, async t => {
    t.match(slimService({ metadata, spec }), { clusterIPs, headless })
    t.equal(slimService({ metadata, spec })?.clusterIPs.length, clusterIPs.length)
  })
}

void t.test('an EndpointSlice keeps its ready endpoints and counts the others', async t => {
  const slim = slimEndpointSlice({
    metadata: {
      ...metadata,
      labels: { 'kubernetes.io/service-name': 's', app: 'x' },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-11-20T10:00:00.123456789Z' },
    },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.1.0.1'],
        conditions: { ready: true, serving: true },
        hostname: 'web-0',
        targetRef: { kind: 'Pod', name: 'web-0', namespace: 'ns', uid: 'p' },
        zone: 'z1',
        nodeName: 'n1',
      },
      { addresses: ['10.1.0.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.1.0.3'], conditions: { ready: null } },
      { addresses: ['10.1.0.4'], targetRef: { kind: 'Node', name: 'n1' } },
    ],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }, { name: null, port: null }, {}],
  })
  const plain = { hostname: '', podName: '', zone: '' }
  t.strictSame(
    { ...slim, endpoints: slim?.endpoints },
    {
      ...meta,
      service: 's',
      importedService: '',
      sourceCluster: '',
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.1.0.1'], hostname: 'web-0', podName: 'web-0', zone: 'z1' },
        { addresses: ['10.1.0.3'], ...plain },
        { addresses: ['10.1.0.4'], ...plain },
      ],
      notReady: 1,
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { name: '', port: -1, protocol: 'TCP' },
        { name: '', port: -1, protocol: 'TCP' },
      ],
      lastChangeTriggerTimeMs: Date.UTC(2026, 10, 20, 10, 0, 0, 123),
    },
  )
})

void t.test('an EndpointSlice of another cluster says which, and of which import', async t => {
  const labels = { 'multicluster.kubernetes.io/service-name': 's', 'multicluster.kubernetes.io/source-cluster': 'c' }
  const slim = slimEndpointSlice({ metadata: { ...metadata, labels } })
  t.match(slim, { service: '', importedService: 's', sourceCluster: 'c', lastChangeTriggerTimeMs: Number.NaN })
})

void t.test('a Namespace is held by its name alone', async t => {
  t.strictSame(slimNamespace({ metadata: { name: 'a', uid: 'u', resourceVersion: '7' } }), {
    key: 'a',
    namespace: '',
    name: 'a',
    uid: 'u',
    resourceVersion: '7',
  })
})

void t.test(
  'what is meant for the clients of a zone, and what is not ready, is kept where it is asked for',
  async t => {
    const hints = { forZones: [{ name: 'a' }, { name: 'b' }, { name: '' }, {}, 7] }
    const object = {
      metadata,
      endpoints: [
        { addresses: ['10.1.0.1'], hints, zone: 'a' },
        { addresses: ['10.1.0.2'], conditions: { ready: false }, nodeName: 'n' },
      ],
    }
    t.match(slimEndpointSlice(object, { topology: true }), {
      endpoints: [{ addresses: ['10.1.0.1'], zone: 'a', forZones: ['a', 'b'] }],
      notReady: 1,
      unready: [{ addresses: ['10.1.0.2'], nodeName: 'n', forZones: [] }],
    })
    for (const slim of [slimEndpointSlice(object)!, slimEndpointSlice(object, { topology: false })!]) {
      t.notOk('unready' in slim)
      t.notOk('forZones' in slim.endpoints[0])
    }
    t.equal(slimPod({ metadata, spec: { nodeName: 'n' } }, { labels: [], topology: true })?.nodeName, 'n')
    t.notOk('nodeName' in slimPod({ metadata, spec: { nodeName: 'n' } })!)
  },
)

void t.test('a Pod keeps its addresses, and whether it is going', async t => {
  const status = { phase: 'Running', podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }, {}] }
  t.strictSame(slimPod({ metadata, status }), {
    ...meta,
    podIPs: ['10.1.0.1', 'fd00::1'],
    deleting: false,
  })
  const going = slimPod({
    metadata: { ...metadata, deletionTimestamp: '2026-11-20T10:00:00Z' },
    status: { podIP: '10.1.0.1' },
  })
  t.match(going, { deleting: true, podIPs: ['10.1.0.1'] })
  const labels = { app: 'web', tier: '', other: 'x', number: 1 }
  t.same(
    slimPod({ metadata: { ...metadata, labels } }, { labels: ['tier', 'app', 'number', 'toString'], topology: false })
      ?.labels,
    [
      ['tier', ''],
      ['app', 'web'],
    ],
  )
  t.notOk('labels' in slimPod({ metadata: { ...metadata, labels } })!)
})

void t.test('a ServiceImport keeps its type, addresses and ports', async t => {
  const spec = { type: 'ClusterSetIP', ips: ['10.9.0.1'], ports: [{ name: 'http', port: 80 }] }
  t.strictSame(slimServiceImport({ metadata, spec }), {
    ...meta,
    type: 'ClusterSetIP',
    ips: ['10.9.0.1'],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  })
})

const CONVERTERS = { slimService, slimEndpointSlice, slimNamespace, slimPod, slimServiceImport }

void t.test('what is no object, or has no name, is undefined', async t => {
  for (const [name, convert] of Object.entries(CONVERTERS)) {
    for (const value of [
      undefined,
      null,
      7,
      'x',
      [],
      {},
      { metadata: 'x' },
      { metadata: { name: 7 } },
      { metadata: { name: '' } },
    ]) {
      t.equal(convert(value), undefined, `${name} of ${JSON.stringify(value)}`)
    }
  }
})

void t.test('any JSON in any field is taken without throwing, into an object frozen to its depth', async () => {
  const field = fc.oneof(fc.jsonValue(), fc.constant(undefined))
  const object = fc.record({
    metadata: fc.record({
      name: fc.constant('a'),
      namespace: field,
      uid: field,
      labels: field,
      annotations: field,
      creationTimestamp: field,
    }),
    spec: fc.oneof(
      field,
      fc.record({
        type: field,
        clusterIPs: field,
        clusterIP: field,
        ports: fc.oneof(field, fc.array(field)),
        selector: field,
        ips: field,
      }),
    ),
    status: fc.oneof(
      field,
      fc.record({ loadBalancer: fc.oneof(field, fc.record({ ingress: fc.array(field) })), podIPs: fc.array(field) }),
    ),
    endpoints: fc.oneof(
      field,
      fc.array(fc.oneof(field, fc.record({ addresses: field, conditions: field, targetRef: field, zone: field }))),
    ),
    ports: fc.oneof(field, fc.array(fc.oneof(field, fc.record({ name: field, port: field, protocol: field })))),
  })
  fc.assert(
    fc.property(object, value => {
      for (const convert of Object.values(CONVERTERS)) {
        const slim = convert(value)
        if (slim?.name !== 'a' || !isFrozen(slim)) return false
      }
      return true
    }),
  )
})

function isFrozen(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen))
}

void t.test('each resource has the path and the name that the API and RBAC have for it', async t => {
  t.strictSame(
    [SERVICES, ENDPOINT_SLICES, NAMESPACES, PODS, SERVICE_IMPORTS].map(resource => [
      resourcePath(resource),
      resourcePath(resource, 'ns'),
      qualifiedName(resource),
    ]),
    [
      ['/api/v1/services', '/api/v1/namespaces/ns/services', 'services'],
      [
        '/apis/discovery.k8s.io/v1/endpointslices',
        '/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices',
        'endpointslices.discovery.k8s.io',
      ],
      ['/api/v1/namespaces', '/api/v1/namespaces', 'namespaces'],
      ['/api/v1/pods', '/api/v1/namespaces/ns/pods', 'pods'],
      [
        '/apis/multicluster.x-k8s.io/v1alpha1/serviceimports',
        '/apis/multicluster.x-k8s.io/v1alpha1/namespaces/ns/serviceimports',
        'serviceimports.multicluster.x-k8s.io',
      ],
    ],
  )
})
