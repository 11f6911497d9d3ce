import fc from 'fast-check'
import { mock } from 'node:test'
import t from 'tap'
import type { StoreEvent } from '../../src/fakeapi/object.ts'
import type { EndpointSlice, Pod, Service } from '../../src/fakeapi/shapes.ts'
import { slices, startCluster } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { container, pod, web, workload } from './objects.ts'
import type { Fields } from './objects.ts'

function countWrites(cluster: Cluster, kind: string): () => string[] {
  const writes: string[] = []
  cluster.store.subscribe(({ type, object }: StoreEvent) => {
    if (object.kind === kind) writes.push(`${type} ${object.metadata.name}`)
  })
  return () => writes.splice(0)
}

function createPods(cluster: Cluster, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) cluster.create('Pod', pod(), `p${String(i).padStart(3, '0')}`)
}

void t.test('a slice tells all that DNS asks of a pod', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { metadata: { labels: { tier: 'front' } }, spec: { ...web, clusterIP: 'None' } })
  cluster.create('Pod', pod({ hostname: 'one', subdomain: 'web' }), 'a')
  cluster.create('Pod', pod({ hostname: 'two', subdomain: 'other' }), 'b')
  await cluster.settled()
  const service = cluster.get('Service', 'web') as Service
  const [slice] = slices(cluster)
  t.match(slice, {
    metadata: {
      name: /^web-[a-z0-9]{5}$/,
      labels: {
        tier: 'front',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'service.kubernetes.io/headless': '',
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': /^\d{4}-.*Z$/ },
      ownerReferences: [{ kind: 'Service', name: 'web', uid: service.metadata.uid, controller: true }],
    },
    addressType: 'IPv4',
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
  })
  t.same(slice?.endpoints[0], {
    addresses: ['10.244.0.1'],
    conditions: { ready: true, serving: true, terminating: false },
    hostname: 'one',
    nodeName: 'node-1',
    targetRef: { kind: 'Pod', namespace: 'shop', name: 'a', uid: cluster.get('Pod', 'a')?.metadata.uid },
    zone: 'zone-1',
  })
  t.notOk('hostname' in (slice?.endpoints[1] ?? {}), 'the subdomain of b is another Service')
})

void t.test('a Service of two families has slices of both', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { ...web, ipFamilyPolicy: 'RequireDualStack' } })
  createPods(cluster, 1)
  await cluster.settled()
  const found = slices(cluster).map(({ addressType, endpoints }) => [addressType, endpoints[0]?.addresses[0]])
  t.same(
    new Map(found as [string, string][]),
    new Map([
      ['IPv4', '10.244.0.1'],
      ['IPv6', 'fd00:10:244::1'],
    ]),
  )
})

void t.test('a Service without pods has one empty slice, which its first pod fills', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: web })
  await cluster.settled()
  const [empty] = slices(cluster)
  t.same([empty?.endpoints, empty?.ports], [[], []])
  createPods(cluster, 1)
  await cluster.settled()
  t.same(
    slices(cluster).map(({ metadata, endpoints }) => [metadata.name, endpoints.length]),
    [[empty?.metadata.name, 1]],
  )
  cluster.remove('Pod', 'p000')
  await cluster.settled()
  t.same(
    slices(cluster).map(({ metadata, endpoints }) => [metadata.name, endpoints.length]),
    [[empty?.metadata.name, 0]],
  )
})

void t.test('readiness flaps through: not ready, ready for those who ask for all, ready', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: web })
  cluster.create('Service', { spec: { ...web, publishNotReadyAddresses: true } }, 'all')
  createPods(cluster, 1)
  await cluster.settled()
  cluster.setReady('p000', 'False')
  await cluster.settled()
  t.match(slices(cluster)[0]?.endpoints[0]?.conditions, { ready: false, serving: false })
  t.match(slices(cluster, 'all')[0]?.endpoints[0]?.conditions, { ready: true, serving: false })
  cluster.setReady('p000', 'True')
  await cluster.settled()
  t.match(slices(cluster)[0]?.endpoints[0]?.conditions, { ready: true, serving: true })
})

void t.test('a pod that is terminating still serves but is not ready', async t => {
  const cluster = startCluster(t)
  t.teardown(() => cluster.store.close())
  cluster.create('Service', { spec: web })
  createPods(cluster, 1)
  await cluster.settled()
  cluster.store.delete(cluster.store.resource('Pod'), 'shop', 'p000', { gracePeriodSeconds: 30 })
  await cluster.settled()
  t.same(slices(cluster)[0]?.endpoints[0]?.conditions, { ready: false, serving: true, terminating: true })
})

void t.test('pods that give a port name different numbers are in different slices', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { ...web, ports: [{ name: 'http', port: 80, targetPort: 'web' }] } })
  for (const [name, containerPort] of [
    ['a', 8080],
    ['b', 9090],
  ] as const) {
    cluster.create('Pod', pod({ containers: [{ ...container, ports: [{ name: 'web', containerPort }] }] }), name)
  }
  createPods(cluster, 1)
  await cluster.settled()
  const found = slices(cluster).map(({ ports, endpoints }) => [
    ports?.[0]?.port ?? 'none',
    endpoints[0]?.targetRef?.name,
  ])
  t.same(
    new Map(found as [unknown, string][]),
    new Map<unknown, string>([
      [8080, 'a'],
      [9090, 'b'],
      ['none', 'p000'],
    ]),
  )
})

void t.test('a headless Service needs no ports', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { selector: web.selector, clusterIP: 'None' } })
  createPods(cluster, 1)
  await cluster.settled()
  t.match(slices(cluster), [{ ports: [], endpoints: [{ addresses: ['10.244.0.1'] }] }])
})

