// `topology`: what a headless Service is to the clients of a zone.

import t, { type Test } from 'tap'
import type { FakeApi } from '../../../src/fakeapi/fakeapi.ts'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import type { Handler } from '../../../src/server/handler.ts'
import { Rcode } from '../../../src/wire/constants.ts'
import { openApi } from '../../site/running.ts'
import { TYPES } from '../../site/zonefile.ts'
import { Threads, block as threaded } from '../../site/threads.ts'
import { type TestBlock, ask, chain, makeProcess, setUp, start, stop } from '../harness.ts'
import { type Endpoint, clusterIP, externalName, headless, namespace, pod, slice } from './objects.ts'

const S = 'ns.svc.cluster.local.'
const DB = `db.${S}`
const A = 'eu-1a'
const B = 'eu-1B.example'
const C = 'eu-1c'

const meant = (address: string, ...zones: string[]): Endpoint => ({
  addresses: [address],
  hints: { forZones: zones.map(name => ({ name })) },
})
const inZone = (address: string, zone: string): Endpoint => ({ ...meant(address, zone), zone })
const client = (address: string, place: Partial<Endpoint>, name = `app-${address}`): Endpoint => ({
  addresses: [address],
  targetRef: { kind: 'Pod', name },
  ...place,
})

const CLIENTS = {
  a: '10.1.0.1',
  b: '10.1.0.2',
  c: '10.1.0.3',
  /** A zone that nothing is meant for. */
  d: '10.1.0.4',
  /** Of its node alone something is known. */
  onNode: '10.1.0.5',
  starting: '10.1.0.6',
  six: 'fd00::1:1',
  /** On the network of a node, in two namespaces. */
  shared: '10.9.0.1',
  torn: '10.1.0.7',
  noPod: '10.1.0.8',
  noZone: '10.1.0.9',
  unknown: '192.0.2.1',
} as const
type Client = keyof typeof CLIENTS

const clients: ApiObject[] = [
  clusterIP('app', ['10.96.0.10']),
  clusterIP('other', ['10.96.0.11'], undefined, { namespace: 'more' }),
  slice('app', [
    client(CLIENTS.a, { zone: A, nodeName: 'node-1' }),
    client(CLIENTS.b, { zone: B, nodeName: 'node-2' }),
    client(CLIENTS.c, { zone: C }),
    client(CLIENTS.d, { zone: 'eu-1d' }),
    client(CLIENTS.onNode, { nodeName: 'node-1' }),
    client(CLIENTS.starting, { zone: B, conditions: { ready: false } }),
    client(CLIENTS.shared, { zone: A }),
    client(CLIENTS.torn, { zone: A }),
    { addresses: [CLIENTS.noPod], zone: A },
    client(CLIENTS.noZone, { nodeName: 'node-9' }),
  ]),
  slice('app', [client('FD00:0::1:1', { zone: C })], { name: 'app-6' }),
  slice('other', [client(CLIENTS.shared, { zone: A }), client(CLIENTS.torn, { zone: B })], { namespace: 'more' }),
]

const services: ApiObject[] = [
  headless('db'),
  slice('db', [meant('10.0.0.1', A), { ...meant('10.0.0.2', B), hostname: 'db-1' }]),
  slice('db', [meant('10.0.0.3', B, C)], { name: 'db-2' }),
  // Not all of this family have hints.
  slice('db', [meant('fd00::1', A), 'fd00::2'], { name: 'db-6' }),
  headless('bare'),
  slice('bare', ['10.0.1.1', '10.0.1.2']),
  headless('part'),
  slice('part', [meant('10.0.2.1', A)]),
  slice('part', [{ addresses: ['10.0.2.2'], zone: B }], { name: 'part-2' }),
  headless('waiting'),
  slice('waiting', [
    meant('10.0.3.1', A),
    { ...meant('10.0.3.2'), conditions: { ready: false } },
    meant('10.0.3.3', B),
  ]),
  headless('ports'),
  slice('ports', [meant('10.0.4.1', A)], { ports: [{ name: 'one', port: 1 }] }),
  slice('ports', [meant('10.0.4.2', B)], { ports: [{ name: 'two', port: 2 }], name: 'ports-2' }),
  headless('twins'),
  slice('twins', [
    { ...meant('10.0.7.1', A), hostname: 'twin' },
    { ...meant('10.0.7.2', B), hostname: 'twin' },
  ]),
  clusterIP('web', ['10.96.0.20']),
  slice('web', [meant('10.0.5.1', A), meant('10.0.5.2', B)]),
  externalName('alias', DB),
  headless('two'),
  slice('two', [meant('10.0.6.1', A)]),
  slice('two', [meant('fd00::6:1', A), meant('fd00::6:2', B)], { name: 'two-6' }),
]

