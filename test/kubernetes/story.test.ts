// What happens in a cluster, done with kubectl against a real API server: kubezone follows it, and answers as CoreDNS beside it.

import t, { type Test } from 'tap'
import { until } from '../cli/command.ts'
import { compare } from './agreement.ts'
import { ControlPlane } from './controlplane.ts'
import { Kubelet, UNREADY } from './kubelet.ts'
import { listNames } from './names.ts'
import { Pair } from './pair.ts'

const plane = await ControlPlane.start(t)
const kubelet = await Kubelet.start(t, plane)
const kubectl = (args: string, input?: string): Promise<string> => plane.kubectl(args, input)

// Who asks the API is the service account that deploy/kubernetes has, by its token.
await plane.hasAccount('kube-system')
await kubectl('apply -k deploy/kubernetes/base')
await kubectl('delete service kube-dns -n kube-system')
await kubectl('delete deployment kubezone -n kube-system')
const token = await kubectl('create token kubezone -n kube-system')
const pair = await Pair.start(t, {
  folder: plane.folder,
  kubeconfig: plane.writeKubeconfig('account.kubeconfig', { token }),
})

type Expected = Readonly<Record<string, readonly string[] | string>>

/** Both come to answer so: records without TTL and class, or an rcode. Then they are asked for all that there is. */
async function holds(t: Test, expected: Expected): Promise<void> {
  for (const server of [pair.kubezone, pair.coredns]) {
    for (const [question, lines] of Object.entries(expected)) {
      const [name, type] = question.split(' ')
      let found: readonly string[] | string = ''
      const isSo = await until(async () => {
        const { rcode, answer } = await server.ask(`${name}.`, type)
        found = rcode === 'NOERROR' ? answer.map(line => line.split(' ').slice(4).join(' ')).sort() : rcode
        return JSON.stringify(found) === JSON.stringify(lines)
      })
      if (!isSo) t.same(found, lines, `${server === pair.kubezone ? 'kubezone' : 'CoreDNS'}: ${question}`)
    }
  }
  let differences: string[] = []
  await until(async () => (differences = await compare(pair, await listNames(plane))).length === 0)
  t.same(differences.slice(0, 10), [], 'the two agree on every question')
}

const web = (more: object = {}, spec: object = {}): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' }, ...more },
        spec: { containers: [{ name: 'web', image: 'web', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
      },
    },
  })

const service = (name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec })

/** Addresses of the Pods that are there, as the API has them. */
async function addressesOf(selector: string, family: 4 | 6): Promise<string[]> {
  const path = `{range .items[*]}{.status.podIPs[${family === 4 ? 0 : 1}].ip}{"\\n"}{end}`
  return (await kubectl(`get pods -n shop -l ${selector} -o 'jsonpath=${path}'`)).split('\n').sort()
}

async function clusterIPs(name: string): Promise<string[]> {
  return JSON.parse(await kubectl(`get service ${name} -n shop -o 'jsonpath={.spec.clusterIPs}'`)) as string[]
}

void t.test('a namespace and a Service of a Deployment', async t => {
  await holds(t, { 'kubernetes.default.svc.cluster.local A': ['10.96.0.1'], 'shop.svc.cluster.local A': 'NXDOMAIN' })
  await kubectl('create namespace shop')
  await plane.hasAccount('shop')
  await kubectl('apply -f -', web())
  await kubectl('expose deployment web -n shop --port=80 --target-port=http')
  const [address] = await clusterIPs('web')
  await holds(t, { 'web.shop.svc.cluster.local A': [address], 'web.shop.svc.cluster.local AAAA': [] })
})

void t.test('a headless Service, scaled up and down', async t => {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }]
  await kubectl('apply -f -', service('peers', { clusterIP: 'None', selector: { app: 'web' }, ports }))
  for (const replicas of [2, 5, 1, 0, 2]) {
    await kubectl(`scale deployment web -n shop --replicas=${replicas}`)
    await until(async () => (await addressesOf('app=web', 4)).filter(address => address !== '').length === replicas)
    const addresses = (await addressesOf('app=web', 4)).filter(address => address !== '')
    await holds(t, { 'peers.shop.svc.cluster.local A': replicas === 0 ? 'NXDOMAIN' : addresses })
  }
})

void t.test('dual stack: addresses of both families', async t => {
  const spec = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }], ipFamilyPolicy: 'RequireDualStack' }
  await kubectl('apply -f -', service('both', spec))
  await kubectl('apply -f -', service('both-peers', { ...spec, clusterIP: 'None' }))
  const [v4, v6] = await clusterIPs('both')
  await holds(t, {
    'both.shop.svc.cluster.local A': [v4],
    'both.shop.svc.cluster.local AAAA': [v6],
    'both-peers.shop.svc.cluster.local A': await addressesOf('app=web', 4),
    'both-peers.shop.svc.cluster.local AAAA': await addressesOf('app=web', 6),
  })
})