void t.test('a slice holds a hundred endpoints, and one that nothing happened to is not written', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: web })
  createPods(cluster, 250)
  await cluster.settled()
  t.same(
    slices(cluster)
      .map(({ endpoints }) => endpoints.length)
      .toSorted((a, b) => b - a),
    [100, 100, 50],
  )
  const writes = countWrites(cluster, 'EndpointSlice')
  cluster.setReady('p000', 'False')
  await cluster.settled()
  t.equal(writes().length, 1)
  cluster.create('Pod', pod(), 'one-more')
  await cluster.settled()
  t.equal(writes().length, 1, 'only the slice that has room is written')
  cluster.patch('Service', 'web', { sessionAffinity: 'ClientIP' })
  await cluster.settled()
  t.same(writes(), [])
})

void t.test('a slice of a manifest is never touched, and ours come beside it when pods are selected', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: web })
  const labels = {
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  }
  const manual = cluster.create('EndpointSlice', {
    metadata: { labels },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['198.51.100.9'] }],
  })
  await cluster.settled()
  t.same(slices(cluster), [manual])
  createPods(cluster, 1)
  await cluster.settled()
  t.equal(slices(cluster).length, 2)
  t.same(cluster.get('EndpointSlice', 'web'), manual)
})

void t.test('a StatefulSet that is scaled is in its slice after one look of each controller', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { ...web, clusterIP: 'None' } })
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web', replicas: 1 } })
  await cluster.settled()
  cluster.patch('StatefulSet', 'web', { replicas: 4 })
  // A turn does all that there is to do: it is not cut where the machine has other work.
  const clock = mock.method(performance, 'now', () => 0)
  t.teardown(() => clock.mock.restore())
  // Two turns of the event loop: the one that is under way and the one that the controllers ask for.
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve))
  t.same(
    slices(cluster)[0]?.endpoints.map(({ hostname }) => hostname),
    ['web-0', 'web-1', 'web-2', 'web-3'],
  )
})

/** Address, port and readiness of every endpoint that the pods and the Service call for, computed without any history. */
function expectedEndpoints(cluster: Cluster, service: Service): string[] {
  const lines = new Set<string>()
  for (const pod of cluster.list('Pod') as Pod[]) {
    const { metadata, status } = pod
    if (metadata.labels?.['app'] !== service.spec.selector?.['app'] || status?.phase === 'Succeeded') continue
    const ready = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
    for (const { ip } of status?.podIPs ?? []) {
      const family = ip.includes(':') ? 'IPv6' : 'IPv4'
      if (!service.spec.ipFamilies?.includes(family)) continue
      const ports = (service.spec.ports ?? []).map(({ targetPort }) => targetPort)
      lines.add(`${ip} ${JSON.stringify(ports)} ${ready || service.spec.publishNotReadyAddresses === true}`)
    }
  }
  return [...lines].toSorted()
}

function actualEndpoints(found: readonly EndpointSlice[]): string[] {
  return found
    .flatMap(({ endpoints, ports }) =>
      endpoints.map(({ addresses, conditions }) => {
        const numbers = JSON.stringify((ports ?? []).map(({ port }) => port))
        return `${addresses[0]} ${numbers} ${conditions?.ready}`
      }),
    )
    .toSorted()
}

type Step = [
  action: 'create' | 'remove' | 'ready' | 'relabel' | 'end' | 'ports' | 'families' | 'publish',
  n: number,
  flag: boolean,
]

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('create', 'remove', 'ready', 'relabel', 'end', 'ports', 'families', 'publish'),
  fc.integer({ min: 0, max: 5 }),
  fc.boolean(),
)

function take(cluster: Cluster, [action, n, flag]: Step): void {
  const name = `p${n}`
  const found = cluster.get('Pod', name) as Pod | undefined
  const pods = cluster.store.resource('Pod')
  if (action === 'create' && !found) cluster.create('Pod', pod(), name)
  else if (action === 'publish') cluster.patch('Service', 'web', { publishNotReadyAddresses: flag })
  else if (action === 'ports') cluster.patch('Service', 'web', { ports: [{ port: 80, targetPort: 8000 + n }] })
  else if (action === 'families') {
    cluster.patch('Service', 'web', { ipFamilyPolicy: flag ? 'RequireDualStack' : 'SingleStack' })
  } else if (!found) return
  else if (action === 'remove') cluster.remove('Pod', name)
  else if (action === 'ready') cluster.setReady(name, flag ? 'True' : 'False')
  else if (action === 'end')
    cluster.store.updateStatus(pods, { ...found, status: { ...found.status, phase: 'Succeeded' } })
  else if (action === 'relabel') {
    const metadata = { ...found.metadata, labels: { app: flag ? 'web' : 'other' } }
    cluster.store.update(pods, { ...found, metadata })
  }
}

void t.test('after any history the slices hold what the pods and the Service call for, each once', async t => {
  const property = fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 }), async bursts => {
    const cluster = startCluster(t)
    cluster.create('Service', { spec: web } satisfies Fields)
    for (const burst of bursts) {
      for (const one of burst) take(cluster, one)
      await cluster.settled()
      const service = cluster.get('Service', 'web') as Service
      const found = slices(cluster)
      if (JSON.stringify(actualEndpoints(found)) !== JSON.stringify(expectedEndpoints(cluster, service))) return false
      // One slice for each family: all pods have the same ports.
      if (found.length !== service.spec.ipFamilies?.length) return false
    }
    cluster.stop()
    return cluster.errors.length === 0
  })
  await t.resolves(fc.assert(property, { numRuns: 150 }))
})