interface Opened {
  readonly api: FakeApi
  readonly block: TestBlock
  readonly answer: (from: string, question: string) => string[]
}

const OUTSIDE: Handler = { serve: () => Rcode.NXDOMAIN }

async function open(t: Test, options: string, objects: readonly ApiObject[], directives = ''): Promise<Opened> {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  for (const object of [namespace('ns'), namespace('more'), ...objects]) api.apply(object)
  const process = { ...makeProcess(), api: { endpoint: await api.listen() } }
  const [block] = setUp(`. {\n${directives}\nkubernetes cluster.local {\n${options}\n}\n}`, process)
  const handler = chain(block, OUTSIDE)
  block.resolver = handler
  t.teardown(() => stop(block))
  await start(block)
  const answer = (from: string, question: string): string[] => {
    const [name, type] = question.split(' ')
    const { rcode, sections } = ask(handler, { name, type: TYPES[type], client: from, udpSize: 4096 })
    if (rcode !== Rcode.NOERROR) return [String(rcode)]
    return [...sections[0].toSorted(), ...sections[2].toSorted().map(line => `; ${line}`)]
  }
  return { api, block, answer }
}

const records = (name: string, type: string, addresses: string[]): string[] =>
  addresses.map(address => `${name} 5 ${type} ${address}`)
const srv = (name: string, weight: number, port: number, targets: Record<string, string>): string[] => [
  ...Object.keys(targets).map(host => `${name} 5 SRV 0 ${weight} ${port} ${host}.${DB}`),
  ...Object.entries(targets).map(([host, address]) => `; ${host}.${DB} 5 ${address}`),
]

const v6 = { 'fd00--1': 'AAAA fd00::1', 'fd00--2': 'AAAA fd00::2' }
const ofA = { '10-0-0-1': 'A 10.0.0.1', ...v6 }
const ofB = { '10-0-0-3': 'A 10.0.0.3', 'db-1': 'A 10.0.0.2', ...v6 }
const ofC = { '10-0-0-3': 'A 10.0.0.3', ...v6 }
const all = { ...ofA, ...ofB }
const sorted = (lines: string[]): string[] => [
  ...lines.filter(line => !line.startsWith(';')).toSorted(),
  ...lines.filter(line => line.startsWith(';')).toSorted(),
]

const EVERY = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
const near: Record<Client, string[]> = {
  a: ['10.0.0.1'],
  b: ['10.0.0.2', '10.0.0.3'],
  c: ['10.0.0.3'],
  d: EVERY,
  onNode: ['10.0.0.1'],
  starting: ['10.0.0.2', '10.0.0.3'],
  six: ['10.0.0.3'],
  shared: ['10.0.0.1'],
  torn: EVERY,
  noPod: EVERY,
  noZone: EVERY,
  unknown: EVERY,
}

void t.test('a client is told the endpoints that are meant for its zone, if that is known', async t => {
  const { answer } = await open(t, 'topology', [...clients, ...services])
  for (const [who, addresses] of Object.entries(near)) {
    t.same(answer(CLIENTS[who as Client], `${DB} A`), records(DB, 'A', addresses), who)
  }
})

