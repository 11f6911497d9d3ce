import t from 'tap'
import { DefaultAdmission } from '../../src/fakeapi/admission.ts'
import { resourceOfKind } from '../../src/fakeapi/resources.ts'
import type { Pod, Service } from '../../src/fakeapi/shapes.ts'
import { container, create, createService, failure, make, service, template, update, workload } from './objects.ts'
import type { Fields } from './objects.ts'

void t.test('the message names the kind with its group, and all causes at once', async t => {
  const error = failure(() => create(new DefaultAdmission(), make('Deployment', { spec: { replicas: -1, template } })))
  t.match(
    error.message,
    /^Deployment\.apps "web" is invalid: \[spec\.replicas: .*, spec\.selector: Required value, .*\]$/,
  )
})

void t.test('a Service may be named with a leading digit', async t => {
  t.equal(
    create(new DefaultAdmission(), make('Service', { spec: { ports: [{ port: 1 }] } }, '1st')).metadata.name,
    '1st',
  )
})

void t.test('null and empty fields are as if they were not there', async t => {
  const spec = createService(new DefaultAdmission(), { clusterIP: '', type: '', clusterIPs: null, selector: null })
  t.match(spec, { type: 'ClusterIP', clusterIP: /^10\.96\./ })
  t.notOk('selector' in spec)
})

void t.test('a plain Service gets the defaults of Kubernetes', async t => {
  const admitted = create(new DefaultAdmission(), service({ selector: { app: 'web' } })) as Service
  t.same(admitted.spec, {
    type: 'ClusterIP',
    selector: { app: 'web' },
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    clusterIP: '10.96.1.1',
    clusterIPs: ['10.96.1.1'],
  })
  t.same(admitted.status, { loadBalancer: {} })
})

void t.test('each family policy gives the addresses that it says', async t => {
  const admission = new DefaultAdmission()
  const ipv4 = /^10\.96\.\d+\.\d+$/
  const ipv6 = /^fd00:10:96::[0-9a-f]+$/
  const cases: [Fields, string[], RegExp[]][] = [
    [{}, ['IPv4'], [ipv4]],
    [{ ipFamilies: ['IPv6'] }, ['IPv6'], [ipv6]],
    [{ ipFamilyPolicy: 'PreferDualStack' }, ['IPv4', 'IPv6'], [ipv4, ipv6]],
    [{ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] }, ['IPv6', 'IPv4'], [ipv6, ipv4]],
    [{ ipFamilyPolicy: 'RequireDualStack', clusterIP: 'fd00:10:96::77' }, ['IPv6', 'IPv4'], [/^fd00:10:96::77$/, ipv4]],
    [{ clusterIP: 'None' }, ['IPv4', 'IPv6'], [/^None$/]],
    [{ clusterIP: 'None', selector: { app: 'a' } }, ['IPv4'], [/^None$/]],
  ]
  for (const [given, families, ips] of cases) {
    const spec = createService(admission, given)
    t.same(spec.ipFamilies, families)
    t.equal(spec.clusterIPs?.length, ips.length)
    t.match(spec.clusterIPs, ips)
    t.equal(spec.clusterIP, spec.clusterIPs?.[0])
  }
})

void t.test('a cluster with one family refuses to require two, and prefers what it has', async t => {
  const admission = new DefaultAdmission({ serviceCidrs: ['10.96.0.0/16'] })
  const error = failure(() => createService(admission, { ipFamilyPolicy: 'RequireDualStack' }))
  t.match(error.message, /this cluster is not configured for dual-stack services/)
  t.same(createService(admission, { ipFamilyPolicy: 'PreferDualStack' }).ipFamilies, ['IPv4'])
  t.match(failure(() => createService(admission, { ipFamilies: ['IPv6'] })).message, /not configured on this cluster/)
})

void t.test('an address is taken once, and free again when its Service is gone', async t => {
  const admission = new DefaultAdmission()
  const object = service({ clusterIP: '10.96.0.10' })
  const held = create(admission, object)
  t.match(
    failure(() => create(admission, object)).message,
    /spec\.clusterIPs: Invalid value: \["10\.96\.0\.10"\]: failed to allocate IP 10\.96\.0\.10: provided IP is already allocated/,
  )
  admission.admit('delete', resourceOfKind('Service'), held, held)
  t.equal((create(admission, object) as Service).spec.clusterIP, '10.96.0.10')
})

void t.test('a Service that is refused takes nothing', async t => {
  const admission = new DefaultAdmission()
  failure(() =>
    createService(admission, { clusterIP: '10.96.0.10', type: 'NodePort', ports: [{ port: 80, nodePort: 1 }] }),
  )
  t.equal(createService(admission, { clusterIP: '10.96.0.10' }).clusterIP, '10.96.0.10')
})

void t.test('a full range is an internal error', async t => {
  const admission = new DefaultAdmission({ serviceCidrs: ['10.96.0.0/30'] })
  const ips = [createService(admission, {}).clusterIP, createService(admission, {}).clusterIP]
  t.same(new Set(ips), new Set(['10.96.0.1', '10.96.0.2']))
  t.match(
    failure(() => createService(admission, {})),
    { code: 500, message: /range is full/ },
  )
})

