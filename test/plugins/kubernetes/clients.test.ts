import t, { type Test } from 'tap'
import type { FakeApi } from '../../../src/fakeapi/fakeapi.ts'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import { Rcode } from '../../../src/wire/constants.ts'
import type { Handler } from '../../../src/server/handler.ts'
import { ClientField, Clients } from '../../../src/plugins/kubernetes/clients.ts'
import { ClientWriter, sliceClients } from '../../../src/plugins/kubernetes/clientwriter.ts'
import { slimEndpointSlice } from '../../../src/watch/slim.ts'
import { formatAddress, parseAddress } from '../../../src/wire/address.ts'
import { ZoneImage } from '../../../src/zones/image.ts'
import { openApi } from '../../site/running.ts'
import { type TestBlock, ask, chain, makeProcess, setUp, start, stop } from '../harness.ts'
import { type Endpoint, clusterIP, namespace, pod, slice } from './objects.ts'

const octets = (text: string): Uint8Array => parseAddress(text)!
const endpoint = (address: string, name: string, ready = true): Endpoint => ({
  addresses: [address],
  conditions: { ready },
  targetRef: { kind: 'Pod', name },
})

const OBJECTS: readonly ApiObject[] = [
  namespace('ns'),
  namespace('data'),
  clusterIP('web', ['10.96.0.10']),
  clusterIP('db', ['10.96.0.20'], undefined, { namespace: 'data' }),
  slice('web', [endpoint('10.1.0.1', 'web-1'), endpoint('10.1.0.2', 'web-2', false), endpoint('10.9.0.1', 'on-node')]),
  slice('db', [endpoint('10.1.0.3', 'db-1'), endpoint('10.9.0.1', 'on-node'), '192.0.2.80'], { namespace: 'data' }),
  slice('web', [endpoint('fd00::1:1', 'web-1')], { name: 'web-6' }),
]
const PODS: readonly ApiObject[] = [
  pod('alone', '10.1.0.9'),
  pod('node-a', '10.9.0.2'),
  pod('node-b', '10.9.0.2'),
  pod('node-a', '10.9.0.4', { namespace: 'data' }),
]

/** Behind everything: names outside of the cluster. */
const OUTSIDE: Handler = { serve: () => Rcode.NXDOMAIN }

interface Opened {
  readonly api: FakeApi
  readonly block: TestBlock
  readonly handler: Handler
}

async function open(t: Test, options: string, objects: readonly ApiObject[], directives = ''): Promise<Opened> {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  for (const object of objects) api.apply(object)
  const process = { ...makeProcess(), api: { endpoint: await api.listen() } }
  const corefile = `. {\n${directives}\nautopath @kubernetes\nkubernetes cluster.local {\n${options}\n}\n}`
  const [block] = setUp(corefile, process)
  const handler = chain(block, OUTSIDE)
  t.teardown(() => stop(block))
  await start(block)
  return { api, block, handler }
}

/** Whose search path the server follows: the answer to a name of the other namespace. */
const walked = (handler: Handler, client: string, name = 'db.data.ns.svc.cluster.local.'): string[] => {
  const { rcode, sections } = ask(handler, { name, client })
  return rcode === Rcode.NXDOMAIN ? [] : sections[0]
}

const DB = [
  'db.data.ns.svc.cluster.local. 5 CNAME db.data.svc.cluster.local.',
  'db.data.svc.cluster.local. 5 A 10.96.0.20',
]

const clients: readonly [options: string, client: string, isKnown: boolean][] = [
  ['', '10.1.0.1', true],
  ['', 'fd00::1:1', true],
  ['pods insecure', '10.1.0.1', true],
  // Not ready, not behind a Service, of another namespace, of two, of no Pod, unknown.
  ['', '10.1.0.2', false],
  ['', '10.1.0.9', false],
  ['', '10.1.0.3', false],
  ['', '10.9.0.1', false],
  ['', '192.0.2.80', false],
  ['', '192.0.2.1', false],
  ['noendpoints', '10.1.0.1', false],
  // Pods are told by themselves.
  ['pods verified', '10.1.0.9', true],
  ['pods verified\nnoendpoints', '10.1.0.9', true],
  ['pods verified', '10.9.0.2', true],
  ['pods verified', '10.1.0.1', false],
]

