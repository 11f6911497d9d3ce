// What is answered from a snapshot while the API is away, and how the API takes its place.

import { statSync } from 'node:fs'
import t from 'tap'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import { until } from '../../cli/command.ts'
import { type Endpoint, clusterIP, externalName, headless, namespace, pod, service, slice } from './objects.ts'
import { Snapshotting, type Told } from './snapshotting.ts'

const STALE_ANSWER = 3
const NOT_READY = 14
const Z = 'cluster.local.'
const N = `ns.svc.${Z}`

const objects: ApiObject[] = [
  namespace('ns'),
  namespace('empty'),
  clusterIP('web', ['10.96.0.10']),
  clusterIP('other', ['10.96.0.11']),
  headless('db'),
  slice('db', [{ addresses: ['10.0.0.1'], hostname: 'db-0' }, '10.0.0.2']),
  externalName('alias', `web.${N}`),
  pod('p', '10.240.0.1'),
  { ...service('shop', { externalIPs: ['203.0.113.1'], ports: [{ name: 'http', port: 80 }] }), status: {} },
  service('awaited', { clusterIP: 'None', selector: { app: 'none' } }),
]

const OPTIONS = 'pods verified\nsnapshot names.snapshot 1s'
const OTHERS = 'k8s_external example.org\nwhoami'

/** All that is there, of each kind of name. */
const questions = [
  ...['SOA', 'NS', 'A'].map(type => `${Z} ${type}`),
  `dns-version.${Z} TXT`,
  `svc.${Z} A`,
  `${N} A`,
  `empty.svc.${Z} TXT`,
  ...['A', 'AAAA', 'SRV'].map(type => `web.${N} ${type}`),
  `_http._tcp.web.${N} SRV`,
  `http.tcp.web.${N} SRV`,
  `_tcp.web.${N} A`,
  ...['A', 'SRV'].map(type => `db.${N} ${type}`),
  `db-0.db.${N} A`,
  `10-0-0-2.db.${N} A`,
  `alias.${N} A`,
  `alias.${N} CNAME`,
  `10-240-0-1.ns.pod.${Z} A`,
  '10.0.96.10.in-addr.arpa. PTR',
  '1.0.0.10.in-addr.arpa. PTR',
  'shop.ns.example.org. A',
  '_http._tcp.shop.ns.example.org. SRV',
  'ns.example.org. A',
]
const unknown = [`none.${N} A`, `foo.${Z} A`, `none.ns.example.org. A`, '99.0.96.10.in-addr.arpa. PTR']

void t.test('with the API away, every name is answered as before, and no other is said not to exist', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  const corefile = snapshotting.corefile(OPTIONS, OTHERS)
  const first = await snapshotting.start(corefile)
  await first.written()
  const before = await first.askAll(questions)
  const serial = await first.serial()
  t.notMatch(before.join('\n'), /NXDOMAIN|SERVFAIL|REFUSED/)
  t.match(await first.ask(unknown[0]), { rcode: 'NXDOMAIN', code: undefined })
  t.equal(await first.ready(), '200 OK')
  t.match(first.metrics(), { age_seconds: 0, writes_total: 1, write_failures_total: 0 })
  t.same(first.told, [`plugin/kubernetes: the snapshot ${snapshotting.file} is not there yet: waiting for the API`])
  await first.stop()
  t.equal(statSync(snapshotting.file).mode & 0o777, 0o600)
  await snapshotting.closeApi()

  const second = await snapshotting.start(corefile)
  t.same(await second.askAll(questions), before)
  // What was published in one second has its serial in the next one: a file that was written in between has that.
  t.ok((await second.serial()) >= serial, 'the serial does not go back')
  for (const question of questions) t.equal((await second.ask(question)).code, STALE_ANSWER, question)
  for (const question of unknown) t.match(await second.ask(question), { rcode: 'SERVFAIL', code: NOT_READY }, question)
  // Its slices were to come, and may have.
  t.match(await second.ask(`awaited.${N} A`), { rcode: 'SERVFAIL', code: NOT_READY })
  t.match(
    await second.ready(),
    /^200 OK\nkubernetes answers from a snapshot that is \d+s old: the API has not told everything yet$/,
  )
  t.ok(second.metrics().age_seconds > 0)
  t.match(second.told, [
    /^plugin\/kubernetes: answering with the \d+ names of the snapshot of 20\S+Z until the API has been heard$/,
  ])
})

