import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { Rcode } from '../../src/wire/constants.ts'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { TYPES } from '../site/zonefile.ts'
import { setUpBlock } from './harness.ts'
import { Cluster } from './kubernetes/cluster.ts'
import { clusterIP, externalName, headless, namespace, slice } from './kubernetes/objects.ts'
import { soaRecord, transfer, transferOver } from './transferring.ts'

const Z = 'cluster.local.'
const REVERSE = '10.in-addr.arpa.'
const OBJECTS = [
  namespace('ns'),
  clusterIP('web', ['10.96.0.10']),
  headless('db'),
  slice('db', [{ addresses: ['10.1.0.1'], hostname: 'db-0' }, { addresses: ['10.1.0.2'] }]),
  externalName('docs', 'docs.example.org'),
]
const ANYBODY = 'transfer {\n to *\n}'

const open = (test: Test, behind = ANYBODY, objects = OBJECTS): Promise<Cluster> =>
  Cluster.open(test, { objects, zones: 'cluster.local 10.in-addr.arpa', options: 'namespaces ns', behind })

const SOA = (zone: string): string => `${zone} 5 IN SOA ns.dns.${zone} hostmaster.${zone} * 7200 1800 86400 5`
const APEX = (zone: string): string[] => [
  `${zone} 5 IN NS ns.dns.${zone}`,
  `dns-version.${zone} 28800 IN TXT "1.1.0"`,
  `ns.dns.${zone} 5 IN A 127.0.0.1`,
]

const ZONES: Readonly<Record<string, string[]>> = {
  [Z]: [
    ...APEX(Z),
    '10-1-0-2.db.ns.svc.cluster.local. 5 IN A 10.1.0.2',
    '10-1-0-2.db.ns.svc.cluster.local. 5 IN SRV 0 100 80 10-1-0-2.db.ns.svc.cluster.local.',
    '_http._tcp.db.ns.svc.cluster.local. 5 IN A 10.1.0.1',
    '_http._tcp.db.ns.svc.cluster.local. 5 IN A 10.1.0.2',
    '_http._tcp.db.ns.svc.cluster.local. 5 IN SRV 0 50 80 10-1-0-2.db.ns.svc.cluster.local.',
    '_http._tcp.db.ns.svc.cluster.local. 5 IN SRV 0 50 80 db-0.db.ns.svc.cluster.local.',
    '_http._tcp.web.ns.svc.cluster.local. 5 IN A 10.96.0.10',
    '_http._tcp.web.ns.svc.cluster.local. 5 IN SRV 0 100 80 web.ns.svc.cluster.local.',
    'db-0.db.ns.svc.cluster.local. 5 IN A 10.1.0.1',
    'db-0.db.ns.svc.cluster.local. 5 IN SRV 0 100 80 db-0.db.ns.svc.cluster.local.',
    'db.ns.svc.cluster.local. 5 IN A 10.1.0.1',
    'db.ns.svc.cluster.local. 5 IN A 10.1.0.2',
    'db.ns.svc.cluster.local. 5 IN SRV 0 50 80 10-1-0-2.db.ns.svc.cluster.local.',
    'db.ns.svc.cluster.local. 5 IN SRV 0 50 80 db-0.db.ns.svc.cluster.local.',
    'docs.ns.svc.cluster.local. 5 IN CNAME docs.example.org.',
    'web.ns.svc.cluster.local. 5 IN A 10.96.0.10',
    'web.ns.svc.cluster.local. 5 IN SRV 0 100 80 web.ns.svc.cluster.local.',
  ],
  [REVERSE]: [
    ...APEX(REVERSE),
    '1.0.1.10.in-addr.arpa. 5 IN PTR db-0.db.ns.svc.cluster.local.',
    '10.0.96.10.in-addr.arpa. 5 IN PTR web.ns.svc.cluster.local.',
    '2.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-2.db.ns.svc.cluster.local.',
  ],
}

void t.test('a zone is transferred whole, between two SOA records, in its own spelling', async t => {
  const { site } = await open(t)
  for (const [zone, records] of Object.entries(ZONES)) {
    const { lines, types, serials, messages } = await transfer(site.port, zone)
    t.same(lines.toSorted(), [...records, SOA(zone), SOA(zone)].toSorted(), zone)
    t.same([types[0], types.at(-1)], [6, 6])
    t.equal(serials[0], serials[1])
    t.same(
      messages.map(({ aa, qr, tc, questions }) => [aa, qr, tc, questions.length]),
      [[true, true, false, 1]],
    )
    const shouted = await transfer(site.port, zone.toUpperCase())
    t.same(shouted.lines.filter(line => !line.includes('SOA')).toSorted(), records.toSorted())
  }
  t.match(
    site.log.join('\n'),
    /Outgoing transfer of 22 records of zone "cluster.local." to 127.0.0.1 for \d+ SOA serial/,
  )
})