void t.test('a cluster IP may not change, unless the Service stops or starts to have one', async t => {
  const admission = new DefaultAdmission()
  const old = create(admission, service({ selector: { app: 'web' } })) as Service
  const change = failure(() => update(admission, old, { clusterIP: '10.96.0.9' }))
  t.match(change.causes[0], { field: 'spec.clusterIPs[0]', message: /may not change once set/ })
  t.match(failure(() => update(admission, old, { clusterIP: 'None' })).causes[0]?.field, 'spec.clusterIPs[0]')
  const outside = update(admission, old, { type: 'ExternalName', externalName: 'shop.example' }) as Service
  t.notOk('clusterIP' in outside.spec || 'clusterIPs' in outside.spec || 'ipFamilies' in outside.spec)
  t.equal(createService(admission, { clusterIP: old.spec.clusterIP }).clusterIP, old.spec.clusterIP, 'it is free again')
  const inside = update(admission, outside, { type: 'ClusterIP' }) as Service
  t.match(inside.spec.clusterIP, /^10\.96\./)
})

void t.test('an update that leaves out what was allocated keeps it', async t => {
  const admission = new DefaultAdmission()
  const old = create(admission, service({ type: 'NodePort', ipFamilyPolicy: 'PreferDualStack' })) as Service
  const fresh = { ...old, spec: { type: 'NodePort', ipFamilyPolicy: 'PreferDualStack', ports: [{ port: 80 }] } }
  const kept = admission.admit('update', resourceOfKind('Service'), fresh, old) as Service
  t.same(kept.spec, old.spec)
})

void t.test('a second family is added and released as the policy says', async t => {
  const admission = new DefaultAdmission()
  const single = create(admission, service({})) as Service
  const dual = update(admission, single, { ipFamilyPolicy: 'RequireDualStack' }) as Service
  t.equal(dual.spec.clusterIPs?.length, 2)
  t.equal(dual.spec.clusterIP, single.spec.clusterIP)
  const [first, second] = dual.spec.clusterIPs ?? []
  const unsaid = failure(() => update(admission, dual, { clusterIPs: [first] }))
  t.match(unsaid.causes[0], { field: 'spec.ipFamilyPolicy', message: /must be 'SingleStack' to release/ })
  const again = update(admission, dual, { ipFamilyPolicy: 'SingleStack' }) as Service
  t.same(again.spec.clusterIPs, [first])
  t.same(again.spec.ipFamilies, ['IPv4'])
  t.equal(createService(admission, { clusterIP: second, ipFamilies: ['IPv6'] }).clusterIP, second)
})

void t.test('node ports are given to those who need them, and are free again afterwards', async t => {
  const admission = new DefaultAdmission({ nodePorts: [30000, 30001] })
  const old = create(admission, service({ type: 'NodePort' })) as Service
  const nodePort = old.spec.ports?.[0]?.nodePort
  t.equal(nodePort, 30000)
  t.equal(old.spec.externalTrafficPolicy, 'Cluster')
  const taken = failure(() => createService(admission, { type: 'NodePort', ports: [{ port: 80, nodePort }] }))
  t.match(taken.causes[0], {
    field: 'spec.ports[0].nodePort',
    message: 'Invalid value: 30000: provided port is already allocated',
  })
  const plain = update(admission, old, { type: 'ClusterIP' }) as Service
  t.notOk('nodePort' in (plain.spec.ports?.[0] ?? {}))
  t.notOk('externalTrafficPolicy' in plain.spec)
  t.equal(
    createService(admission, { type: 'NodePort', ports: [{ port: 80, nodePort }] }).ports?.[0]?.nodePort,
    nodePort,
  )
})

void t.test('a LoadBalancer has node ports unless it asks for none', async t => {
  const admission = new DefaultAdmission()
  const spec = createService(admission, { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
  t.match(spec.ports?.[0]?.nodePort, /^3\d{4}$/)
  t.match(spec.healthCheckNodePort, /^3\d{4}$/)
  t.equal(spec.allocateLoadBalancerNodePorts, true)
  const without = createService(admission, { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false })
  t.notOk('nodePort' in (without.ports?.[0] ?? {}))
})

void t.test('one port over two protocols gets one node port', async t => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ]
  const spec = createService(new DefaultAdmission(), { type: 'NodePort', ports })
  t.equal(spec.ports?.[0]?.nodePort, spec.ports?.[1]?.nodePort)
})

