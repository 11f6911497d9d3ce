import t from 'tap'
import { RequestLimiter } from '../../src/watch/limit.ts'
import { ManualClock } from './scripted.ts'

const never = new AbortController().signal

void t.test('a burst goes at once, then one request for each interval', async t => {
  const clock = new ManualClock()
  const limiter = new RequestLimiter({ qps: 5, burst: 3 }, clock)
  const wentAtMs: number[] = []
  const startMs = clock.now()
  const all = Array.from({ length: 6 }, async () => {
    await limiter.acquire(never)
    wentAtMs.push(clock.now() - startMs)
  })
  await new Promise(setImmediate)
  t.strictSame(wentAtMs, [0, 0, 0])
  for (let tick = 0; tick < 3; tick++) {
    clock.advance(200)
    await new Promise(setImmediate)
  }
  await Promise.all(all)
  t.strictSame(wentAtMs, [0, 0, 0, 200, 400, 600])
})

void t.test('the burst is saved up again by waiting', async t => {
  const clock = new ManualClock()
  const limiter = new RequestLimiter({ qps: 10, burst: 2 }, clock)
  await limiter.acquire(never)
  await limiter.acquire(never)
  clock.advance(200)
  await limiter.acquire(never)
  await limiter.acquire(never)
  t.strictSame(clock.delays, [], 'nobody waits')
})

void t.test('no more than maxInflight wait for headers, and each that ends lets the next one go', async t => {
  const limiter = new RequestLimiter({ maxInflight: 1 }, new ManualClock())
  await limiter.acquire(never)
  let went = 0
  const second = limiter.acquire(never).then(() => went++)
  const third = limiter.acquire(never).then(() => went++)
  await new Promise(setImmediate)
  t.equal(went, 0)
  limiter.release()
  await second
  t.equal(went, 1)
  limiter.release()
  await third
  t.equal(went, 2)
})

void t.test('who gives up waiting takes no place', async t => {
  const clock = new ManualClock()
  const limiter = new RequestLimiter({ qps: 1, maxInflight: 1 }, clock)
  const giveUp = new AbortController()
  await limiter.acquire(never)
  const queued = limiter.acquire(giveUp.signal)
  giveUp.abort()
  await t.rejects(queued, { name: 'AbortError' })
  await t.rejects(limiter.acquire(giveUp.signal), { name: 'AbortError' })
  limiter.release()
  const slow = new AbortController()
  const throttled = limiter.acquire(slow.signal)
  t.strictSame(clock.delays, [1000])
  slow.abort()
  await t.rejects(throttled, { name: 'AbortError' })
  t.strictSame(clock.delays, [])
  const next = limiter.acquire(never)
  clock.advance(2000)
  await next
  t.pass('the place is free')
})

void t.test('without limits nothing waits', async t => {
  const clock = new ManualClock()
  const limiter = new RequestLimiter({}, clock)
  for (let request = 0; request < 100; request++) await limiter.acquire(never)
  t.strictSame(clock.delays, [])
})
