import t from 'tap'
import type { ApiObject, StoreEvent } from '../../src/fakeapi/object.ts'
import type { Endpoints, EndpointSlice, Pod, Service, Workload } from '../../src/fakeapi/shapes.ts'
import { slices, startCluster } from './cluster.ts'
import { container, make, pod, template, web, workload } from './objects.ts'

function names(objects: readonly ApiObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name)
}

void t.test('a Node is made when there is none', async t => {
  const { store } = startCluster(t)
  t.match(store.list(store.resource('Node')), [{ metadata: { name: 'node-1' } }])
})

void t.test('a Pod gets a node, an address of each family, and is ready', async t => {
  const cluster = startCluster(t)
  cluster.create('Pod', pod())
  await cluster.settled()
  t.match(cluster.get('Pod', 'web'), {
    spec: { nodeName: 'node-1' },
    status: {
      phase: 'Running',
      podIP: '10.244.0.1',
      podIPs: [{ ip: '10.244.0.1' }, { ip: 'fd00:10:244::1' }],
      hostIP: '198.51.100.1',
      containerStatuses: [{ name: 'app', ready: true }],
    },
  })
  const conditions = (cluster.get('Pod', 'web') as Pod).status?.conditions
  t.match(
    conditions?.find(({ type }) => type === 'Ready'),
    { status: 'True', lastTransitionTime: /Z$/ },
  )
})

void t.test('a Pod on the network of its node has the address of the node', async t => {
  const cluster = startCluster(t)
  cluster.create('Pod', pod({ hostNetwork: true }))
  await cluster.settled()
  t.match(cluster.get('Pod', 'web'), { status: { podIP: '198.51.100.1' } })
})

void t.test('a Pod that comes with a status is served as it is written', async t => {
  const cluster = startCluster(t)
  const status = { phase: 'Pending' }
  cluster.create('Pod', pod({}, status))
  await cluster.settled()
  t.same((cluster.get('Pod', 'web') as Pod).status, status)
  t.notOk((cluster.get('Pod', 'web') as Pod).spec.nodeName)
})

void t.test('an address that a manifest took is not given to another Pod', async t => {
  const cluster = startCluster(t)
  cluster.create('Pod', pod({}, { phase: 'Running', podIP: '10.244.0.1', podIPs: [{ ip: '10.244.0.1' }] }), 'a')
  cluster.create('Pod', pod(), 'b')
  await cluster.settled()
  t.equal((cluster.get('Pod', 'b') as Pod).status?.podIP, '10.244.0.2')
})

void t.test('a Pod becomes ready after its delay, unless it is told something else meanwhile', async t => {
  const cluster = startCluster(t, { readyDelayMs: 10 })
  cluster.create('Service', { spec: web })
  cluster.create('Pod', pod(), 'a')
  cluster.create('Pod', pod(), 'b')
  const seen: unknown[] = []
  cluster.store.subscribe(({ object, resource }: StoreEvent) => {
    if (resource.kind !== 'EndpointSlice') return
    const ready = (object as EndpointSlice).endpoints.map(({ conditions }) => conditions?.ready)
    seen.push(ready)
    if (ready.length === 2 && !ready.includes(true)) {
      const told = cluster.get('Pod', 'b') as Pod
      const conditions = [{ type: 'Ready', status: 'False', reason: 'Told' }]
      cluster.store.updateStatus(cluster.store.resource('Pod'), { ...told, status: { ...told.status, conditions } })
    }
  })
  await cluster.settled()
  t.ok(seen.some(ready => JSON.stringify(ready) === '[false,false]'))
  t.same(
    slices(cluster)[0]?.endpoints.map(({ conditions }) => conditions?.ready),
    [true, false],
  )
})

void t.test('a Pod waits for a Node', async t => {
  const cluster = startCluster(t)
  const nodes = cluster.store.resource('Node')
  cluster.store.delete(nodes, undefined, 'node-1')
  cluster.create('Pod', pod())
  await cluster.settled()
  t.match(cluster.get('Pod', 'web'), { status: { phase: 'Pending' } })
  cluster.store.create(nodes, make('Node', {}, 'late'))
  await cluster.settled()
  t.match(cluster.get('Pod', 'web'), { spec: { nodeName: 'late' }, status: { phase: 'Running' } })
})

void t.test('a Deployment has its pods, and makes a new one for each that is deleted', async t => {
  const cluster = startCluster(t)
  cluster.create('Deployment', { spec: { ...workload, replicas: 3 } })
  await cluster.settled()
  const pods = cluster.list('Pod')
  t.equal(pods.length, 3)
  t.match(names(pods)[0], /^web-[a-z]+-[a-z0-9]{5}$/)
  cluster.remove('Pod', names(pods)[0] ?? '')
  await cluster.settled()
  t.equal(cluster.list('Pod').length, 3)
  t.notOk(names(cluster.list('Pod')).includes(names(pods)[0] ?? ''))
})

