import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { outlast } from '../../src/cli/lameduck.ts'

const LAMEDUCK_MS = 150

void t.test('queries that never end do not keep the process for ever', async t => {
  let received = 0
  let longer = 0
  await outlast(
    delay(LAMEDUCK_MS),
    () => received++,
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
      () => received,
      () => true,
      () => {},
      { quietMs, totalMs: 60_000 },
    )
    t.equal(received, 1)
  }
})

void t.test('a time without CPU is not taken for one without queries', async t => {
  let received = 0
  const lameduck = async (): Promise<void> => {
    await delay(LAMEDUCK_MS)
    received++
    // Of the event loop's phases, the next one is then that of the timers; what has come meanwhile is read behind it.
    setTimeout(setImmediate, LAMEDUCK_MS / 3, () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * LAMEDUCK_MS)
      setImmediate(() => received++)
    })
  }
  await outlast(
    lameduck(),
    () => received,
    () => true,
    () => {},
  )
  t.equal(received, 2)
})

void t.test(
  'who is yet to be told of the end is waited for, and then the queries of those whom that one tells',
  async t => {
    let told = false
    let received = 0
    let asked = 0
    await outlast(
      delay(LAMEDUCK_MS),
      () => received,
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
    () => received++,
    () => true,
    () => t.fail('nobody was told to stay away'),
  )
  t.ok(received > 0)
})

void t.test('a lameduck that fails is not waited for', async t => {
  await t.rejects(
    outlast(
      Promise.reject(new Error('no')),
      () => 0,
      () => true,
      () => {},
    ),
    { message: 'no' },
  )
})
