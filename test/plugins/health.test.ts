import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import { pino } from 'pino'
import t from 'tap'
import { HealthPoll } from '../../src/plugins/health/health.ts'
import { get } from './http.ts'
import { listPhases, makeProcess, setUp, setUpBlock, start, stop } from './harness.ts'

const ADDRESS = '127.0.0.1:0'

void t.test('/health is 200 OK', async t => {
  const block = setUpBlock(`health ${ADDRESS}`)
  await start(block)
  const port = block.process.http.port(ADDRESS)
  t.same(await get(port, '/health'), { status: 200, type: 'text/plain; charset=utf-8', length: '2', body: 'OK' })
  t.equal((await get(port, '/')).status, 404)
  await stop(block)
})

void t.test('health and ready may share an address', async t => {
  const [block] = setUp(`. {\n health ${ADDRESS}\n ready ${ADDRESS}\n}`)
  await start(block)
  const port = block.process.http.port(ADDRESS)
  t.equal((await get(port, '/health')).body, 'OK')
  t.equal((await get(port, '/ready')).body, 'OK')
  await stop(block)
})

void t.test('lameduck waits as long as it says, and says so', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const block = setUpBlock(`health ${ADDRESS} {\n lameduck 5s\n}`)
  let isOver = false
  const lameduck = async (): Promise<void> => {
    const [, control] = listPhases(block)
    await control.lameduck?.()
    isOver = true
  }
  const waiting = lameduck()
  t.same(block.process.lines, ['info plugin/health: Going into lameduck mode for 5s'])
  mock.timers.tick(4_999)
  await Promise.resolve()
  t.equal(isOver, false)
  mock.timers.tick(1)
  await waiting
  t.equal(isOver, true)
})

void t.test('without lameduck nothing is waited for', async t => {
  t.notOk('lameduck' in setUpBlock('health').instances[0].instance)
  t.notOk('lameduck' in setUpBlock('health {\n lameduck 0s\n}').instances[0].instance)
})

void t.test('the endpoint is asked each second, and the metrics tell how long it took', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const context = makeProcess()
  const block = setUpBlock(`health ${ADDRESS}`, context)
  const asked = Promise.withResolvers<void>()
  await start(block)
  t.match(context.metrics.render(), 'coredns_health_request_duration_seconds_count 0\n')
  await context.http.open(ADDRESS, '/health', (_, response) => {
    response.end('OK', () => asked.resolve())
  })
  mock.timers.tick(1_000)
  await asked.promise
  while (context.metrics.render().includes('coredns_health_request_duration_seconds_count 0')) {
    await new Promise(resolve => setImmediate(resolve))
  }
  const page = context.metrics.render()
  t.match(page, 'coredns_health_request_duration_seconds_count 1\n')
  t.match(page, 'coredns_health_request_failures_total 0\n')
  for (const bound of ['0.00025', '0.0025', '0.025', '0.25', '2.5', '+Inf']) t.match(page, `_bucket{le="${bound}"} `)
  await stop(block)
})

interface Counts {
  observed: number
  failed: number
  lines: string[]
}

function makePoll(url: string): { poll: HealthPoll; counts: Counts } {
  const counts: Counts = { observed: 0, failed: 0, lines: [] }
  const sink = { observe: () => counts.observed++, fail: () => counts.failed++ }
  const log = pino(
    { base: null },
    { write: (json: string) => counts.lines.push((JSON.parse(json) as { msg: string }).msg) },
  )
  return { poll: new HealthPoll(url, sink, log), counts }
}

void t.test('a request that fails is observed, counted and logged', async t => {
  const server = http.createServer(request => request.socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`
  const { poll, counts } = makePoll(url)
  await poll.poll()
  t.same([counts.observed, counts.failed], [1, 1])
  t.same(counts.lines, [`plugin/health: Local health request to "${url}" failed: socket hang up`])
  poll.stop()
  server.close()
})

void t.test('a request that stop cuts off is no failure', async t => {
  const server = http.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { poll, counts } = makePoll(`http://127.0.0.1:${(server.address() as AddressInfo).port}/health`)
  const requested = once(server, 'request')
  const polled = poll.poll()
  await requested
  poll.stop()
  await polled
  t.same(counts, { observed: 0, failed: 0, lines: [] })
  server.close()
})

const mistakes: [directives: string, message: RegExp][] = [
  ['health 8080', /^Corefile:2:8: bad value '8080'; expected an address/],
  ['health :8080 :8081', /^Corefile:2:14: /],
  ['health {\n lameduck\n}', /^Corefile:3:2: nothing after 'lameduck'; expected a duration/],
  ['health {\n lameduck 5\n}', /^Corefile:3:11: bad value '5'; expected a duration/],
  ['health {\n lameduck -5s\n}', /^Corefile:3:11: /],
  ['health {\n lameduk 5s\n}', /^Corefile:3:2: unknown property 'lameduk' \(did you mean 'lameduck'\?\)/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