const rows: [from: Client, question: string, ...lines: string[]][] = [
  ['a', `${DB} AAAA`, ...records(DB, 'AAAA', ['fd00::1', 'fd00::2'])],
  ['a', `${DB} SRV`, ...srv(DB, 33, 80, ofA)],
  ['b', `${DB} SRV`, ...srv(DB, 25, 80, ofB)],
  ['c', `${DB} SRV`, ...srv(DB, 33, 80, ofC)],
  ['d', `${DB} SRV`, ...srv(DB, 20, 80, all)],
  // In every spelling, and as CoreDNS has the names of ports.
  ['a', `DB.ns.svc.Cluster.Local. A`, 'DB.ns.svc.Cluster.Local. 5 A 10.0.0.1'],
  ['b', `_http._tcp.${DB} A`, ...records(`_http._tcp.${DB}`, 'A', ['10.0.0.2', '10.0.0.3'])],
  ['b', `http.tcp.${DB} SRV`, ...srv(`http.tcp.${DB}`, 25, 80, ofB)],
  ['c', `_HTTP._tcp.${DB} SRV`, ...srv(`_HTTP._tcp.${DB}`, 33, 80, ofC)],
  ['a', `alias.${S} A`, `alias.${S} 5 CNAME ${DB}`, ...records(DB, 'A', ['10.0.0.1'])],
  ['d', `alias.${S} A`, `alias.${S} 5 CNAME ${DB}`, ...records(DB, 'A', EVERY)],
  // A name of an endpoint is that of one, wherever it is; a cluster IP is kube-proxy's.
  ['a', `db-1.${DB} A`, `db-1.${DB} 5 A 10.0.0.2`],
  ['a', `web.${S} A`, `web.${S} 5 A 10.96.0.20`],
  ['a', `10-0-5-2.web.${S} A`, `10-0-5-2.web.${S} 5 A 10.0.5.2`],
  // No hints, not at all or not for all.
  ['a', `bare.${S} A`, ...records(`bare.${S}`, 'A', ['10.0.1.1', '10.0.1.2'])],
  ['a', `part.${S} A`, ...records(`part.${S}`, 'A', ['10.0.2.1', '10.0.2.2'])],
  // What is not ready needs none.
  ['a', `waiting.${S} A`, `waiting.${S} 5 A 10.0.3.1`],
  ['b', `waiting.${S} A`, `waiting.${S} 5 A 10.0.3.3`],
  // Each port by itself: this one has nothing in the zone.
  ['a', `ports.${S} A`, `ports.${S} 5 A 10.0.4.1`],
  ['a', `_two._tcp.ports.${S} A`, `_two._tcp.ports.${S} 5 A 10.0.4.2`],
  ['a', `twins.${S} SRV`, `twins.${S} 5 SRV 0 100 80 twin.twins.${S}`, `; twin.twins.${S} 5 A 10.0.7.1`],
  // And each family.
  ['b', `two.${S} A`, `two.${S} 5 A 10.0.6.1`],
  ['b', `two.${S} AAAA`, `two.${S} 5 AAAA fd00::6:2`],
  ...['TXT', 'MX', 'CNAME', 'ANY', 'NS'].map((type): [Client, string] => ['a', `${DB} ${type}`]),
  ['a', `missing.${S} A`, '3'],
]

void t.test('so are names of ports, SRV, and aliases; all else is the same for everybody', async t => {
  const { answer } = await open(t, 'topology', [...clients, ...services])
  for (const [from, question, ...lines] of rows)
    t.same(answer(CLIENTS[from], question), sorted(lines), `${from} ${question}`)
})

