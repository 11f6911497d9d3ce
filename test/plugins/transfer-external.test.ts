// The zones of k8s_external, for secondaries. How CoreDNS transfers them: test/differential/transfer.ts.

import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { findFreePort } from '../site/threads.ts'
import { Cluster } from './kubernetes/cluster.ts'
import { OUTSIDE, outside } from './outside.ts'
import { OtherSecondary, isInstalled } from './secondaries.ts'
import { Secondary, transfer } from './transferring.ts'

const Z = 'example.org.'
const N = `ns.${Z}`
const REVERSE = '113.0.203.in-addr.arpa.'
const SOA = `SOA ns1.dns.${Z} hostmaster.dns.${Z} * 7200 1800 86400 5`

const open = (t: Test, behind = 'transfer {\n to *\n}', options = ''): Promise<Cluster> =>
  Cluster.open(t, {
    objects: OUTSIDE,
    zones: 'cluster.local in-addr.arpa',
    behind: `k8s_external ${Z} ${REVERSE} {\nheadless\n}\n${behind}`,
    options,
  })

/** Without TTL and class, which are the same for all. */
const ZONES: Readonly<Record<string, string[]>> = {
  [Z]: [
    SOA.replace(/^/, `${Z} `),
    `${Z} NS ns1.dns.${Z}`,
    `ns1.dns.${Z} A 127.0.0.1`,
    `ip.${N} A 203.0.113.1`,
    `ip.${N} A 203.0.113.2`,
    `ip.${N} SRV 0 25 53 ip.${N}`,
    `ip.${N} SRV 0 25 80 ip.${N}`,
    ...['_dns._udp', '_http._tcp'].flatMap((port, i) => [
      `${port}.ip.${N} A 203.0.113.1`,
      `${port}.ip.${N} A 203.0.113.2`,
      `${port}.ip.${N} SRV 0 50 ${[53, 80][i]} ip.${N}`,
    ]),
    ...['', '_http._tcp.'].flatMap(port => [
      `${port}lb.${N} A 203.0.113.3`,
      `${port}lb.${N} A 203.0.113.4`,
      `${port}lb.${N} SRV 0 50 80 lb.${N}`,
      `${port}mixed.${N} A 203.0.113.5`,
      `${port}mixed.${N} SRV 0 100 80 mixed.${N}`,
      `${port}dbip.${N} A 203.0.113.9`,
      `${port}dbip.${N} SRV 0 100 80 dbip.${N}`,
      // Questions about SRV are answered, but a zone has nothing beside a CNAME.
      `${port}host.${N} CNAME lb.example.com.`,
      `${port}hosts.${N} CNAME lb.example.com.`,
      `${port}db.${N} A 10.0.0.1`,
      `${port}db.${N} A 10.0.0.2`,
      `${port}db.${N} SRV 0 50 80 10-0-0-2.db.${N}`,
      `${port}db.${N} SRV 0 50 80 db-0.db.${N}`,
    ]),
    `both.${N} A 203.0.113.2`,
    `both.${N} AAAA 2001:db8::1`,
    `both.${N} SRV 0 50 443 both.${N}`,
    `db-0.db.${N} A 10.0.0.1`,
    `db-0.db.${N} SRV 0 100 80 db-0.db.${N}`,
    `10-0-0-2.db.${N} A 10.0.0.2`,
    `10-0-0-2.db.${N} SRV 0 100 80 10-0-0-2.db.${N}`,
  ],
  [REVERSE]: [
    `${REVERSE} ${SOA.replaceAll(Z, REVERSE)}`,
    `${REVERSE} NS ns1.dns.${REVERSE}`,
    `ns1.dns.${REVERSE} A 127.0.0.1`,
    `1.${REVERSE} PTR ip.${N}`,
    `2.${REVERSE} PTR both.${N}`,
    `2.${REVERSE} PTR ip.${N}`,
    `3.${REVERSE} PTR lb.${N}`,
    `4.${REVERSE} PTR lb.${N}`,
    `5.${REVERSE} PTR mixed.${N}`,
    `9.${REVERSE} PTR dbip.${N}`,
  ],
}