for (const [options, client, isKnown] of clients) {
  void t.test(`${isKnown ? 'follows' : 'does not follow'} the path of ${client} with '${options}'`, async t => {
    const { handler } = await open(t, options, [...OBJECTS, ...PODS])
    t.same(walked(handler, client), isKnown ? DB : [])
  })
}

void t.test('the path has the cluster’s suffixes, and the name alone', async t => {
  const { handler } = await open(t, '', OBJECTS)
  const rows: [name: string, type: number, rcode: Rcode, answer: string[]][] = [
    ['web.ns.svc.cluster.local.', 1, Rcode.NOERROR, ['web.ns.svc.cluster.local. 5 A 10.96.0.10']],
    ['web.ns.svc.cluster.local.', 28, Rcode.NOERROR, []],
    ['db.data.ns.svc.cluster.local.', 28, Rcode.NOERROR, []],
    [
      'DB.data.svc.NS.svc.Cluster.local.',
      1,
      Rcode.NOERROR,
      [
        'DB.data.svc.NS.svc.Cluster.local. 5 CNAME DB.data.svc.cluster.local.',
        'DB.data.svc.cluster.local. 5 A 10.96.0.20',
      ],
    ],
    [
      'db.data.svc.cluster.local.ns.svc.cluster.local.',
      1,
      Rcode.NOERROR,
      [
        'db.data.svc.cluster.local.ns.svc.cluster.local. 5 CNAME db.data.svc.cluster.local.',
        'db.data.svc.cluster.local. 5 A 10.96.0.20',
      ],
    ],
    [
      '_http._tcp.db.data.ns.svc.cluster.local.',
      33,
      Rcode.NOERROR,
      [
        '_http._tcp.db.data.ns.svc.cluster.local. 5 CNAME _http._tcp.db.data.svc.cluster.local.',
        '_http._tcp.db.data.svc.cluster.local. 5 SRV 0 100 80 db.data.svc.cluster.local.',
      ],
    ],
    ['nobody.ns.svc.cluster.local.', 1, Rcode.NXDOMAIN, []],
    ['ns.svc.cluster.local.', 1, Rcode.NOERROR, []],
    ['db.data.svc.cluster.local.', 1, Rcode.NOERROR, ['db.data.svc.cluster.local. 5 A 10.96.0.20']],
  ]
  for (const [name, type, rcode, answer] of rows) {
    const found = ask(handler, { name, type, client: '10.1.0.1', udpSize: 4096 })
    t.equal(found.rcode, rcode, `${name} ${type}`)
    t.same(found.sections[0], answer, `${name} ${type}`)
    // Who has the negative answer is told in either case.
    t.equal(found.sections[1].length, answer.length === 0 ? 1 : 0, `${name} ${type}`)
  }
})

void t.test('who has an address follows the API', async t => {
  const { api, handler } = await open(t, 'pods verified', [...OBJECTS, ...PODS])
  const become = async (client: string, expected: string[]): Promise<void> => {
    while (JSON.stringify(walked(handler, client)) !== JSON.stringify(expected)) await new Promise(setImmediate)
    t.same(walked(handler, client), expected)
  }
  const { store } = api
  api.apply(pod('new', '10.1.0.77'))
  await become('10.1.0.77', DB)
  store.delete(store.resource('Pod'), 'ns', 'new', { gracePeriodSeconds: 0 })
  await become('10.1.0.77', [])
  api.apply(pod('next', '10.1.0.77', { namespace: 'data' }))
  api.apply(pod('more', '10.9.0.2', { namespace: 'data' }))
  await become('10.9.0.2', [])
  t.same(walked(handler, '10.1.0.77', 'web.ns.data.svc.cluster.local.'), [
    'web.ns.data.svc.cluster.local. 5 CNAME web.ns.svc.cluster.local.',
    'web.ns.svc.cluster.local. 5 A 10.96.0.10',
  ])
})

void t.test('metadata tells the namespace of a client, and the Pod where there is one', async t => {
  const log = 'metadata\nlog . "{/kubernetes/client-namespace} {/kubernetes/client-pod-name}"'
  const { block, handler } = await open(t, 'pods verified', [...OBJECTS, ...PODS], log)
  for (const [client, line] of [
    ['10.1.0.9', 'ns alone'],
    ['10.9.0.2', 'ns -'],
    ['10.9.0.4', 'data node-a'],
    ['192.0.2.1', '- -'],
  ]) {
    ask(handler, { name: 'www.example.org.', client })
    t.equal(block.process.lines.at(-1), `info ${line}`, client)
  }
})

