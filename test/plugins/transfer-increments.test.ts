// IXFR by what has changed: over real connections, from a cluster that goes on changing.

import fc from 'fast-check'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { findPort } from '../differential/port.ts'
import { TYPES } from '../site/zonefile.ts'
import { Cluster } from './kubernetes/cluster.ts'
import { clusterIP, headless, namespace, slice } from './kubernetes/objects.ts'
import { OtherSecondary, isInstalled } from './secondaries.ts'
import { Secondary, recordsOf, soaRecord, transfer, transferOver } from './transferring.ts'

const Z = 'cluster.local.'
const REVERSE = '10.in-addr.arpa.'
const ENDPOINTS = Array.from({ length: 40 }, (_, i) => `10.1.0.${i}`)
const OBJECTS = [
  namespace('ns'),
  headless('db'),
  slice('db', ENDPOINTS),
  ...Array.from({ length: 20 }, (_, i) => clusterIP(`steady-${i}`, [`10.97.0.${i}`])),
]

const open = (t: Test, behind = 'transfer {\n to *\n}'): Promise<Cluster> =>
  Cluster.open(t, { objects: OBJECTS, zones: 'cluster.local 10.in-addr.arpa', behind })

const change = fc.oneof(
  fc.record({ kind: fc.constant('service' as const), i: fc.nat(5), address: fc.nat(200) }),
  fc.record({ kind: fc.constant('remove' as const), i: fc.nat(5) }),
  fc.record({ kind: fc.constant('endpoints' as const), chosen: fc.subarray(ENDPOINTS, { minLength: 30 }) }),
)
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never

function apply({ api, cluster }: { api: FakeApi; cluster: Cluster }, change: Change): void {
  if (change.kind === 'service') api.apply(clusterIP(`s${change.i}`, [`10.96.0.${change.address}`]))
  else if (change.kind === 'endpoints') api.apply(slice('db', change.chosen))
  else {
    // It may be gone already.
    try {
      cluster.remove('Service', `s${change.i}`)
    } catch {}
  }
}

/** Each of them mostly waits for the next second, and one for a secondary that takes its time. */
const AT_ONCE = { buffered: true }
t.jobs = 4

/** A step for each second, since the serial moves no faster. */
const histories = fc.sample(fc.array(change, { minLength: 1, maxLength: 8 }), { numRuns: 5, seed: 42 })

for (const behind of ['', 'multisocket 2']) {
  void t.test(
    `a secondary that takes changes alone has the zone of each serial: ${behind || 'one thread'}`,
    AT_ONCE,
    async t => {
      const cluster = await open(t, `${behind}\ntransfer {\n to *\n}`)
      const { port } = cluster.site
      const client = await TcpClient.connect(port)
      const secondaries = new Map([Z, REVERSE].map(zone => [zone, new Secondary()]))
      for (const [zone, secondary] of secondaries) secondary.apply(await transferOver(client, zone))
      let increments = 0
      for (const history of histories) {
        for (const change of history) apply({ api: cluster.api, cluster }, change)
        for (const [zone, secondary] of secondaries) {
          const before = secondary.serial
          while (secondary.serial === before) secondary.apply(await transferOver(client, zone, before))
          if (typeof secondary.last === 'number') increments++
          const whole = new Secondary()
          // Both are to be of the same serial.
          for (;;) {
            whole.apply(await transferOver(client, zone))
            if (whole.serial === secondary.serial) break
            secondary.apply(await transferOver(client, zone, secondary.serial))
          }
          t.same([...secondary.records].sort(), [...whole.records].sort())
        }
      }
      t.ok(increments > 5, `${increments} times by changes`)
      client.socket.destroy()
    },
  )
}

void t.test('over UDP the changes come in one packet, or the SOA alone', AT_ONCE, async t => {
  const cluster = await open(t)
  const client = new UdpClient(cluster.site.port)
  t.teardown(() => client.close())
  const secondary = new Secondary()
  secondary.apply(await transfer(cluster.site.port, Z))
  const ask = async (size?: number): Promise<(number | string)[]> => {
    const edns = size === undefined ? undefined : { size }
    const records = soaRecord(Z, secondary.serial)
    const query = buildQuery({ name: Z, type: TYPES['IXFR'], records, nscount: 1, edns })
    const [bytes] = await Promise.all([client.receive(), client.send(query)])
    const message = decode(bytes)
    if (message.tc || message.rcode !== 0) t.fail('truncated, or not answered')
    return recordsOf(message, bytes)
  }
  cluster.api.apply(clusterIP('steady-3', ['10.96.0.9']))
  while (!secondary.records.has(`steady-3.ns.svc.${Z} 5 IN A 10.96.0.9`)) secondary.apply({ records: await ask() })
  const whole = new Secondary()
  whole.apply(await transfer(cluster.site.port, Z))
  t.same([...secondary.records].sort(), [...whole.records].sort())
  t.same(await ask(), [secondary.serial], 'nothing more')
  cluster.api.apply(slice('db', ENDPOINTS.slice(5)))
  while ((await ask())[0] === secondary.serial) await delay(5)
  t.equal((await ask()).length, 1, 'too much')
  secondary.apply({ records: await ask(4096) })
  t.notOk(secondary.records.has(`db.ns.svc.${Z} 5 IN A ${ENDPOINTS[0]}`), 'not for a larger packet')
})

void t.test(
  'knotd has the zone by changes alone',
  { ...AT_ONCE, skip: !isInstalled('knotd') && 'knotd is not installed' },
  async t => {
    const port = await findPort()
    const cluster = await open(t, `transfer {\n to 127.0.0.1:${port}\n}`)
    const knot = new OtherSecondary(t, 'knotd', { zone: Z, port, primary: cluster.site.port })
    /** It has the zone of our serial. */
    const settle = async (): Promise<void> => {
      for (;;) {
        await knot.line(/zone updated/)
        const [theirs, ours] = [new Secondary(), new Secondary()]
        theirs.apply(await transfer(port, Z))
        ours.apply(await transfer(cluster.site.port, Z))
        if (theirs.serial !== ours.serial) continue
        t.same([...theirs.records].sort(), [...ours.records].sort())
        return
      }
    }
    await settle()
    for (const history of histories.slice(0, 3)) {
      const before = await cluster.serial(Z)
      for (const change of history) apply({ api: cluster.api, cluster }, change)
      while ((await cluster.serial(Z)) === before) await delay(5)
      await settle()
    }
    const count = (what: string): number =>
      knot.told.split(`${what}, incoming, remote 127.0.0.1@${cluster.site.port}, finished`).length - 1
    t.same([count('AXFR'), count('IXFR') >= 3], [1, true])
  },
)