void t.test('the zones of k8s_external are transferred beside those of kubernetes', async t => {
  const { site } = await open(t)
  for (const [zone, records] of Object.entries(ZONES)) {
    const { lines, types } = await transfer(site.port, zone)
    t.same([types[0], types.at(-1)], [6, 6])
    t.same([...new Set(lines)].map(line => line.replace(' 5 IN ', ' ')).sort(), records.toSorted(), zone)
    t.equal(lines.length, records.length + 1)
  }
  const { lines } = await transfer(site.port, 'cluster.local.')
  t.ok(lines.some(line => line.startsWith('db.ns.svc.cluster.local.')))
})

const isDigThere = spawnSync('dig', ['-v']).error === undefined

void t.test('dig reads it', { skip: !isDigThere && 'dig is not installed' }, async t => {
  const { site } = await open(t)
  const { stdout } = await promisify(execFile)(
    'dig',
    `+noall +answer +nottlid +nocl -p ${site.port} @127.0.0.1 ${Z} AXFR`.split(' '),
  )
  const lines = stdout.trim().split('\n')
  t.same(
    [...new Set(lines)].map(line => line.replace(/\s+/g, ' ').replace(/(hostmaster\S+) \d+/, '$1 *')).sort(),
    ZONES[Z].toSorted(),
  )
})

void t.test('what changes comes as increments, whole, and its serial is its own', async t => {
  const cluster = await open(t)
  const { port } = cluster.site
  const secondaries = new Map([Z, REVERSE].map(zone => [zone, new Secondary()]))
  for (const [zone, secondary] of secondaries) secondary.apply(await transfer(port, zone))
  for (const address of ['203.0.113.60', '203.0.113.61']) {
    cluster.api.apply(outside('lb', { externalIPs: ['203.0.113.3', address] }))
    const serials = new Set<number>()
    for (const [zone, secondary] of secondaries) {
      const isThere = (record: string): boolean =>
        record.includes(zone === Z ? ` ${address}` : `${address.split('.')[3]}.${REVERSE}`)
      while (![...secondary.records].some(isThere)) secondary.apply(await transfer(port, zone, secondary.serial))
      t.equal(typeof secondary.last, 'number')
      serials.add(secondary.serial)
      const whole = new Secondary()
      whole.apply(await transfer(port, zone))
      t.same([...secondary.records].sort(), [...whole.records].sort())
    }
    t.equal(serials.size, 1, 'addresses and their pointers have one serial')
  }
})

void t.test('of a zone that is in both, that of k8s_external is transferred', async t => {
  const { site } = await Cluster.open(t, {
    objects: OUTSIDE,
    zones: 'cluster.local',
    behind: `k8s_external cluster.local\ntransfer {\n to *\n}`,
  })
  const { lines } = await transfer(site.port, 'cluster.local.')
  t.ok(lines.includes('lb.ns.cluster.local. 5 IN A 203.0.113.3'))
  t.notOk(lines.some(line => line.includes('.svc.')))
})

void t.test('only the zones that a transfer names are had', async t => {
  const { site } = await open(t, 'transfer cluster.local {\n to *\n}')
  t.equal((await transfer(site.port, Z)).rcode, 5)
  t.equal((await transfer(site.port, 'cluster.local.')).rcode, 0)
})

void t.test(
  'knotd takes it, is told of a change, and takes that',
  { skip: !isInstalled('knotd') && 'knotd is not installed' },
  async t => {
    const port = await findFreePort()
    const cluster = await open(t, `multisocket 2\ntransfer {\n to 127.0.0.1:${port}\n}`)
    const knot = new OtherSecondary(t, 'knotd', { zone: Z, port, primary: cluster.site.port })
    await knot.line(/AXFR, incoming.*finished/)
    cluster.api.apply(outside('lb', { externalIPs: ['203.0.113.3', '203.0.113.60'] }))
    await knot.line(/IXFR, incoming.*finished/)
    const [theirs, ours] = [new Secondary(), new Secondary()]
    do {
      await knot.line(/zone updated/)
      theirs.apply(await transfer(port, Z))
      ours.apply(await transfer(cluster.site.port, Z))
    } while (theirs.serial !== ours.serial || !ours.records.has(`lb.${N} 5 IN A 203.0.113.60`))
    t.same([...theirs.records].sort(), [...ours.records].sort())
  },
)