const NAME = 'app.kubernetes.io/name'
const READ_LABELS = `metadata\nlog . "{/kubernetes/client-label/app}|{/kubernetes/client-label/${NAME}}"`

void t.test('metadata tells the labels of a client’s Pod that somebody reads', async t => {
  const objects = [
    namespace('ns'),
    pod('a', '10.1.0.1', { labels: { app: 'web', [NAME]: 'shop', tier: 'front' } }),
    pod('b', ['10.1.0.2', 'fd00::2'], { labels: { app: '' } }),
    pod('c', '10.1.0.3', { labels: { apps: 'x', ap: 'y' } }),
    pod('d', '10.9.0.1', { labels: { app: 'x' } }),
    pod('e', '10.9.0.1', { labels: { app: 'x' } }),
  ]
  const { api, block, handler } = await open(t, 'pods verified', objects, READ_LABELS)
  const logged = (client: string): string => {
    ask(handler, { name: 'www.example.org.', client })
    return block.process.lines.at(-1) ?? ''
  }
  for (const [client, line] of [
    ['10.1.0.1', 'web|shop'],
    ['10.1.0.2', '|-'],
    ['fd00::2', '|-'],
    ['10.1.0.3', '-|-'],
    // Two Pods on the network of a node.
    ['10.9.0.1', '-|-'],
    ['192.0.2.1', '-|-'],
  ]) {
    t.equal(logged(client), `info ${line}`, client)
  }
  api.apply(pod('a', '10.1.0.1', { labels: { app: 'api' } }))
  while (logged('10.1.0.1') !== 'info api|-') await new Promise(setImmediate)
})

void t.test('slices know of no labels', async t => {
  const { block, handler } = await open(t, 'pods insecure', OBJECTS, READ_LABELS)
  ask(handler, { name: 'www.example.org.', client: '10.1.0.1' })
  t.equal(block.process.lines.at(-1), 'info -|-')
})

void t.test('a template alone is enough for the table to be kept', async t => {
  const template =
    'template IN MX example.com {\nanswer "{{ .Name }} 5 CNAME {{ .Meta `kubernetes/client-namespace` }}."\n}'
  const { handler } = await open(t, 'pods verified', [...OBJECTS, ...PODS], `metadata\n${template}`)
  const { sections } = ask(handler, { name: 'a.example.com.', type: 15, client: '10.1.0.9' })
  t.same(sections[0], ['a.example.com. 5 CNAME ns.'])
})

void t.test('an address in any spelling is the same', async t => {
  const held = slimEndpointSlice(slice('web', [endpoint('FD00:0:0::1', 'web-1'), endpoint('fd00::2', 'web-2')]))!
  t.same(sliceClients(octets('fd00::1'), [held]), [{ namespace: 'ns', podName: 'web-1' }])
  t.same(sliceClients(octets('fd00::3'), [held]), [])
})

void t.test('the table is read while it is written, and moves as it grows', async t => {
  let moves = 0
  const writer = new ClientWriter(buffer => {
    image.attach(buffer)
    moves++
  })
  const image = new ZoneImage(writer.buffer)
  const table = new Clients(image)
  const addresses = Array.from({ length: 5_000 }, (_, i) => Uint8Array.of(10, 0, i >> 8, i))
  for (const [i, address] of addresses.entries())
    writer.set(address, [{ namespace: `ns-${i % 7}`, podName: `pod-${i}` }])
  t.ok(moves > 1)
  for (const [i, address] of addresses.entries()) {
    if (!table.find(address, ClientField.Namespace) || table.found !== `ns-${i % 7}`) t.fail(formatAddress(address))
    if (!table.find(address, ClientField.Pod) || table.found !== `pod-${i}`) t.fail(formatAddress(address))
  }
  writer.set(addresses[0], [])
  t.notOk(table.find(addresses[0], ClientField.Namespace))
  t.notOk(table.find(octets('::'), ClientField.Namespace))
})