void t.test(
  'what the API says takes the place of the snapshot in one step, and others are answered all the time',
  async t => {
    const snapshotting = await Snapshotting.open(t, objects)
    await snapshotting.write()
    await snapshotting.closeApi()
    const server = await snapshotting.start()
    const serial = await server.serial()

    const kept = [`db.${N} A`, `db-0.db.${N} A`, '1.0.0.10.in-addr.arpa. PTR', `${N} A`, `alias.${N} CNAME`]
    const expected = await server.askAll(kept)
    // With a Service that is gone, one that has moved and one that is new.
    const now = objects.filter(({ metadata }) => metadata.name !== 'other' && metadata.name !== 'web')
    await snapshotting.openApi([...now, clusterIP('web', ['10.96.0.20']), clusterIP('new', ['10.96.0.21'])])
    const seen = new Set<string>()
    const changed: Told[] = []
    for (let isOver = false; !isOver; ) {
      seen.add((await server.askAll(kept)).join('\n'))
      changed.push(await server.ask(`web.${N} A`), await server.ask(`new.${N} A`))
      isOver = server.running.log.some(line => line.startsWith('plugin/kubernetes: serving '))
    }
    t.same([...seen], [expected.join('\n')])
    t.same(new Set(changed.map(({ rcode }) => rcode)).size, 2, 'new was not known, and then it was')
    t.notMatch(changed, [{ rcode: 'NXDOMAIN' }])

    t.match(await server.ask(`web.${N} A`), { records: [`web.${N} 5 IN A 10.96.0.20`], code: undefined })
    t.match(await server.ask(`new.${N} A`), { records: [`new.${N} 5 IN A 10.96.0.21`], code: undefined })
    t.match(await server.ask(`other.${N} A`), { rcode: 'NXDOMAIN', code: undefined })
    t.match(await server.ask('11.0.96.10.in-addr.arpa. PTR'), { rcode: 'NXDOMAIN' })
    t.same(await server.askAll(kept), expected)
    t.ok(await until(async () => (await server.serial()) > serial))
    t.equal(await server.ready(), '200 OK')
    t.equal(server.metrics().age_seconds, 0)
    await server.written()
    t.match(server.told, [
      /^plugin\/kubernetes: answering /,
      /^plugin\/kubernetes: \d+ names were not as the snapshot had them$/,
    ])
  },
)

void t.test(
  'a zone that is the same has the next serial all the same: nobody knows what was told behind the snapshot',
  async t => {
    const snapshotting = await Snapshotting.open(t, objects)
    await snapshotting.write()
    await snapshotting.closeApi()
    const server = await snapshotting.start()
    const serial = await server.serial()
    await snapshotting.openApi(objects)
    await server.written()
    t.ok(await until(async () => (await server.serial()) > serial))
    t.match(server.told.at(-1), 'plugin/kubernetes: 0 names were not as the snapshot had them')
  },
)

void t.test('the last change before the end is in the snapshot', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  const corefile = snapshotting.corefile('snapshot names.snapshot 1h')
  const first = await snapshotting.start(corefile)
  await first.written()
  snapshotting.api?.apply(clusterIP('late', ['10.96.0.30']))
  for (let isThere = false; !isThere; ) isThere = (await first.ask(`late.${N} A`)).rcode === 'NOERROR'
  t.equal(first.metrics().writes_total, 1)
  await first.stop()
  await snapshotting.closeApi()
  const second = await snapshotting.start(corefile)
  t.match(await second.ask(`late.${N} A`), { records: [`late.${N} 5 IN A 10.96.0.30`], code: STALE_ANSWER })
})