/** Records of the zone, the SOA twice. */
const COUNT = ZONES[Z].length + 2

/** `zone type: rcode, records in the answer`. */
const OUTCOMES: readonly [behind: string, ...rows: string[]][] = [
  [
    ANYBODY,
    'cluster.local. AXFR: 0, 22',
    'svc.cluster.local. AXFR: 5, 0',
    'example.org. AXFR: 2, 0',
    'cluster.local. IXFR: 1, 0',
  ],
  ['', 'cluster.local. AXFR: 5, 0'],
  ['transfer {\n to 192.0.2.1\n}', 'cluster.local. AXFR: 5, 0', 'cluster.local. IXFR: 5, 0'],
  ['transfer {\n to 127.0.0.0/8\n}', 'cluster.local. AXFR: 0, 22'],
  ['transfer example.org {\n to *\n}', 'cluster.local. AXFR: 5, 0'],
  // Of several, that of the longest zone counts.
  [
    'transfer {\n to *\n}\ntransfer cluster.local {\n to 192.0.2.1\n}',
    'cluster.local. AXFR: 5, 0',
    '10.in-addr.arpa. AXFR: 0, 8',
  ],
  ['transfer cluster.local {\n to *\n}\ntransfer local {\n to 192.0.2.0/24\n}', 'cluster.local. AXFR: 0, 22'],
]

for (const [behind, ...rows] of OUTCOMES) {
  void t.test(`who may have what: ${behind || 'no transfer'}`, async t => {
    const { site } = await open(t, behind)
    const client = await TcpClient.connect(site.port)
    for (const row of rows) {
      const [name, type] = row.split(/[ :]/)
      const { rcode, answers } = await client.ask(buildQuery({ name, type: TYPES[type] }))
      t.equal(`${name} ${type}: ${rcode}, ${answers.length}`, row)
    }
    client.socket.destroy()
  })
}

void t.test('IXFR brings the SOA alone where nothing has changed, else the whole zone', async t => {
  const { site } = await open(t)
  const readSerial = async (): Promise<number> => (await transfer(site.port, Z)).serials[0]
  const offsets = [0, 1, -1, 0x80000001]
  const ask = async (serial: number): Promise<number[][]> => {
    const found: number[][] = []
    for (const offset of offsets) {
      const { types } = await transfer(site.port, Z, (serial + offset) >>> 0)
      found.push([offset, types.length, types[0], types.at(-1)!])
    }
    return found
  }
  // What was published in the second of the start has its serial in the next one.
  let serial = await readSerial()
  let found = await ask(serial)
  for (let now = await readSerial(); now !== serial; now = await readSerial()) {
    serial = now
    found = await ask(serial)
  }
  // RFC 1982: what is half a circle ahead is older.
  t.same(
    found,
    [1, 1, COUNT, COUNT].map((count, i) => [offsets[i], count, 6, 6]),
  )
})

void t.test('over UDP, AXFR is refused and IXFR answered with the SOA alone', async t => {
  const { site } = await open(t)
  const client = new UdpClient(site.port)
  t.teardown(() => client.close())
  const outcome = async (type: string, records?: Buffer): Promise<[Rcode, number[]]> => {
    const message = buildQuery({ name: Z, type: TYPES[type], records, nscount: records ? 1 : 0 })
    const { rcode, answers } = await client.ask(message)
    return [rcode, answers.map(({ type }) => type)]
  }
  t.same(await outcome('AXFR'), [5, []])
  t.same(await outcome('IXFR', soaRecord(Z, 1)), [0, [6]])
  t.same(await outcome('IXFR'), [1, []])
})

const SERVICES = 600
const many = Array.from({ length: SERVICES }, (_, i) => clusterIP(`service-${i}`, [`10.97.${i >> 8}.${i & 255}`]))

