import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { DefaultAdmission } from '../../src/fakeapi/admission.ts'
import type { AdmissionOptions } from '../../src/fakeapi/admission.ts'
import { startControllers } from '../../src/fakeapi/controllers/controllers.ts'
import { applyManifests, loadManifests, ManifestError } from '../../src/fakeapi/manifests.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import type { EndpointSlice, Service } from '../../src/fakeapi/shapes.ts'
import { Store } from '../../src/fakeapi/store.ts'

const examples = join(import.meta.dirname, '../../examples')

function makeStore(options: AdmissionOptions = {}): Store {
  return new Store({ admission: new DefaultAdmission(options) })
}

function names(objects: readonly ApiObject[]): string[] {
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}/${metadata.name}`)
}

function service(name: string, spec = '{ports: [{port: 80}]}'): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: ${spec}}\n`
}

/** Loads and applies one file; the message of the error, without the folder of the file. */
function refusal(t: Pick<Test, 'testdir'>, text: string, file = 'shop.yaml'): string {
  const folder = t.testdir({ [file]: text })
  try {
    applyManifests(makeStore(), loadManifests([join(folder, file)]))
  } catch (error) {
    if (error instanceof ManifestError) return error.message.replaceAll(`${folder}/`, '')
    throw error
  }
  return ''
}

void t.test('files are found in directories, by pattern and by name, each once', async t => {
  const folder = t.testdir({
    'b.yml': service('b'),
    'a.yaml': service('a'),
    'c.json': JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'c' } }),
    'notes.txt': 'not a manifest',
    'kustomization.yaml': 'resources: [a.yaml]',
    deep: { er: { 'd.yaml': service('d') } },
  })
  const load = (...paths: string[]): string[] =>
    loadManifests(paths.map(path => join(folder, path))).map(({ object }) => object.metadata.name)
  t.same(load(''), ['a', 'b', 'c', 'd'])
  t.same(load('*.y*ml', 'a.yaml'), ['a', 'b'])
  t.same(load('**/d.yaml'), ['d'])
  t.same(load('b.yml', 'a.yaml', ''), ['b', 'a', 'c', 'd'])
})

void t.test('a path without manifests is an error', async t => {
  const folder = t.testdir({ empty: {} })
  t.throws(() => loadManifests([join(folder, 'none.yaml')]), { message: /none\.yaml:1:1: no such file or directory/ })
  t.throws(() => loadManifests([join(folder, '*.yaml')]), { message: /no file matches it/ })
  t.throws(() => loadManifests([join(folder, 'empty')]), {
    message: /no \.yaml, \.yml or \.json file in this directory/,
  })
})

void t.test('each object knows where it lies', async t => {
  const text = [
    '# a comment, then nothing',
    '---',
    '---',
    'apiVersion: v1',
    'kind: Service',
    'metadata:',
    '  name: web',
    '  annotations:',
    '    example.com/a: b',
    'spec:',
    '  ports:',
    '    - port: 80',
    '    - name: b',
    '      port: 81',
    '---',
  ].join('\n')
  const folder = t.testdir({ 'shop.yaml': text })
  const [web, ...rest] = loadManifests([folder])
  t.same(rest, [])
  t.match(web, { file: join(folder, 'shop.yaml'), line: 4, column: 1 })
  const places: [string, number, number][] = [
    ['kind', 5, 1],
    ['metadata.name', 7, 3],
    ['metadata.annotations[example.com/a]', 9, 5],
    ['spec.ports', 11, 3],
    ['spec.ports[1]', 13, 7],
    ['spec.ports[1].port', 14, 7],
    ['spec.ports[0].name', 12, 7],
    ['spec.clusterIP', 10, 1],
    ['status', 4, 1],
  ]
  for (const [field, line, column] of places) t.same(web?.locate(field), { line, column }, field)
})

void t.test('Lists are unpacked, and their items keep their places', async t => {
  const folder = t.testdir({
    'list.yaml': `apiVersion: v1\nkind: List\nitems:\n- ${service('a')}- ${service('b')}`,
    'typed.json': '{"apiVersion":"v1","kind":"ServiceList","items":[\n{"metadata":{"name":"c"},"spec":{}}]}',
  })
  const manifests = loadManifests([folder])
  t.same(
    manifests.map(({ object, line }) => [object.kind, object.apiVersion, object.metadata.name, line]),
    [
      ['Service', 'v1', 'a', 4],
      ['Service', 'v1', 'b', 5],
      ['Service', 'v1', 'c', 2],
    ],
  )
  t.same(manifests[1]?.locate('spec.ports[0].port'), { line: 5, column: 72 })
})

