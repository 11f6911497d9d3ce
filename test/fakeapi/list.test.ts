import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { type Answer, call, makeService } from './client.ts'

const api = new FakeApi({ controllers: false })
const url = await api.listen()
t.teardown(() => api.close())
const services = `${url}/api/v1/namespaces/default/services`
for (const name of ['e', 'a', 'd', 'b', 'c']) {
  api.apply(makeService(name, { labels: { test: 'yes', vowel: 'ae'.includes(name) ? 'yes' : 'no' } }))
}

function names({ json }: Answer): string[] {
  return json.items.map(item => item.metadata.name)
}

void t.test('a list is in the order of names and says at which resourceVersion it is', async t => {
  const answer = await call(`${url}/api/v1/services`)
  t.same(names(answer), ['a', 'b', 'c', 'd', 'e', 'kubernetes'])
  t.match(answer.json, { kind: 'ServiceList', apiVersion: 'v1' })
  t.equal(answer.json.metadata.resourceVersion, String(api.store.revision))
  t.equal(answer.json.items[0]?.kind, undefined, 'items of built-in kinds do not repeat the kind')
  t.ok(answer.json.items[0]?.metadata.uid)
})

void t.test('a list is of one namespace when it is asked so', async t => {
  t.same(names(await call(`${url}/api/v1/namespaces/kube-system/services`)), [])
  t.equal(names(await call(services)).length, 6)
})

void t.test('selectors choose', async t => {
  t.same(names(await call(`${services}?labelSelector=${encodeURIComponent('test,vowel in (yes)')}`)), ['a', 'e'])
  t.same(names(await call(`${services}?fieldSelector=metadata.name=c`)), ['c'])
  t.same(names(await call(`${services}?fieldSelector=spec.type!=ClusterIP`)), [])
  t.same(names(await call(`${services}?labelSelector=vowel=no&fieldSelector=metadata.name!=b`)), ['c', 'd'])
})

void t.test('pages show the state of the first one, whatever is written meanwhile', async t => {
  const first = await call(`${services}?limit=2&labelSelector=test`)
  t.same(names(first), ['a', 'b'])
  api.apply(makeService('b2', { labels: { test: 'yes' } }))
  api.store.delete(api.store.resource('Service'), 'default', 'd')
  const second = await call(`${services}?limit=2&labelSelector=test&continue=${first.json.metadata.continue}`)
  t.same(names(second), ['c', 'd'])
  t.equal(second.json.metadata.resourceVersion, first.json.metadata.resourceVersion)
  const third = await call(`${services}?limit=2&labelSelector=test&continue=${second.json.metadata.continue}`)
  t.same(names(third), ['e'])
  t.equal(third.json.metadata.continue, undefined)
})

void t.test('a page without a selector says how many remain', async t => {
  const { json } = await call(`${services}?limit=2`)
  t.equal(json.metadata.remainingItemCount, 4)
})

void t.test('a page of a state that is compacted is 410, with a token to go on in the state of now', async t => {
  const first = await call(`${services}?limit=2`)
  t.same(names(first), ['a', 'b'])
  api.apply(makeService('z'))
  api.store.compact()
  const late = await call(`${services}?limit=2&continue=${first.json.metadata.continue}`)
  t.match(late.json, { kind: 'Status', code: 410, reason: 'Expired', message: /too old to display/ })
  const rest = await call(`${services}?continue=${late.json.metadata.continue}`)
  t.same(names(rest), ['b2', 'c', 'e', 'kubernetes', 'z'])
})

void t.test('resourceVersion and its match mean what they mean in Kubernetes', async t => {
  const then = api.store.revision
  api.apply(makeService('newer'))
  const has = async (query: string): Promise<boolean> => names(await call(`${services}?${query}`)).includes('newer')
  t.equal(await has('resourceVersion=0'), true)
  t.equal(await has(`resourceVersion=${then}`), true)
  t.equal(await has(`resourceVersion=${then}&resourceVersionMatch=NotOlderThan`), true)
  t.equal(await has(`resourceVersion=${then}&resourceVersionMatch=Exact`), false)
  t.equal(await has(`resourceVersion=${then}&limit=100`), false, 'with a limit, and no match, it is exact')
  const future = await call(`${services}?resourceVersion=${then + 1000}`)
  t.match(future.json, { code: 504, reason: 'Timeout', message: /Too large resource version/ })
  t.equal(future.headers.get('retry-after'), '1')
  const wrong: [query: string, code: number][] = [
    ['resourceVersion=abc', 400],
    ['resourceVersionMatch=Exact', 422],
    ['resourceVersion=1&resourceVersionMatch=Sometimes', 422],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422],
    ['continue=nonsense', 400],
    ['limit=many', 400],
    ['sendInitialEvents=true&resourceVersionMatch=NotOlderThan', 422],
  ]
  for (const [query, code] of wrong) t.equal((await call(`${services}?${query}`)).code, code, query)
  const { json } = await call(`${services}?limit=1`)
  t.equal((await call(`${services}?continue=${json.metadata.continue}&resourceVersion=3`)).code, 400)
})