void t.test('a large zone comes in several messages, each once, with other answers between them', async t => {
  const { site } = await open(t, ANYBODY, [...OBJECTS, ...many])
  const client = await TcpClient.connect(site.port)
  const question = buildQuery({ id: 78, name: `web.ns.svc.${Z}` })
  const whole = transferOver(client, Z)
  client.send(question)
  const { lines, sizes } = await whole
  t.ok(sizes.length > 3, `${sizes.length} messages`)
  t.ok(Math.max(...sizes) <= 16_384)
  t.equal(lines.length, COUNT + 4 * SERVICES)
  t.equal(new Set(lines).size, lines.length - 1, 'only the SOA is there twice')
  await client.receive(sizes.length + 1)
  const ids = client.messages.map(bytes => bytes.readUInt16BE(0))
  t.ok(ids.indexOf(78) < sizes.length, 'the question was answered before the end')
  client.socket.destroy()
})

void t.test('a transfer is of one state, whatever changes meanwhile', async t => {
  const { site, api } = await open(t, ANYBODY, [...OBJECTS, ...many])
  const client = await TcpClient.connect(site.port)
  const whole = transferOver(client, Z)
  await once(client.socket, 'data')
  // Twice as many names, so that the image moves, and others go.
  for (let i = 0; i < SERVICES; i++) api.apply(clusterIP(`later-${i}`, [`10.98.${i >> 8}.${i & 255}`]))
  const { lines, serials } = await whole
  t.equal(lines.length, COUNT + 4 * SERVICES)
  t.notOk(lines.some(line => line.includes('later-')))
  t.equal(serials[0], serials[1])
  client.socket.destroy()
})

void t.test('clients that do not read hold no more than their share, and end', async t => {
  const { site } = await open(t, `timeouts {\n write 1s\n}\n${ANYBODY}`, [...OBJECTS, ...many])
  const clients = await Promise.all(Array.from({ length: 40 }, () => TcpClient.connect(site.port)))
  for (const client of clients) {
    client.socket.pause()
    // More than the system takes by itself.
    for (let i = 0; i < 100; i++) client.send(buildQuery({ id: i, name: Z, type: TYPES.AXFR }))
  }
  // Others are answered, and may have the zone once there is room for one more transfer.
  t.same(await site.ask(`web.ns.svc.${Z}`, 'A').then(({ answer }) => answer), [`web.ns.svc.${Z} 5 IN A 10.96.0.10`])
  for (const client of clients) client.socket.destroy()
  await Promise.all(clients.map(client => client.closed))
  let last = await transfer(site.port, Z)
  while (last.rcode !== 0) last = await transfer(site.port, Z)
  t.equal(last.lines.length, COUNT + 4 * SERVICES)
})

void t.test('before all has been heard there is no zone to transfer', async t => {
  const { site } = await Cluster.open(t, {
    options: 'startup_timeout 1ms',
    behind: ANYBODY,
    prepare: api => void api.faults.hold({ resource: 'services' }),
  })
  t.same((await transfer(site.port, Z)).rcode, 2)
  t.same((await transfer(site.port, Z, 1)).rcode, 2)
})

void t.test('every serving thread transfers the zone, as it is after a change too', async t => {
  const { site, api } = await open(t, `multisocket 2\n${ANYBODY}`)
  const connections = await Promise.all(Array.from({ length: 8 }, () => TcpClient.connect(site.port)))
  for (const client of connections) t.equal((await transferOver(client, Z)).lines.length, COUNT)
  api.apply(clusterIP('more', ['10.96.0.12']))
  for (const client of connections) {
    let { lines } = await transferOver(client, Z)
    while (lines.length === COUNT) lines = (await transferOver(client, Z)).lines
    t.equal(lines.length, COUNT + 4)
    client.socket.destroy()
  }
})

const MISTAKES: readonly [text: string, message: RegExp][] = [
  ['transfer', /:2:\d+.*transfer has no 'to'/],
  ['transfer {\n to\n}', /:3:\d+.*nothing after 'to'/],
  ['transfer {\n to example.org\n}', /:3:5.*bad address 'example.org'/],
  ['transfer {\n to 10.0.0.1:0\n}', /bad address '10.0.0.1:0'/],
  ['transfer {\n to *\n source 10.0.0.300\n}', /:4:9.*bad source '10.0.0.300'/],
  ['transfer {\n to *\n source 10.0.0.3\n source 10.0.0.3\n}', /:5:\d+.*two sources/],
  ['transfer {\n from *\n}', /unknown property 'from'/],
]

void t.test('mistakes are told with their position', async t => {
  for (const [text, message] of MISTAKES) t.throws(() => setUpBlock(text), { message }, text)
})
