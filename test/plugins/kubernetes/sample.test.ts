// `max_answers`: how much of a large set an answer has.

import t from 'tap'
import { UdpClient } from '../../server/clients.ts'
import { buildQuery } from '../../server/message.ts'
import { Cluster, type Row } from './cluster.ts'
import { HTTP, clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const S = 'ns.svc.cluster.local.'
const BIG = `big.${S}`
const COUNT = 23
const MAXIMUM = 7
const v4 = Array.from({ length: COUNT }, (_, i) => `10.0.0.${i + 1}`)
const v6 = Array.from({ length: COUNT }, (_, i) => `fd00::${(i + 1).toString(16)}`)
const ports = Array.from({ length: 9 }, (_, i) => ({ name: `p${i}`, port: 1000 + i, protocol: 'TCP' }))

const objects = [
  namespace('ns'),
  headless('big'),
  slice('big', v4),
  slice('big', v6, { name: 'big-6' }),
  headless('small'),
  slice('small', v4.slice(0, MAXIMUM)),
  headless('alone'),
  slice('alone', ['10.0.1.1'], { ports }),
  clusterIP('web', ['10.96.0.10'], ports),
  externalName('to-big', BIG),
]

/** How often each record comes in that many answers, and how many records there are in each. */
async function count(t: Cluster, question: string, times: number): Promise<[Map<string, number>, Set<number>]> {
  const seen = new Map<string, number>()
  const sizes = new Set<number>()
  for (let i = 0; i < times; i++) {
    const lines = await t.ask(question)
    sizes.add(lines.length)
    for (const line of lines) seen.set(line, (seen.get(line) ?? 0) + 1)
  }
  return [seen, sizes]
}

void t.test('over UDP there are as many records as asked for, each as likely as the others; over TCP all', async t => {
  const cluster = await Cluster.open(t, { objects, options: `max_answers ${MAXIMUM}` })
  for (const [type, whole] of [
    ['A', v4.map(address => `${BIG} 5 IN A ${address}`)],
    ['AAAA', v6.map(address => `${BIG} 5 IN AAAA ${address}`)],
    ['SRV', [...v4, ...v6].map(address => `${BIG} 5 IN SRV 0 2 80 ${address.replaceAll(/[.:]/g, '-')}.${BIG}`)],
  ] as const) {
    const times = 300
    const [seen, sizes] = await count(cluster, `${BIG} ${type}`, times)
    t.same([...sizes], [MAXIMUM], 'none is there twice, and there is nothing beside them')
    t.same([...seen.keys()].sort(), [...whole].sort(), 'each comes at some time')
    const mean = (times * MAXIMUM) / whole.length
    // Ten times the standard deviation of a draw that gives each the same chance.
    const most = mean + 10 * Math.sqrt(mean)
    t.ok(
      [...seen.values()].every(n => n < most),
      `none more than ${most} times`,
    )
    const overTcp = await cluster.ask(`${BIG} ${type}`, 'tcp')
    t.same(
      overTcp.filter(line => !line.startsWith(';')),
      [...whole].sort(),
      'all over TCP',
    )
  }
})

void t.test('a target in the zone is cut too, its CNAME is not', async t => {
  const cluster = await Cluster.open(t, { objects, options: 'max_answers 1' })
  const lines = await cluster.ask(`to-big.${S} A`)
  t.equal(lines.length, 2)
  t.match(lines[0], /^big\.ns\.svc\.cluster\.local\. 5 IN A 10\.0\.0\.\d+$/)
  t.equal(lines[1], `to-big.${S} 5 IN CNAME ${BIG}`)
  t.equal((await cluster.ask(`to-big.${S} A`, 'tcp')).length, COUNT + 1)
})

const srv = (name: string, address: string, host: string, weight: number): string[] => [
  ...ports.map(({ port }) => `${name} 5 IN SRV 0 ${weight} ${port} ${host}`),
  `; ${host} 5 IN A ${address}`,
]

void t.test('what is not too many is whole, and so are the ports of one address', async t => {
  const cluster = await Cluster.open(t, { objects, options: `max_answers ${MAXIMUM}` })
  const rows: Row[] = [
    [`small.${S} A`, ...v4.slice(0, MAXIMUM).map(address => `small.${S} 5 IN A ${address}`)],
    [`web.${S} SRV`, ...srv(`web.${S}`, '10.96.0.10', `web.${S}`, 11)],
    [`alone.${S} SRV`, ...srv(`alone.${S}`, '10.0.1.1', `10-0-1-1.alone.${S}`, 11)],
  ]
  await cluster.hold(t, rows)
})

void t.test('what is left of a set is no truncated answer, unless that does not fit', async t => {
  const cluster = await Cluster.open(t, { objects, options: 'max_answers 20' })
  const client = new UdpClient(cluster.site.port)
  t.teardown(() => client.close())
  const fitting = await client.ask(buildQuery({ name: BIG, type: 1 }))
  t.same([fitting.tc, fitting.answers.length], [false, 20])
  const cut = await client.ask(buildQuery({ name: BIG, type: 28 }))
  t.ok(cut.tc)
  t.ok(cut.answers.length > 0 && cut.answers.length < 20)
})

void t.test('the port of a slice is that of each of its endpoints', async t => {
  const made = slice('db', ['10.0.0.1', '10.0.0.2'], { ports: [HTTP, { name: 'x', port: 81, protocol: 'TCP' }] })
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), headless('db'), made], options: 'max_answers 3' })
  const lines = await cluster.ask(`db.${S} SRV`)
  t.equal(lines.length, 3)
  t.equal((await cluster.ask(`_x._tcp.db.${S} SRV`)).filter(line => !line.startsWith(';')).length, 2)
})