void t.test('a lenient admission takes addresses as they are written', async t => {
  const admission = new DefaultAdmission({ allowAnyClusterIP: true, allowPodsWithoutSpec: true })
  for (const clusterIP of ['10.0.0.1', '10.0.0.1', '1234:abcd::1']) {
    t.equal(createService(admission, { clusterIP }).clusterIP, clusterIP)
  }
  const dual = createService(admission, { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2', '10::2'] })
  t.match(dual, { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' })
  const status = { phase: 'Running', podIP: '10.240.0.1', podIPs: [{ ip: '10.240.0.1' }] }
  t.same((create(admission, make('Pod', { status })) as Pod).status, status)
  t.match(failure(() => create(admission, make('Pod'))).causes[0]?.field, 'spec.containers')
})

void t.test('a lenient admission lets a Service move to the address of its manifest', async t => {
  const admission = new DefaultAdmission()
  const old = create(admission, service({ clusterIP: '10.96.0.1' })) as Service
  admission.allowAnyClusterIP = true
  const moved = update(admission, old, { clusterIP: '10.43.0.1', clusterIPs: ['10.43.0.1'] }) as Service
  t.same(moved.spec.clusterIPs, ['10.43.0.1'])
  admission.allowAnyClusterIP = false
  t.equal(createService(admission, { clusterIP: '10.96.0.1' }).clusterIP, '10.96.0.1', 'the old one is free')
})

void t.test('an address that is held twice is free when both have gone', async t => {
  const admission = new DefaultAdmission({ allowAnyClusterIP: true })
  const first = create(admission, service({ clusterIP: '10.96.0.10' }))
  const second = create(admission, service({ clusterIP: '10.96.0.10' }))
  admission.allowAnyClusterIP = false
  admission.admit('delete', resourceOfKind('Service'), first, first)
  t.throws(() => createService(admission, { clusterIP: '10.96.0.10' }), /already allocated/)
  admission.admit('delete', resourceOfKind('Service'), second, second)
  t.equal(createService(admission, { clusterIP: '10.96.0.10' }).clusterIP, '10.96.0.10')
})

void t.test('a write that is taken back leaves the allocations as they were', async t => {
  const admission = new DefaultAdmission({ nodePorts: [30000, 30000] })
  const old = create(admission, service({}))
  const tried = update(admission, old, { type: 'NodePort', ipFamilyPolicy: 'PreferDualStack' })
  admission.admit('update', resourceOfKind('Service'), structuredClone(old), tried)
  t.equal(createService(admission, { type: 'NodePort' }).ports?.[0]?.nodePort, 30000)
})

void t.test('slices, pods, workloads and namespaces get their defaults', async t => {
  const admission = new DefaultAdmission()
  const slice = make('EndpointSlice', { addressType: 'IPv4', ports: [{ port: 80 }] })
  t.match(create(admission, slice), { endpoints: [], ports: [{ name: '', port: 80, protocol: 'TCP' }] })
  const pod = make('Pod', { spec: { containers: [{ ...container, ports: [{ containerPort: 80 }] }] } })
  t.match(create(admission, pod), {
    spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', containers: [{ ports: [{ protocol: 'TCP' }] }] },
    status: { phase: 'Pending', qosClass: 'BestEffort' },
  })
  t.match(create(admission, make('Deployment', { spec: workload })), {
    spec: { replicas: 1, strategy: { type: 'RollingUpdate' } },
  })
  t.match(create(admission, make('StatefulSet', { spec: workload })), {
    spec: { replicas: 1, podManagementPolicy: 'OrderedReady' },
  })
  t.match(create(admission, make('Namespace')), {
    metadata: { labels: { 'kubernetes.io/metadata.name': 'web' } },
    status: { phase: 'Active' },
  })
})

void t.test('fields that are fixed may not change', async t => {
  const admission = new DefaultAdmission()
  const deployment = create(admission, make('Deployment', { spec: workload }))
  const other = { matchLabels: { app: 'web', tier: 'a' } }
  const labelled = { ...template, metadata: { labels: { app: 'web', tier: 'a' } } }
  t.match(failure(() => update(admission, deployment, { selector: other, template: labelled })).causes[0], {
    field: 'spec.selector',
    message: /field is immutable/,
  })
  const set = create(admission, make('StatefulSet', { spec: { ...workload, serviceName: 'web' } }))
  t.match(
    failure(() => update(admission, set, { serviceName: 'db' })).causes[0]?.message,
    /updates to statefulset spec/,
  )
  t.match(update(admission, set, { replicas: 3 }), { spec: { replicas: 3 } })
  const pod = create(admission, make('Pod', { spec: { containers: [container], hostname: 'a' } }))
  t.match(
    failure(() => update(admission, pod, { hostname: 'b' })).causes[0]?.message,
    /pod updates may not change fields/,
  )
  const slice = create(admission, make('EndpointSlice', { addressType: 'IPv4' }))
  const changed = { ...slice, addressType: 'IPv6' }
  t.throws(
    () => admission.admit('update', resourceOfKind('EndpointSlice'), changed, slice),
    /addressType: Invalid value: "IPv6": field is immutable/,
  )
})

void t.test('the status of a Service is checked against its type', async t => {
  const admission = new DefaultAdmission()
  const old = create(admission, service({}))
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }
  t.throws(
    () => admission.admit('status', resourceOfKind('Service'), { ...old, status }, old),
    /may only be used when `spec.type` is 'LoadBalancer'/,
  )
  const balanced = create(admission, service({ type: 'LoadBalancer' }))
  const written = admission.admit('status', resourceOfKind('Service'), { ...balanced, status }, balanced)
  t.match(written, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } } })
})