void t.test('a Deployment that is scaled or deleted takes its pods along', async t => {
  const cluster = startCluster(t)
  cluster.create('Deployment', { spec: { ...workload, replicas: 3 } })
  await cluster.settled()
  cluster.patch('Deployment', 'web', { replicas: 1 })
  await cluster.settled()
  t.equal(cluster.list('Pod').length, 1)
  cluster.remove('Deployment', 'web')
  await cluster.settled()
  t.same([...cluster.list('Pod'), ...cluster.list('ReplicaSet')], [])
})

void t.test('a new template is rolled out, and the status says when it is done', async t => {
  const cluster = startCluster(t)
  cluster.create('Deployment', { spec: { ...workload, replicas: 2 } })
  await cluster.settled()
  const before = names(cluster.list('Pod'))
  const next = { ...template, spec: { containers: [{ ...container, image: 'app:2' }] } }
  cluster.patch('Deployment', 'web', { template: next })
  await cluster.settled()
  const pods = cluster.list('Pod') as Pod[]
  t.same(
    pods.map(({ spec }) => spec.containers?.[0]?.image),
    ['app:2', 'app:2'],
  )
  t.notOk(names(pods).some(name => before.includes(name)))
  t.equal((cluster.list('ReplicaSet') as Workload[]).filter(({ spec }) => spec.replicas === 2).length, 1)
  const deployment = cluster.get('Deployment', 'web') as Workload
  t.match(deployment.status, {
    observedGeneration: deployment.metadata.generation,
    replicas: 2,
    updatedReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    unavailableReplicas: 0,
    conditions: [
      { type: 'Available', status: 'True' },
      { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
    ],
  })
  t.equal(deployment.metadata.annotations?.['deployment.kubernetes.io/revision'], '2')
})

void t.test('a template that was there before gets its ReplicaSet back', async t => {
  const cluster = startCluster(t)
  cluster.create('Deployment', { spec: workload })
  const next = { ...template, spec: { containers: [{ ...container, image: 'app:2' }] } }
  await cluster.settled()
  for (const wanted of [next, template]) {
    cluster.patch('Deployment', 'web', { template: wanted })
    await cluster.settled()
  }
  t.equal(cluster.list('ReplicaSet').length, 2)
  t.same(
    (cluster.list('Pod') as Pod[]).map(({ spec }) => spec.containers?.[0]?.image),
    ['app:1'],
  )
})

void t.test('pods of a manifest are adopted by the workload that selects them', async t => {
  const cluster = startCluster(t)
  const running = { phase: 'Running', podIP: '10.9.0.1', conditions: [{ type: 'Ready', status: 'True' }] }
  cluster.create('Pod', pod({}, running), 'old')
  cluster.create('ReplicaSet', { spec: { ...workload, replicas: 1 } })
  await cluster.settled()
  t.match(cluster.list('Pod'), [{ metadata: { name: 'old', ownerReferences: [{ kind: 'ReplicaSet', name: 'web' }] } }])
  t.match(cluster.get('ReplicaSet', 'web'), { status: { replicas: 1, readyReplicas: 1 } })
})

void t.test('a StatefulSet makes its pods in order, each with its own name in the Service', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { ...web, clusterIP: 'None' } })
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web', replicas: 3 } })
  const made: string[] = []
  cluster.store.subscribe(({ type, object }) => {
    if (object.kind === 'Pod' && type === 'ADDED') {
      const others = cluster.list('Pod').filter(other => other.metadata.name !== object.metadata.name) as Pod[]
      t.ok(others.every(({ status }) => status?.phase === 'Running'))
      made.push(object.metadata.name)
    }
  })
  await cluster.settled()
  t.same(made, ['web-0', 'web-1', 'web-2'])
  t.match(cluster.get('Pod', 'web-1'), {
    metadata: { labels: { 'statefulset.kubernetes.io/pod-name': 'web-1', 'apps.kubernetes.io/pod-index': '1' } },
    spec: { hostname: 'web-1', subdomain: 'web' },
  })
  t.same(
    slices(cluster)[0]?.endpoints.map(({ hostname }) => hostname),
    made,
  )
  t.match(cluster.get('StatefulSet', 'web'), { status: { replicas: 3, readyReplicas: 3, updatedReplicas: 3 } })
})

void t.test('a StatefulSet that is scaled down loses the highest ordinals', async t => {
  const cluster = startCluster(t)
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web', replicas: 3 } })
  await cluster.settled()
  cluster.patch('StatefulSet', 'web', { replicas: 1 })
  await cluster.settled()
  t.same(names(cluster.list('Pod')), ['web-0'])
})

