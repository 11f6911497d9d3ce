import { hostname } from 'node:os'
import t from 'tap'
import { UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { RunningSite } from '../site/running.ts'
import { setUpBlock } from './harness.ts'

const TXT = 16
const CH = 3

interface Reading {
  rcode: number
  owners: string[]
  /** Class, TTL and text of each record. */
  records: string[]
}

async function read(
  directive: string,
  questions: { name: string; type?: number; class?: number }[],
): Promise<Reading[]> {
  const site = await RunningSite.start({ corefile: `.:0 {\n bind 127.0.0.1\n ${directive}\n}`, version: '1.2.3' })
  const client = new UdpClient(site.port)
  const readings: Reading[] = []
  for (const question of questions) {
    const [bytes] = await Promise.all([
      client.receive(),
      client.send(buildQuery({ type: TXT, class: CH, ...question })),
    ])
    const { rcode, answers } = decode(bytes)
    readings.push({
      rcode,
      owners: answers.map(({ owner }) => owner),
      records: answers.map(record => `${record.class} ${record.ttl} ${record.rdata.toString('latin1', 1)}`),
    })
  }
  client.close()
  await site.stop()
  return readings
}

void t.test('version, host and authors by their names', async t => {
  const [version, server, host, id, authors] = await read('chaos MyVersion ada grace ada', [
    { name: 'version.bind.' },
    { name: 'VERSION.server.' },
    { name: 'hostname.bind.' },
    { name: 'id.server.' },
    { name: 'authors.bind.' },
  ])
  t.same(version, { rcode: 0, owners: ['version.bind.'], records: ['3 0 MyVersion'] })
  t.same(server, { rcode: 0, owners: ['VERSION.server.'], records: ['3 0 MyVersion'] })
  t.same(host.records, [`3 0 ${hostname()}`])
  t.same(id.records, [`3 0 ${hostname()}`])
  t.same(authors.records.sort(), ['3 0 ada', '3 0 grace'])
})

void t.test('by default it tells its own name', async t => {
  const [version, authors] = await read('chaos', [{ name: 'version.bind.' }, { name: 'authors.bind.' }])
  t.same(version.records, ['3 0 kubezone-1.2.3'])
  t.equal(authors.records.length, 1)
})

void t.test('a text is cut to one character-string', async t => {
  const [version] = await read(`chaos ${'v'.repeat(300)}`, [{ name: 'version.bind.' }])
  t.same(version.records, [`3 0 ${'v'.repeat(255)}`])
})

void t.test('other names, types and classes go on', async t => {
  const readings = await read('chaos\n whoami', [
    { name: 'other.bind.' },
    { name: 'version.bind.', type: 1 },
    { name: 'version.bind.', class: 1 },
  ])
  for (const reading of readings) t.same(reading, { rcode: 0, owners: [], records: [] })
})

void t.test('without chaos the class is refused', async t => {
  const [{ rcode }] = await read('whoami', [{ name: 'version.bind.' }])
  t.equal(rcode, 5)
})

void t.test('properties are refused', async t => {
  t.throws(() => setUpBlock('chaos {\n x\n}'), /^Corefile:3:2: /)
})
