// Who is told of changes: a socket that answers, and secondaries of others that take the zone and serve it.

import dgram from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { findPort } from '../differential/port.ts'
import { Cluster } from './kubernetes/cluster.ts'
import { clusterIP, namespace } from './kubernetes/objects.ts'
import { OtherSecondary, isInstalled } from './secondaries.ts'

const Z = 'cluster.local.'
const OBJECTS = [namespace('ns'), clusterIP('web', ['10.96.0.10'])]

/** Each of them mostly waits: for a NOTIFY that is sent again, or for a secondary that takes its time. */
const AT_ONCE = { buffered: true }
t.jobs = 4

/** A secondary that only hears. */
class Listener {
  readonly socket = dgram.createSocket('udp4')

  async open(t: Test): Promise<number> {
    this.socket.bind(0, '127.0.0.1')
    await once(this.socket, 'listening')
    t.teardown(() => this.socket.close())
    return this.socket.address().port
  }

  /** The next message; `rcode` answers it. */
  async hear(rcode?: number): Promise<Buffer> {
    const [message, from] = (await once(this.socket, 'message')) as [Buffer, AddressInfo]
    if (rcode !== undefined) {
      const answer = Buffer.from(message)
      answer[2] |= 0x80
      answer[3] = rcode
      this.socket.send(answer, from.port, from.address)
    }
    return message
  }
}

const openCluster = (t: Test, to: string): Promise<Cluster> =>
  Cluster.open(t, { objects: OBJECTS, behind: `transfer {\n to ${to}\n source 127.0.0.1\n}` })

void t.test('NOTIFY is sent at the start, again when nobody answers, and when the zone changes', AT_ONCE, async t => {
  const secondary = new Listener()
  const port = await secondary.open(t)
  const first = secondary.hear()
  // The system lets nobody send to the first: that is no harm to the others.
  const cluster = await openCluster(t, `255.255.255.255 127.0.0.1:${port}`)
  const { opcode, aa, questions } = decode(await first)
  t.same([opcode, aa, questions], [4, true, [{ name: Z, type: 6, class: 1 }]])
  const again = decode(await secondary.hear(0))
  t.same(again.questions, questions)
  const changed = secondary.hear(0)
  cluster.api.apply(clusterIP('web', ['10.96.0.11']))
  t.equal(decode(await changed).opcode, 4)
})

void t.test('a secondary that refuses is told of once, and not asked again', AT_ONCE, async t => {
  const secondary = new Listener()
  const port = await secondary.open(t)
  const heard = secondary.hear(5)
  const { site } = await openCluster(t, `127.0.0.1:${port}`)
  await heard
  while (!site.log.some(line => line.includes('notify'))) await delay(5)
  t.match(site.log.at(-1), `notify for zone "${Z}" was not accepted by 127.0.0.1:${port}: rcode was REFUSED`)
})

/** Asks until the secondary has this answer; it may not listen yet. */
async function become(t: Test, port: number, address: string): Promise<void> {
  let found = ''
  for (let i = 0; i < 200 && found !== address; i++) {
    const client = new UdpClient(port)
    const asked = client.ask(buildQuery({ name: `web.ns.svc.${Z}` })).then(({ answers }) => answers)
    const answers = await Promise.race([asked, delay(100).then(() => [])])
    found = answers.map(({ rdata }) => rdata.join('.')).join()
    client.close()
    if (found !== address) await delay(50)
  }
  t.equal(found, address)
}

for (const program of ['knotd', 'nsd'] as const) {
  void t.test(
    `${program} takes the zone, is told of a change, and serves it`,
    { ...AT_ONCE, skip: !isInstalled(program) && `${program} is not installed` },
    async t => {
      const port = await findPort()
      const cluster = await openCluster(t, `127.0.0.1:${port}`)
      void new OtherSecondary(t, program, { zone: Z, port, primary: cluster.site.port })
      await become(t, port, '10.96.0.10')
      cluster.api.apply(clusterIP('web', ['10.96.0.11']))
      await become(t, port, '10.96.0.11')
      if (!t.passing()) t.comment(cluster.site.log.join('\n'))
    },
  )
}