void t.test('a name that chooses a zone has that, and else what the Service has for the client', async t => {
  const objects = [headless('db'), slice('db', [inZone('10.0.0.1', A), inZone('10.0.0.2', B)])]
  const { answer } = await open(t, 'topology\nzonal', [...clients, ...objects])
  const name = (directive: string): string => `${directive}._zone.${DB}`
  t.same(answer(CLIENTS.a, `${name('eu-1b.example.pin')} A`), [`${name('eu-1b.example.pin')} 5 A 10.0.0.2`])
  t.same(answer(CLIENTS.a, `${name('eu-1b.example.prefer')} A`), [`${name('eu-1b.example.prefer')} 5 A 10.0.0.2`])
  t.same(answer(CLIENTS.a, `${name('none.pin')} A`), [])
  t.same(answer(CLIENTS.a, `${name('none.prefer')} SRV`), [
    `${name('none.prefer')} 5 SRV 0 100 80 10-0-0-1.${DB}`,
    `; 10-0-0-1.${DB} 5 A 10.0.0.1`,
  ])
})

void t.test('where Pods are watched, all of them are known by their node', async t => {
  const objects = [
    ...clients,
    ...services,
    pod('alone', '10.1.0.99', { nodeName: 'node-2' }),
    pod('host', CLIENTS.shared, { nodeName: 'node-1' }),
    pod('nowhere', '10.1.0.98', { nodeName: 'node-9' }),
    pod('pending', '10.1.0.97'),
  ]
  const { api, answer } = await open(t, 'topology\npods verified', objects)
  for (const [from, addresses] of [
    ['10.1.0.99', near.b],
    [CLIENTS.a, near.a],
    [CLIENTS.shared, near.a],
    ['10.1.0.98', EVERY],
    ['10.1.0.97', EVERY],
  ] as const) {
    t.same(answer(from, `${DB} A`), records(DB, 'A', [...addresses]), from)
  }
  // Where the node is, is told by another Pod on it.
  api.apply(slice('other', [client('10.1.0.96', { zone: C, nodeName: 'node-9' })], { namespace: 'more', name: 'o-2' }))
  while (answer('10.1.0.98', `${DB} A`).length !== near.c.length) await new Promise(setImmediate)
  t.same(answer('10.1.0.98', `${DB} A`), records(DB, 'A', near.c))
})

void t.test('it changes with hints, with endpoints and with where the client is', async t => {
  const { api, answer } = await open(t, 'topology', [...clients, ...services])
  const become = async (from: string, addresses: string[]): Promise<void> => {
    const expected = JSON.stringify(records(DB, 'A', addresses))
    while (JSON.stringify(answer(from, `${DB} A`)) !== expected) await new Promise(setImmediate)
  }
  // One without hints is enough for nobody's to count.
  api.apply(slice('db', ['10.0.0.3'], { name: 'db-2' }))
  await become(CLIENTS.a, EVERY)
  api.apply(slice('db', [meant('10.0.0.3', A)], { name: 'db-2' }))
  await become(CLIENTS.a, ['10.0.0.1', '10.0.0.3'])
  t.same(answer(CLIENTS.b, `${DB} A`), records(DB, 'A', ['10.0.0.2']))
  t.same(answer(CLIENTS.c, `${DB} A`), records(DB, 'A', EVERY))
  const { store } = api
  store.delete(store.resource('EndpointSlice'), 'ns', 'db-1')
  await become(CLIENTS.b, ['10.0.0.3'])
  api.apply(slice('db', [meant('10.0.0.1', A), meant('10.0.0.2', B)]))
  await become(CLIENTS.b, ['10.0.0.2'])
  api.apply(slice('other', [client(CLIENTS.unknown, { zone: B })], { namespace: 'more' }))
  await become(CLIENTS.unknown, ['10.0.0.2'])
  api.apply(slice('other', [client(CLIENTS.unknown, { zone: A })], { namespace: 'more' }))
  await become(CLIENTS.unknown, ['10.0.0.1', '10.0.0.3'])
  store.delete(store.resource('EndpointSlice'), 'more', 'other-1')
  await become(CLIENTS.unknown, EVERY)
  store.delete(store.resource('Service'), 'ns', 'db')
  while (answer(CLIENTS.a, `${DB} A`)[0] !== '3') await new Promise(setImmediate)
})

