import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { call, makePod, makeService, Stream } from './client.ts'

const api = new FakeApi({ controllers: false, bookmarkIntervalMs: 20 })
const url = await api.listen()
t.teardown(() => api.close())
const pods = `${url}/api/v1/namespaces/default/pods`
const podResource = api.store.resource('Pod')

t.beforeEach(() => {
  for (const pod of api.store.list(podResource))
    api.store.delete(podResource, pod.metadata.namespace, pod.metadata.name)
})

function open(query: string, accept?: string): Promise<Stream> {
  return Stream.open(`${pods}?watch=true&${query}`, accept)
}

void t.test('a watch from a resourceVersion tells all that came after it', async t => {
  api.apply(makePod('old'))
  const from = api.store.revision
  api.apply(makePod('a'))
  api.apply(makePod('a', { labels: { x: 'y' } }))
  api.apply(makeService('not-a-pod'))
  const stream = await open(`resourceVersion=${from}`)
  api.store.delete(podResource, 'default', 'a')
  t.same(await stream.take(3), ['ADDED a', 'MODIFIED a', 'DELETED a'])
  api.apply(makePod('live'))
  const { type, object } = await stream.next()
  t.equal(type, 'ADDED')
  t.match(object, { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: String(api.store.revision) } })
  await stream.close()
})

void t.test('a watch without a resourceVersion, or from 0, begins with what there is', async t => {
  api.apply(makePod('b'))
  api.apply(makePod('a'))
  for (const query of ['', 'resourceVersion=0']) {
    const stream = await open(query)
    t.same(await stream.take(2), ['ADDED a', 'ADDED b'])
    await stream.close()
  }
})

void t.test('a watch of one object is by its name', async t => {
  api.apply(makePod('a'))
  api.apply(makePod('b'))
  const stream = await Stream.open(`${pods}/b?watch=1`)
  t.same(await stream.take(1), ['ADDED b'])
  await stream.close()
})

void t.test('an object that comes to match is ADDED and one that ceases to is DELETED', async t => {
  api.apply(makePod('a'))
  const stream = await open(`labelSelector=on%3Dyes&resourceVersion=${api.store.revision}`)
  api.apply(makePod('a', { labels: { on: 'yes' } }))
  api.apply(makePod('a', { labels: { on: 'yes', other: 'x' } }))
  api.apply(makePod('a', { labels: { on: 'no' } }))
  const lines = [await stream.next(), await stream.next(), await stream.next()]
  t.same(
    lines.map(line => line.type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  )
  t.match(lines[2]?.object.metadata, { labels: { on: 'yes' }, resourceVersion: String(api.store.revision) })
  api.store.delete(podResource, 'default', 'a')
  api.apply(makePod('b', { labels: { on: 'yes' } }))
  t.same(await stream.take(1), ['ADDED b'], 'the deletion of what did not match is not told')
  await stream.close()
})

void t.test('sendInitialEvents ends the state with a marked bookmark', async t => {
  api.apply(makePod('a'))
  api.apply(makePod('b'))
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const stream = await open(query)
  t.same(await stream.take(2), ['ADDED a', 'ADDED b'])
  const { type, object } = await stream.next()
  t.equal(type, 'BOOKMARK')
  t.match(object, {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      resourceVersion: String(api.store.revision),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    },
  })
  await stream.close()
})

void t.test('sendInitialEvents is refused as Kubernetes refuses it', async t => {
  const table: [query: string, code: number][] = [
    ['sendInitialEvents=true', 422],
    ['sendInitialEvents=true&resourceVersionMatch=Exact', 422],
    ['resourceVersionMatch=NotOlderThan', 422],
    [`sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${api.store.revision + 1000}`, 504],
    ['resourceVersion=x', 400],
    ['timeoutSeconds=x', 400],
  ]
  for (const [query, code] of table) t.equal((await call(`${pods}?watch=true&${query}`)).code, code, query)
})

void t.test('without sendInitialEvents a watch begins now', async t => {
  api.apply(makePod('a'))
  const stream = await open('sendInitialEvents=false&resourceVersionMatch=NotOlderThan')
  api.apply(makePod('b'))
  t.same(await stream.take(1), ['ADDED b'])
  await stream.close()
})

void t.test('bookmarks come by themselves, to those who allow them', async t => {
  const stream = await open(`allowWatchBookmarks=true&resourceVersion=${api.store.revision}`)
  api.apply(makeService('moves-the-version-on'))
  for (;;) {
    const { type, object } = await stream.next()
    t.equal(type, 'BOOKMARK')
    if (object.metadata.resourceVersion === String(api.store.revision)) break
  }
  await stream.close()
  const silent = await open(`resourceVersion=${api.store.revision}`)
  const bookmarked = await open(`allowWatchBookmarks=true&resourceVersion=${api.store.revision}`)
  await bookmarked.next()
  await bookmarked.next()
  api.apply(makePod('a'))
  t.same(await silent.take(1), ['ADDED a'])
  await Promise.all([silent.close(), bookmarked.close()])
})

void t.test('a watch ends regularly after its timeout, with a last bookmark', async t => {
  const stream = await open(`allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=${api.store.revision}`)
  let last: string | undefined
  for (let line = await stream.text(); line !== undefined; line = await stream.text()) last = line
  t.match(last, /"BOOKMARK"/)
})

void t.test('a watch from before the compaction is an ERROR of 410 in the stream', async t => {
  const from = api.store.revision
  api.apply(makePod('a'))
  api.store.compact()
  const stream = await open(`resourceVersion=${from}`)
  t.equal(stream.code, 200)
  const { type, object } = await stream.next()
  t.equal(type, 'ERROR')
  t.match(object, { kind: 'Status', code: 410, reason: 'Expired', message: /too old resource version/ })
  t.equal(await stream.text(), undefined)
  const fresh = await open(`resourceVersion=${api.store.revision}`)
  api.apply(makePod('b'))
  t.same(await fresh.take(1), ['ADDED b'], 'from the newest revision on it goes')
  await fresh.close()
})

void t.test('a watch can be of tables', async t => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const stream = await open(`resourceVersion=${api.store.revision}`, accept)
  api.apply(makePod('a'))
  const { type, object } = await stream.next()
  t.equal(type, 'ADDED')
  t.match(object, { kind: 'Table', rows: [{ cells: ['a', '0/1'] }] })
  await stream.close()
})

void t.test('a closed watch is forgotten', async t => {
  const stream = await open('')
  t.equal(api.faults.openWatches({ resource: 'pods' }).length, 1)
  await stream.close()
  // The server sees the end of the connection in its own time.
  while (api.faults.openWatches({ resource: 'pods' }).length > 0) await new Promise(resolve => setImmediate(resolve))
  t.pass()
})

void t.test('a watch from a revision that is yet to come is silent until then, bookmarks too', async t => {
  const from = api.store.revision + 3
  const stream = await open(`resourceVersion=${from}&allowWatchBookmarks=true`)
  for (const name of ['a', 'b']) {
    api.apply(makePod(name))
    api.sendBookmarks()
  }
  api.apply(makePod('c'))
  api.sendBookmarks()
  const { type, object } = await stream.next()
  t.match({ type, version: Number(object.metadata.resourceVersion) }, { type: 'BOOKMARK', version: from })
  api.apply(makePod('d'))
  t.match(await stream.next(), { type: 'ADDED', object: { metadata: { name: 'd' } } })
  await stream.close()
})