void t.test('a StatefulSet in order waits for a pod that is not ready', async t => {
  const cluster = startCluster(t)
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web', replicas: 1 } })
  await cluster.settled()
  cluster.setReady('web-0', 'False')
  cluster.patch('StatefulSet', 'web', { replicas: 2 })
  await cluster.settled()
  t.same(names(cluster.list('Pod')), ['web-0'])
  cluster.setReady('web-0', 'True')
  await cluster.settled()
  t.same(names(cluster.list('Pod')), ['web-0', 'web-1'])
})

void t.test('a new template of a StatefulSet reaches every pod, which keeps its name', async t => {
  const cluster = startCluster(t)
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web', replicas: 2 } })
  await cluster.settled()
  const next = { ...template, spec: { containers: [{ ...container, image: 'app:2' }] } }
  cluster.patch('StatefulSet', 'web', { template: next })
  await cluster.settled()
  t.same(
    (cluster.list('Pod') as Pod[]).map(({ metadata, spec }) => [metadata.name, spec.containers?.[0]?.image]),
    [
      ['web-0', 'app:2'],
      ['web-1', 'app:2'],
    ],
  )
  const { status } = cluster.get('StatefulSet', 'web') as Workload
  t.equal(status?.['currentRevision'], status?.['updateRevision'])
})

void t.test('a Service of type LoadBalancer gets an address of each of its families', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { ...web, type: 'LoadBalancer', ipFamilyPolicy: 'RequireDualStack' } })
  await cluster.settled()
  const ingress = (cluster.get('Service', 'web') as Service).status?.loadBalancer?.ingress
  t.same(ingress, [
    { ip: '192.0.2.1', ipMode: 'VIP' },
    { ip: '2001:db8:0:1b::1', ipMode: 'VIP' },
  ])
  cluster.patch('Service', 'web', { type: 'ClusterIP' })
  await cluster.settled()
  t.same((cluster.get('Service', 'web') as Service).status, { loadBalancer: {} })
})

void t.test('one object that cannot be done does not stop the others', async t => {
  const cluster = startCluster(t)
  const broken = cluster.store.resource('Pod')
  const create = cluster.store.create.bind(cluster.store)
  cluster.store.create = (resource, object, options) => {
    if (resource === broken && object.metadata.name === 'bad-0') throw new Error('no room')
    return create(resource, object, options)
  }
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web' } }, 'bad')
  cluster.create('StatefulSet', { spec: { ...workload, serviceName: 'web' } }, 'good')
  await cluster.settled()
  t.same(names(cluster.list('Pod')), ['good-0'])
  t.same(cluster.errors, ['statefulsets shop/bad Error: no room'])
})

void t.test('Endpoints follow their Service and its pods', async t => {
  const cluster = startCluster(t)
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }]
  cluster.create('Service', { spec: { ...web, ports } })
  cluster.create('Pod', pod(), 'a')
  cluster.create('Pod', pod(), 'b')
  await cluster.settled()
  cluster.setReady('b', 'False')
  await cluster.settled()
  t.match(cluster.get('Endpoints', 'web'), {
    metadata: { labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
    subsets: [
      {
        addresses: [{ ip: '10.244.0.1', nodeName: 'node-1', targetRef: { kind: 'Pod', name: 'a' } }],
        notReadyAddresses: [{ ip: '10.244.0.2' }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
    ],
  })
  cluster.remove('Service', 'web')
  await cluster.settled()
  t.equal(cluster.get('Endpoints', 'web'), undefined)
  t.same(slices(cluster), [])
})

void t.test('Endpoints written by hand are mirrored into slices, and only those', async t => {
  const cluster = startCluster(t)
  cluster.create('Service', { spec: { ports: [{ port: 5432 }] } })
  const subsets = [
    {
      addresses: [{ ip: '198.51.100.7' }, { ip: '2001:db8::7' }],
      notReadyAddresses: [{ ip: '198.51.100.8' }],
      ports: [{ port: 5432 }],
    },
  ]
  cluster.create('Endpoints', { subsets })
  await cluster.settled()
  t.match(
    slices(cluster).sort((a, b) => (a.addressType < b.addressType ? -1 : 1)),
    [
      {
        metadata: { labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' } },
        addressType: 'IPv4',
        endpoints: [
          { addresses: ['198.51.100.7'], conditions: { ready: true } },
          { addresses: ['198.51.100.8'], conditions: { ready: false } },
        ],
        ports: [{ name: '', port: 5432, protocol: 'TCP' }],
      },
      { addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::7'] }] },
    ],
  )
  t.same((cluster.get('Endpoints', 'web') as Endpoints).subsets?.[0]?.addresses, subsets[0]?.addresses)
  cluster.remove('Endpoints', 'web')
  await cluster.settled()
  t.same(slices(cluster), [])
})

void t.test('stopped controllers do nothing more', async t => {
  const cluster = startCluster(t)
  cluster.create('Deployment', { spec: workload })
  cluster.stop()
  await cluster.settled()
  t.same(cluster.list('Pod'), [])
})