void t.test('YAML is read as kubectl reads it', async t => {
  const text = `apiVersion: v1
kind: Service
metadata: {name: web, annotations: {since: 2024-01-01, at: 10:30}}
spec: {publishNotReadyAddresses: yes, ports: [&p {name: a, port: 80}, {<<: *p, name: b, port: 81}]}
`
  const [web] = loadManifests([t.testdir({ 'shop.yaml': text })])
  t.match(web?.object, {
    metadata: { annotations: { since: '2024-01-01', at: '10:30' } },
    spec: { publishNotReadyAddresses: true, ports: [{ name: 'a' }, { name: 'b', port: 81 }] },
  })
})

const refusals: [what: string, text: string, message: string | RegExp][] = [
  ['text that is not YAML', 'apiVersion: v1\nkind: [Service\n', /^shop\.yaml:\d:\d+: this is not YAML: /],
  [
    'a key that is there twice',
    'kind: Service\nkind: Service\n',
    /^shop\.yaml:2:1: this is not YAML: Map keys must be unique/,
  ],
  ['an alias of nothing', 'kind: *none\n', /^shop\.yaml:1:\d+: this is not YAML: /],
  [
    'a document that is no object',
    'hello\n',
    'shop.yaml:1:1: not an object of Kubernetes: it has no apiVersion and kind',
  ],
  [
    'no kind',
    'apiVersion: v1\nmetadata:\n  name: web\n',
    /^shop\.yaml:1:1: web: kind: Required value: every manifest says/,
  ],
  ['no apiVersion', 'kind: Service\n', /^shop\.yaml:1:1: apiVersion: Required value/],
  [
    'an unknown kind',
    'apiVersion: v1\nkind: Serivce\nmetadata: {name: web}\n',
    /^shop\.yaml:2:1: Serivce web: kind: unknown kind "Serivce": this API serves Namespace, Node, Service, /,
  ],
  [
    'a kind in lower case',
    'apiVersion: v1\nkind: service\nmetadata: {name: web}\n',
    'shop.yaml:2:1: service web: kind: there is no service in v1: write apiVersion: v1, kind: Service',
  ],
  [
    'a kind of another group',
    'apiVersion: v1\nkind: Deployment\nmetadata: {name: web}\n',
    /write apiVersion: apps\/v1, kind: Deployment$/,
  ],
  [
    'a version that is not served',
    'apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata: {name: web}\n',
    'shop.yaml:1:1: EndpointSlice web: apiVersion: "discovery.k8s.io/v1beta1" is not served for a EndpointSlice: write discovery.k8s.io/v1',
  ],
  [
    'no name',
    'apiVersion: v1\nkind: Namespace\nmetadata:\n  labels: {a: b}\n',
    /^shop\.yaml:3:1: Namespace \(no name\): metadata\.name: Required value/,
  ],
  [
    'a wrong field',
    `---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: NodePort\n  ports:\n    - port: 80\n      nodePort: 80\n`,
    'shop.yaml:10:7: Service default/web: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
  ],
  [
    'a missing field',
    'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {a: b}\n',
    'shop.yaml:5:1: Service default/web: spec.ports: Required value',
  ],
  [
    'a value of the wrong type',
    'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n    - port: "80"\n',
    'shop.yaml:6:7: Service default/web: spec.ports[0].port: string "80" where an integer is expected',
  ],
  [
    'several wrong fields',
    service('Web', '{ports: [{port: 0}]}'),
    /^shop\.yaml:1:\d+: Service default\/Web: metadata\.name: Invalid value: "Web": .* \(and 2 more\)$/,
  ],
  [
    'one name twice',
    service('web') + '---\n' + service('web'),
    'shop.yaml:3:1: Service default/web: metadata.name: is already the name of the one at shop.yaml:1:1',
  ],
  [
    'a bad namespace',
    'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: My_shop\nspec: {ports: [{port: 80}]}\n',
    /^shop\.yaml:5:3: Namespace My_shop: metadata\.name: Invalid value: "My_shop"/,
  ],
]

for (const [what, text, message] of refusals) {
  void t.test(`${what} is told in one line, with its place`, async t => {
    const told = refusal(t, text)
    t.notMatch(told, /\n/)
    if (typeof message === 'string') t.equal(told, message)
    else t.match(told, message)
  })
}

void t.test('JSON has places too', async t => {
  t.match(
    refusal(t, '{\n "apiVersion": "v1",\n "kind": "Service",\n "metadata": {}\n}', 'a.json'),
    /^a\.json:4:2: Service default\//,
  )
})