void t.test('max_answers draws from what is meant for the zone', async t => {
  const addresses = Array.from({ length: 40 }, (_, i) => `10.0.0.${i + 1}`)
  const objects = [
    headless('db'),
    slice(
      'db',
      addresses.map((address, i) => meant(address, i % 2 === 0 ? A : B)),
    ),
  ]
  const { answer } = await open(t, 'topology\nmax_answers 4', [...clients, ...objects])
  const seen = new Set<number>()
  for (let i = 0; i < 200; i++) {
    const lines = answer(CLIENTS.a, `${DB} A`)
    t.equal(lines.length, 4)
    for (const line of lines) seen.add(Number(line.split('.').at(-1)))
  }
  t.same(
    [...seen].sort((a, b) => a - b),
    addresses.map((_, i) => i + 1).filter(n => n % 2 === 1),
  )
})

void t.test(
  'another client’s answer is in no cache, and an alias or a search path leads to the client’s own',
  async t => {
    const template = 'template IN A alias.test {\nanswer "{{ .Name }} 5 IN CNAME db.ns.svc.cluster.local."\n}'
    const directives = `cache 30\nautopath @kubernetes\n${template}`
    const { answer } = await open(t, 'topology', [...clients, ...services], directives)
    const walked = `db.ns.ns.svc.cluster.local.`
    for (let i = 0; i < 2; i++) {
      for (const who of ['a', 'b', 'd'] as const) {
        t.same(answer(CLIENTS[who], `${DB} A`), records(DB, 'A', near[who]), who)
        t.same(
          answer(CLIENTS[who], `${walked} A`),
          sorted([`${walked} 5 CNAME ${DB}`, ...records(DB, 'A', near[who])]),
          `${who} along the search path`,
        )
        t.same(
          answer(CLIENTS[who], 'alias.test. A'),
          sorted([`alias.test. 5 CNAME ${DB}`, ...records(DB, 'A', near[who])]),
          `${who} through an alias`,
        )
      }
    }
  },
)

void t.test('without the option nothing of it is there', async t => {
  const { block, answer } = await open(t, '', [...clients, ...services])
  t.same(answer(CLIENTS.a, `${DB} A`), records(DB, 'A', EVERY))
  t.same([...block.board.values.keys()], ['kubernetes/image'])
})

void t.test('all threads tell it, and it moves as it grows', async t => {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  const home = '127.0.0.1'
  const objects = [
    namespace('ns'),
    pod('home', home, { nodeName: 'node-1' }),
    clusterIP('app', ['10.96.0.10']),
    slice('app', [client('10.1.0.1', { zone: A, nodeName: 'node-1' })]),
    headless('db'),
    slice('db', [meant('10.0.0.1', A), meant('10.0.0.2', B)]),
  ]
  for (const object of objects) api.apply(object)
  const endpoint = await api.listen()
  const directive = 'kubernetes cluster.local {\n        topology\n        pods verified\n    }'
  const site = await Threads.start(t, threaded(2, directive), { api: { endpoint } })
  t.same([...(await site.askAll(DB))], ['0 1'])
  api.apply(slice('db', [meant('10.0.0.1', B), meant('10.0.0.2', A)]))
  await site.become(t, DB, '0 2')
  for (let i = 0; i < 400; i++) {
    api.apply(headless(`more-${i}`))
    api.apply(slice(`more-${i}`, [meant('10.0.0.1', B), meant(`10.2.${i >> 8}.${i & 255}`, A)]))
  }
  await site.become(t, `more-399.${S}`, `0 ${399 & 255}`)
  t.same([...(await site.askAll(`more-0.${S}`))], ['0 0'])
  t.same([...(await site.askAll(DB))], ['0 2'])
})