void t.test('it is written when something has changed, and not otherwise', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  const server = await snapshotting.start()
  await server.written()
  const first = statSync(snapshotting.file).ino
  snapshotting.api?.apply(clusterIP('more', ['10.96.0.31']))
  await server.written(2)
  t.not(statSync(snapshotting.file).ino, first)
  await server.stop()
  t.equal(server.metrics().writes_total, 2, 'nothing more at the end')
})

void t.test('all serving threads answer from it', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  const corefile = snapshotting.corefile(undefined, 'multisocket 2')
  await snapshotting.write(corefile)
  await snapshotting.closeApi()
  const server = await snapshotting.start(corefile)
  const clients = await Promise.all(Array.from({ length: 20 }, () => server.askAnew(`web.${N} A`)))
  for (const told of clients) t.match(told, { records: [`web.${N} 5 IN A 10.96.0.10`], code: STALE_ANSWER })
  await snapshotting.openApi([namespace('ns'), clusterIP('web', ['10.96.0.12'])])
  await server.written()
  const later = await Promise.all(Array.from({ length: 20 }, () => server.askAnew(`web.${N} A`)))
  for (const told of later) t.match(told, { records: [`web.${N} 5 IN A 10.96.0.12`], code: undefined })
})

void t.test('who asks is known from it', async t => {
  const snapshotting = await Snapshotting.open(t, [
    namespace('client'),
    pod('me', '127.0.0.1', { namespace: 'client' }),
  ])
  const others =
    'metadata\ntemplate ANY TXT who {\nanswer "{{ .Name }} 5 IN TXT {{ .Meta \\"kubernetes/client-namespace\\" }}"\n}'
  const corefile = snapshotting.corefile(OPTIONS, others)
  const first = await snapshotting.start(corefile)
  await first.written()
  const before = await first.ask('x.who. TXT')
  t.match(before, { records: ['x.who. 5 IN TXT "client"'] })
  await first.stop()
  await snapshotting.closeApi()
  const second = await snapshotting.start(corefile)
  t.same(await second.ask('x.who. TXT'), before)
})

void t.test('secondaries get nothing of it, and the zone when the API has been heard', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  const corefile = snapshotting.corefile(undefined, 'transfer {\nto *\n}')
  await snapshotting.write(corefile)
  await snapshotting.closeApi()
  const server = await snapshotting.start(corefile)
  t.match(await server.running.askTcp(Z, 'AXFR'), { rcode: 'SERVFAIL', answer: [] })
  t.match(await server.running.askTcp(Z, 'SOA'), { rcode: 'NOERROR' })
  await snapshotting.openApi(objects)
  // With the first serial that is ours.
  t.ok(await until(async () => (await server.running.askTcp(Z, 'AXFR')).answer.includes(`web.${N} 5 IN A 10.96.0.10`)))
})

const meant = (address: string, zone: string): Endpoint => ({
  addresses: [address],
  hints: { forZones: [{ name: zone }] },
})

void t.test('endpoints that are meant for the zone of a client are so in it, too', async t => {
  const snapshotting = await Snapshotting.open(t, [
    namespace('ns'),
    namespace('client'),
    { ...pod('me', '127.0.0.1', { namespace: 'client' }), spec: { nodeName: 'node-a' } },
    // By which the zone of the node is known.
    slice('any', [{ addresses: ['10.0.0.9'], zone: 'a', nodeName: 'node-a', targetRef: { kind: 'Pod', name: 'any' } }]),
    headless('near'),
    slice('near', [meant('10.0.0.1', 'a'), meant('10.0.0.2', 'b')]),
  ])
  const corefile = snapshotting.corefile('topology\npods verified\nsnapshot names.snapshot')
  const first = await snapshotting.start(corefile)
  await first.written()
  const before = await first.ask(`near.${N} A`)
  t.match(before, { records: [`near.${N} 5 IN A 10.0.0.1`], code: undefined })
  await first.stop()
  await snapshotting.closeApi()
  const second = await snapshotting.start(corefile)
  t.same(await second.ask(`near.${N} A`), { ...before, code: STALE_ANSWER })
})