void t.test('kinds that do not concern DNS are skipped and returned', async t => {
  const kinds = [
    'v1 ConfigMap',
    'v1 Secret',
    'apps/v1 DaemonSet',
    'batch/v1 Job',
    'networking.k8s.io/v1 Ingress',
    'apiextensions.k8s.io/v1 CustomResourceDefinition',
    'serving.knative.dev/v1 Service',
  ]
  const text = kinds.map(kind => {
    const [apiVersion, name] = kind.split(' ')
    return `apiVersion: ${apiVersion}\nkind: ${name}\nmetadata: {name: a}\n`
  })
  const manifests = loadManifests([t.testdir({ 'all.yaml': text.join('---\n') })])
  const { applied, skipped } = applyManifests(makeStore(), manifests)
  t.same(applied, [])
  t.same(
    skipped.map(({ object }) => `${object.apiVersion} ${object.kind}`),
    kinds,
  )
})

void t.test('Namespaces come first, also those that no manifest has', async t => {
  const text = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: data}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: data}
`
  const { applied } = applyManifests(makeStore(), loadManifests([t.testdir({ 'shop.yaml': text })]))
  t.same(names(applied), ['Namespace -/data', 'Namespace -/shop', 'Service shop/web', 'Service data/db'])
})

void t.test('a Service that names its address gets it, though another comes before it', async t => {
  const text = service('any') + '---\n' + service('named', '{clusterIP: 10.96.1.1, ports: [{port: 80}]}')
  const store = makeStore()
  applyManifests(store, loadManifests([t.testdir({ 'shop.yaml': text })]))
  const ipOf = (name: string): unknown =>
    (store.get(store.resource('Service'), 'default', name) as Service).spec.clusterIP
  t.equal(ipOf('named'), '10.96.1.1')
  t.not(ipOf('any'), '10.96.1.1')
})

void t.test(
  'objects that are there already are updated, with what another cluster wrote into them left out',
  async t => {
    const store = makeStore()
    const folder = t.testdir({ 'a.yaml': service('web'), 'b.yaml': service('web', '{ports: [{port: 81}]}') })
    const apply = (file: string): void => {
      const manifests = loadManifests([join(folder, file)])
      for (const { object } of manifests) Object.assign(object.metadata, { resourceVersion: '7', uid: 'elsewhere' })
      applyManifests(store, manifests)
    }
    apply('a.yaml')
    const before = store.get(store.resource('Service'), 'default', 'web') as Service
    apply('b.yaml')
    const after = store.get(store.resource('Service'), 'default', 'web') as Service
    t.equal(after.spec.ports?.[0]?.port, 81)
    t.equal(after.spec.clusterIP, before.spec.clusterIP)
  },
)

void t.test('slices and pods with a status are served as they are written', async t => {
  const text = `apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: web}}
spec: {containers: [{name: a, image: a}]}
status: {phase: Running, podIP: 172.16.0.1}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-1
  labels: {kubernetes.io/service-name: web, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}
addressType: IPv4
endpoints: [{addresses: [172.16.0.9], conditions: {ready: true}}]
---
${service('web', '{selector: {app: none}, ports: [{port: 80}]}')}`
  const store = makeStore()
  const controllers = startControllers(store)
  t.teardown(() => controllers.stop())
  applyManifests(store, loadManifests([t.testdir({ 'shop.yaml': text })]))
  await controllers.settled()
  t.match(store.get(store.resource('Pod'), 'default', 'a'), { status: { phase: 'Running', podIP: '172.16.0.1' } })
  const slices = store.list(store.resource('EndpointSlice')) as EndpointSlice[]
  t.same(
    slices.map(({ metadata, endpoints }) => [metadata.name, endpoints[0]?.addresses]),
    [['web-1', ['172.16.0.9']]],
  )
})

void t.test('the examples are admitted by a strict cluster and come to life', async t => {
  const store = makeStore()
  const errors: unknown[] = []
  const controllers = startControllers(store, { onError: (...error) => errors.push(error) })
  t.teardown(() => controllers.stop())
  const { skipped } = applyManifests(store, loadManifests([examples]))
  await controllers.settled()
  t.same([skipped, errors], [[], []])
  const slices = store.list(store.resource('EndpointSlice')) as EndpointSlice[]
  const counts = slices.map(({ metadata, addressType, endpoints }) => {
    return `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']} ${addressType} ${endpoints.length}`
  })
  t.same(counts.toSorted(), [
    'data/cache IPv4 3',
    'data/ledger IPv4 2',
    'default/hello IPv4 1',
    'shop/api IPv4 2',
    'shop/api IPv6 2',
    'shop/web IPv4 3',
    'shop/web-nodes IPv4 3',
    'shop/web-public IPv4 3',
  ])
  const types = (store.list(store.resource('Service')) as Service[]).map(({ spec }) => spec.type)
  t.same(new Set(types), new Set(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']))
})
