import dgram from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { outlast } from '../../src/cli/lameduck.ts'

const LAMEDUCK_MS = 200

void t.test('queries that never end do not keep the process for ever', async t => {
  let received = 0
  let longer = 0
  await outlast(
    delay(LAMEDUCK_MS),
    () => Promise.resolve(received++),
    () => true,
    () => longer++,
    { quietMs: 1_000, totalMs: 500 },
  )
  t.equal(longer, 1, 'told once')
})

void t.test('one query is waited behind for as long as the lameduck was, or shorter', async t => {
  for (const quietMs of [1, 60_000]) {
    let received = 0
    const lameduck = async (): Promise<void> => {
      await delay(LAMEDUCK_MS)
      received++
    }
    await outlast(
      lameduck(),
      () => Promise.resolve(received),
      () => true,
      () => {},
      { quietMs, totalMs: 60_000 },
    )
    t.equal(received, 1)
  }
})

/** A socket that counts what it reads, and one that sends to it in the call, not later. */
async function openPair(t: Test): Promise<{ countReceived: () => Promise<number>; send: () => void }> {
  const server = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  const client = dgram.createSocket('udp4')
  t.teardown(() => [server, client].forEach(socket => socket.close()))
  await once(server, 'listening')
  client.connect(server.address().port, '127.0.0.1')
  await once(client, 'connect')
  let received = 0
  server.on('message', () => received++)
  return {
    async countReceived() {
      await new Promise(setImmediate)
      return received
    },
    send: () => client.send('query'),
  }
}

const standStill = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * LAMEDUCK_MS)

void t.test('a time without CPU behind the lameduck is not taken for one without queries', async t => {
  const { countReceived, send } = await openPair(t)
  const lameduck = async (): Promise<void> => {
    await delay(LAMEDUCK_MS)
    send()
    setTimeout(() => {
      send()
      standStill()
    }, LAMEDUCK_MS / 3)
  }
  await outlast(
    lameduck(),
    countReceived,
    () => true,
    () => {},
  )
  t.equal(await countReceived(), 2)
})

void t.test('nor is one that covers the lameduck; and who was not asked in it ends with it', async t => {
  for (const queries of [0, 1]) {
    const { countReceived, send } = await openPair(t)
    let longer = 0
    const done = outlast(
      delay(LAMEDUCK_MS),
      countReceived,
      () => true,
      () => longer++,
    )
    await countReceived()
    for (let i = 0; i < queries; i++) send()
    standStill()
    await done
    t.equal(longer, queries, `${queries} queries`)
    t.equal(await countReceived(), queries)
  }
})

void t.test(
  'who is yet to be told of the end is waited for, and then the queries of those whom that one tells',
  async t => {
    let told = false
    let received = 0
    let asked = 0
    await outlast(
      delay(LAMEDUCK_MS),
      () => Promise.resolve(received),
      () => {
        told = ++asked > 5
        if (asked === 6) received++
        return told
      },
      () => {},
      { quietMs: 200, totalMs: 60_000 },
    )
    t.ok(told)
    t.ok(asked >= 8, `${asked} passes`)
  },
)

void t.test('without a lameduck queries that still come hold up nothing', async t => {
  let received = 0
  await outlast(
    Promise.resolve(),
    () => Promise.resolve(received++),
    () => true,
    () => t.fail('nobody was told to stay away'),
  )
  t.ok(received > 0)
})

void t.test('a lameduck that fails is not waited for', async t => {
  await t.rejects(
    outlast(
      Promise.reject(new Error('no')),
      () => Promise.resolve(0),
      () => true,
      () => {},
    ),
    { message: 'no' },
  )
})