void t.test('a Pod that is not ready is left out, and comes back', async t => {
  const pods = JSON.parse(await kubectl(`get pods -n shop -l app=web -o json`)) as {
    items: { metadata: { name: string }; status: { podIP: string } }[]
  }
  const [one, other] = pods.items
  for (const isReady of [false, true, false, true]) {
    await kubelet.setReady('shop', one.metadata.name, isReady)
    const addresses = isReady ? [one.status.podIP, other.status.podIP].sort() : [other.status.podIP]
    await holds(t, { 'peers.shop.svc.cluster.local A': addresses })
  }
})

void t.test('publishNotReadyAddresses names those that are not ready', async t => {
  const metadata = { name: 'slow', namespace: 'shop', labels: { app: 'slow' }, annotations: { [UNREADY]: '' } }
  const spec = { hostname: 'slow-0', subdomain: 'early', containers: [{ name: 'slow', image: 'slow' }] }
  await kubectl('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }))
  const selector = { clusterIP: 'None', selector: { app: 'slow' }, ports: [{ name: 'x', port: 1 }] }
  await kubectl('apply -f -', service('late', selector))
  await kubectl('apply -f -', service('early', { ...selector, publishNotReadyAddresses: true }))
  await until(async () => (await addressesOf('app=slow', 4))[0] !== '')
  const [address] = await addressesOf('app=slow', 4)
  await holds(t, {
    'late.shop.svc.cluster.local A': 'NXDOMAIN',
    'early.shop.svc.cluster.local A': [address],
    'slow-0.early.shop.svc.cluster.local A': [address],
    '_x._tcp.early.shop.svc.cluster.local SRV': ['0 100 1 slow-0.early.shop.svc.cluster.local.'],
  })
})

void t.test('a StatefulSet: names of its Pods', async t => {
  const set = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'shop' },
    spec: {
      replicas: 2,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: { containers: [{ name: 'db', image: 'db' }] },
      },
    },
  }
  await kubectl('apply -f -', JSON.stringify(set))
  const spec = { clusterIP: 'None', selector: { app: 'db' }, ports: [{ name: 'pg', port: 5432 }] }
  await kubectl('apply -f -', service('db', spec))
  await kubectl('rollout status statefulset db -n shop --timeout=30s')
  const addresses = await addressesOf('app=db', 4)
  await holds(t, {
    'db.shop.svc.cluster.local A': addresses,
    '_pg._tcp.db.shop.svc.cluster.local SRV': [
      '0 50 5432 db-0.db.shop.svc.cluster.local.',
      '0 50 5432 db-1.db.shop.svc.cluster.local.',
    ],
  })
})

void t.test('NodePort, ExternalName, and a Service without a selector', async t => {
  await kubectl('create service nodeport node -n shop --tcp=80:8080')
  await kubectl('create service externalname outside -n shop --external-name=www.example.com')
  await kubectl('create service externalname nowhere -n shop --external-name=missing.example.com')
  await kubectl('create service externalname inside -n shop --external-name=peers.shop.svc.cluster.local')
  await kubectl('apply -f -', service('manual', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] }))
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'manual-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'manual' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    endpoints: [{ addresses: ['192.0.2.7'], hostname: 'seven' }, { addresses: ['192.0.2.8'] }],
  }
  await kubectl('apply -f -', JSON.stringify(slice))
  await holds(t, {
    'node.shop.svc.cluster.local A': await clusterIPs('node'),
    'outside.shop.svc.cluster.local A': ['203.0.113.1', 'www.example.com.'],
    'outside.shop.svc.cluster.local CNAME': ['www.example.com.'],
    'manual.shop.svc.cluster.local A': ['192.0.2.7', '192.0.2.8'],
    'seven.manual.shop.svc.cluster.local A': ['192.0.2.7'],
    '192-0-2-8.manual.shop.svc.cluster.local A': ['192.0.2.8'],
  })
})

void t.test('deleted and made again: another address, and from headless to a cluster IP', async t => {
  await kubectl('delete service web peers -n shop')
  await holds(t, { 'web.shop.svc.cluster.local A': 'NXDOMAIN', 'peers.shop.svc.cluster.local A': 'NXDOMAIN' })
  await kubectl('apply -f -', service('web', { clusterIP: 'None', selector: { app: 'web' }, ports: [{ port: 80 }] }))
  await kubectl('apply -f -', service('peers', { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] }))
  await holds(t, {
    'web.shop.svc.cluster.local A': await addressesOf('app=web', 4),
    'peers.shop.svc.cluster.local A': [(await clusterIPs('peers'))[0]],
  })
})

void t.test('a namespace that goes takes its names along', async t => {
  await kubectl('delete namespace shop')
  await holds(t, { 'shop.svc.cluster.local A': 'NXDOMAIN', 'web.shop.svc.cluster.local A': 'NXDOMAIN' })
})
