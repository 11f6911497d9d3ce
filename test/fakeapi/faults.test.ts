import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { call, makePod, makeService, Stream } from './client.ts'

const api = new FakeApi({ controllers: false, authorize: request => request.namespace !== 'kube-public' })
const url = await api.listen()
t.teardown(() => api.close())
const { faults } = api
const services = `${url}/api/v1/services`
const pods = `${url}/api/v1/namespaces/default/pods`

t.beforeEach(async () => {
  faults.clear()
  // The server sees the end of a connection in its own time.
  while (faults.openWatches().length > 0) await new Promise(resolve => setImmediate(resolve))
})

function watchFromNow(path = pods): Promise<Stream> {
  return Stream.open(`${path}?watch=true&resourceVersion=${api.store.revision}`)
}

void t.test('an answer is given as often as it was asked for, where it was asked for', async t => {
  const fault = faults.answer(500, { resource: 'services', verb: 'list', count: 2 })
  t.equal((await call(pods)).code, 200)
  t.equal((await call(`${url}/api/v1/namespaces/default/services/kubernetes`)).code, 200)
  t.match((await call(services)).json, { kind: 'Status', code: 500, reason: 'InternalError' })
  t.equal(fault.remaining, 1)
  t.equal((await call(services)).code, 500)
  await fault.done
  t.equal((await call(services)).code, 200)
})

void t.test('429 says when to come again', async t => {
  faults.answer(429, { retryAfterSeconds: 7 })
  const answer = await call(services)
  t.equal(answer.headers.get('retry-after'), '7')
  t.match(answer.json, { code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 7 } })
})

void t.test('codes come with their reasons', async t => {
  for (const [code, reason] of [
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [410, 'Expired'],
  ] as const) {
    faults.answer(code)
    t.match((await call(services)).json, { code, reason })
  }
})

void t.test('a fault that is removed does nothing', async t => {
  faults.answer(500).remove()
  t.equal((await call(services)).code, 200)
})

void t.test('a delay delays, and the request is served then', async t => {
  faults.delay(300, { resource: 'services' })
  const order: string[] = []
  await Promise.all([
    call(services).then(() => order.push('delayed')),
    call(pods).then(() => order.push('not delayed')),
  ])
  t.same(order, ['not delayed', 'delayed'])
})

void t.test('a connection is dropped before the answer, or in the middle of it', async t => {
  faults.drop()
  await t.rejects(call(services))
  faults.truncate()
  await t.rejects(call(services))
  t.equal((await call(services)).code, 200)
})

void t.test('a watch breaks after as many lines as asked for', async t => {
  faults.breakWatch('drop', 2, { resource: 'pods' })
  const stream = await watchFromNow()
  api.apply(makePod('a'))
  api.apply(makePod('b'))
  t.same(await stream.take(2), ['ADDED a', 'ADDED b'])
  await t.rejects(stream.text())
})

void t.test('a watch is cut in the middle of a line', async t => {
  faults.breakWatch('cut', 1)
  const stream = await watchFromNow()
  api.apply(makePod('c'))
  api.apply(makePod('d'))
  t.same(await stream.take(1), ['ADDED c'])
  await t.rejects(stream.text(), 'the line never ends')
})

void t.test('a malformed line takes the place of one, and the watch goes on', async t => {
  faults.breakWatch('malformed', 0)
  const stream = await watchFromNow()
  api.apply(makePod('e'))
  api.apply(makePod('f'))
  const line = (await stream.text()) ?? ''
  t.throws(() => JSON.parse(line))
  t.same(await stream.take(1), ['ADDED f'])
  await stream.close()
})

void t.test('a watch that is open can be ended, with an error or without', async t => {
  const stream = await watchFromNow()
  t.equal(faults.breakOpenWatches({ error: 410 }, { resource: 'pods' }), 1)
  t.match(await stream.next(), { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
  t.equal(await stream.text(), undefined)
  const next = await watchFromNow()
  faults.breakOpenWatches('end')
  t.equal(await next.text(), undefined)
})

void t.test('lines that are held come later, and nothing is lost', async t => {
  const stream = await watchFromNow()
  const other = await watchFromNow(services)
  const hold = faults.hold({ resource: 'pods' })
  api.apply(makePod('g'))
  api.apply(makePod('h'))
  api.apply(makeService('passes'))
  t.same(await other.take(1), ['ADDED passes'], 'other resources are not held')
  t.equal(hold.held, 2)
  hold.release(lines => lines.toReversed())
  api.apply(makePod('i'))
  t.same(await stream.take(3), ['ADDED h', 'ADDED g', 'ADDED i'])
  await Promise.all([stream.close(), other.close()])
})

void t.test('an older server refuses sendInitialEvents, or takes no notice of it', async t => {
  const query = '?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const refusal = faults.refuseInitialEvents()
  t.match((await call(pods + query)).json, { code: 422, reason: 'Invalid', message: /sendInitialEvents is forbidden/ })
  refusal.remove()
  faults.ignoreInitialEvents()
  const stream = await Stream.open(`${pods}${query}&timeoutSeconds=1`)
  const types: string[] = []
  for (let line = await stream.text(); line !== undefined; line = await stream.text()) {
    types.push(line.includes('initial-events-end') ? 'END' : (JSON.parse(line) as { type: string }).type)
  }
  t.ok(types.includes('ADDED'))
  t.notOk(types.includes('END'))
})

void t.test('a test can forbid', async t => {
  const { json } = await call(`${url}/api/v1/namespaces/kube-public/pods`)
  t.match(json, { code: 403, reason: 'Forbidden', message: /cannot list resource "pods".*namespace "kube-public"/ })
})

void t.test('the requests are there to be looked at', async t => {
  await call(`${services}?limit=7`)
  t.match(api.requests.at(-1), { method: 'GET', url: '/api/v1/services?limit=7', verb: 'list', resource: 'services' })
})
