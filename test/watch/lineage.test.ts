// An API server that has lost data gives out its versions a second time: whoever goes on from one of before misses what is between.

import t, { type Test } from 'tap'
import { EMPTY_BACKUP } from '../../src/fakeapi/store.ts'
import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { SYSTEM_CLOCK } from '../../src/watch/clock.ts'
import { connectEndpoint } from '../../src/watch/endpoint.ts'
import { Lineage } from '../../src/watch/lineage.ts'
import { Reflector } from '../../src/watch/reflector.ts'
import { ENDPOINT_SLICES, NAMESPACES, type Resource, SERVICES } from '../../src/watch/resource.ts'
import type { SlimMeta } from '../../src/watch/slim.ts'
import { type Sink, Store } from '../../src/watch/store.ts'
import { clusterIP, namespace, slice } from '../plugins/kubernetes/objects.ts'
import { openApi } from '../site/running.ts'
import { ManualClock, RecordingLog, RecordingSink, ScriptedApi, service } from './scripted.ts'

const EAGER_CLOCK = { ...SYSTEM_CLOCK, random: () => 0 }
const RESOURCES = { Service: SERVICES, EndpointSlice: ENDPOINT_SLICES, Namespace: NAMESPACES } as const
type Kind = keyof typeof RESOURCES

class Bench {
  readonly api: FakeApi
  readonly log = new RecordingLog()
  readonly sink = new RecordingSink<SlimMeta>()
  readonly reflectors = new Map<Kind, Reflector<SlimMeta>>()

  constructor(api: FakeApi) {
    this.api = api
  }

  static async open(t: Test): Promise<Bench> {
    const bench = new Bench(openApi({ controllers: false }))
    const { api, log, sink, reflectors } = bench
    for (const object of [namespace('ns'), clusterIP('lost', ['10.96.0.1']), slice('lost', ['10.0.0.1'])]) {
      api.apply(object)
    }
    const connection = await connectEndpoint({ endpoint: await api.listen() })
    const lineage = new Lineage(connection, log)
    const sinks: Partial<Record<Kind, Sink<SlimMeta>>> = { Namespace: lineage.listen(sink) }
    for (const [kind, resource] of Object.entries(RESOURCES) as [Kind, Resource<SlimMeta>][]) {
      const options = { connection, resource, keeper: new Store(sinks[kind] ?? sink), log, lineage, clock: EAGER_CLOCK }
      reflectors.set(kind, new Reflector(options))
    }
    t.teardown(async () => {
      await Promise.all([...reflectors.values()].map(reflector => reflector.stop()))
      await connection.close()
      await api.close()
    })
    for (const reflector of reflectors.values()) reflector.start()
    await sink.hears('listed', reflectors.size)
    return bench
  }

  /** Names, uids and versions, of what is held and of what the API has. */
  differences(): string[] {
    return [...this.reflectors].flatMap(([kind, reflector]) => {
      const { store } = this.api
      const stored = store.list(store.resource(kind)).map(({ metadata }) => print(metadata))
      const held = [...reflector.values()].map(print)
      return JSON.stringify(held.sort()) === JSON.stringify(stored.sort()) ? [] : [`${kind}: ${held.join()}`]
    })
  }

  async follows(): Promise<void> {
    while (this.differences().length > 0) await new Promise(setImmediate)
  }

  /** What was said of lost data. */
  get losses(): string[] {
    return this.log.lines.filter(line => line.includes('lost data'))
  }

  /** Until the API is at the version. */
  write(version: number): void {
    for (let at = 0; this.api.store.revision < version; at++)
      this.api.apply(clusterIP('new', ['10.96.1.1'], [{ port: at + 1 }]))
  }
}

const print = ({ name, uid, resourceVersion }: Pick<SlimMeta, 'name'> & Partial<SlimMeta>): string =>
  `${name} ${uid} ${resourceVersion}`

for (const [past, writes] of [
  ['it has not come to', 0],
  ['it has passed', 40],
] as const) {
  void t.test(
    `a cluster that was made anew is listed by all resources, though from a version that ${past}`,
    async t => {
      const bench = await Bench.open(t)
      const { api } = bench
      const { revision } = api.store
      api.loseData()
      api.apply(namespace('ns'))
      if (writes > 0) bench.write(revision + writes)
      await bench.follows()
      t.equal(bench.reflectors.get('Service')?.get('ns/lost'), undefined)
      t.strictSame(
        bench.losses,
        ['warn the API server has lost data (it is another cluster now): listing everything anew'],
        'said once',
      )
      for (const { status } of bench.reflectors.values()) t.equal(status.relists, 1)
    },
  )
}

void t.test(
  'one that was restored from a copy is listed by all, and what was in the copy is not told anew',
  async t => {
    const bench = await Bench.open(t)
    const { api, sink } = bench
    const backup = api.store.backup()
    bench.write(backup.revision + 20)
    await bench.follows()
    sink.take()
    api.loseData(backup)
    api.apply(clusterIP('other', ['10.96.2.1']))
    await bench.follows()
    t.match(bench.losses, [
      /^warn the API server has lost data \(it is at version \d+, and was at \d+\): listing everything anew$/,
    ])
    t.equal(bench.losses.length, 1)
    const told = sink
      .take()
      .filter(line => line !== 'listed')
      .map(line => line.replace(/@.*/, ''))
    t.strictSame(told.sort(), ['+ns/other', '-ns/new'])
  },
)

void t.test('where nobody may ask for kube-system, a list that goes back in time is found out for all', async t => {
  const bench = await Bench.open(t)
  const { api } = bench
  bench.write(100)
  await bench.follows()
  api.faults.answer(403, { resource: 'namespaces', verb: 'list', count: Infinity })
  api.loseData()
  api.apply(namespace('ns'))
  // They are open, and would be silent until version 100 comes again.
  while (api.faults.openWatches().length < 3) await new Promise(setImmediate)
  api.faults.breakOpenWatches({ error: 410 }, { resource: 'services' })
  await bench.follows()
  t.match(bench.losses, [
    /^warn the API server has lost data \(services are at version \d+, and were at 100\): listing everything anew$/,
  ])
})

void t.test('nor then, when the Namespaces are of another cluster', async t => {
  const bench = await Bench.open(t)
  const { api } = bench
  const { revision } = api.store
  api.faults.answer(403, { resource: 'namespaces', verb: 'list', count: Infinity })
  api.loseData()
  api.apply(namespace('ns'))
  // All go on from where they were, and nothing shows that it is nowhere.
  bench.write(revision + 20)
  while (api.faults.openWatches().length < 3) await new Promise(setImmediate)
  api.faults.breakOpenWatches({ error: 410 }, { resource: 'namespaces' })
  await bench.follows()
  t.equal(bench.reflectors.get('Service')?.get('ns/lost'), undefined)
  t.equal(bench.losses.length, 1)
})

for (const [code, asked, how] of [
  [403, 3, 'is not asked again'],
  [404, 3, 'is not asked again'],
  [500, 6, 'is asked again, and each watch is opened again'],
  [503, 6, 'is asked again, and each watch is opened again'],
] as const) {
  void t.test(`an API that answers with ${code} instead ${how}`, async t => {
    const bench = await Bench.open(t)
    const { api } = bench
    const refused = api.faults.answer(code, { resource: 'namespaces', verb: 'list', count: asked })
    api.faults.breakOpenWatches('drop')
    await refused.done
    api.apply(clusterIP('after', ['10.96.3.1']))
    await bench.follows()
    const expected = code < 500 ? asked : asked + bench.reflectors.size
    const count = (): number => api.requests.filter(({ verb }) => verb === 'list').length
    while (count() < expected) await new Promise(setImmediate)
    t.equal(count(), expected)
    t.strictSame(bench.losses, [])
    for (const { status } of bench.reflectors.values()) t.equal(status.relists, 0)
  })
}

void t.test('a resource with an etcd of its own has versions of its own', async t => {
  const api = await new ScriptedApi().listen()
  const connection = await connectEndpoint({ endpoint: api.url })
  const [log, sink, clock] = [new RecordingLog(), new RecordingSink(), new ManualClock()]
  const lineage = new Lineage(connection, log)
  const reflector = new Reflector({ connection, resource: SERVICES, keeper: new Store(sink), log, lineage, clock })
  t.teardown(async () => {
    await reflector.stop()
    await connection.close()
    await api.close()
  })
  const origin = { metadata: { name: 'kube-system', uid: 'one' } }
  reflector.start()
  ;(await api.next()).open().event('ADDED', service('ns/a', 900)).endInitialEvents('1000').end()
  const watch = await api.next()
  t.equal(watch.query.resourceVersion, '1000')
  watch.open()
  const asked = await api.next()
  t.equal(asked.path, '/api/v1/namespaces')
  t.strictSame(asked.query, { fieldSelector: 'metadata.name=kube-system' })
  asked.list('6', [origin])
  const own = await api.next()
  t.equal(own.path, '/api/v1/services')
  t.strictSame(own.query, { limit: '1' })
  own.list('1001', [service('ns/a', 900)])
  watch.event('MODIFIED', service('ns/a', 1002)).end()
  await sink.hears('~ns/a@900>1002')
  const again = await api.next()
  t.equal(again.query.resourceVersion, '1002')
  again.open()
  ;(await api.next()).list('7', [origin])
  ;(await api.next()).list('8', [])
  await again.closed
  await clock.waits(400)
  clock.advance(400)
  t.equal((await api.next()).query.sendInitialEvents, 'true', 'it has lost data, too')
  t.match(log.lines, [/^warn the API server has lost data \(it is at version 8, and was at 1002\)/])
})

void t.test('the copy of an API is as it was', async t => {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  api.apply(namespace('ns'))
  api.apply(clusterIP('a', ['10.96.0.7']))
  const backup = api.store.backup()
  const services = api.store.resource('Service')
  api.store.delete(services, 'ns', 'a')
  api.apply(clusterIP('b', ['10.96.0.8']))
  api.loseData(backup)
  t.strictSame(api.store.backup(), backup)
  t.throws(() => api.store.eventsSince(services, backup.revision - 1), { code: 410 })
  api.loseData()
  t.equal(api.store.get(services, 'ns', 'a'), undefined)
  t.ok(api.store.revision > EMPTY_BACKUP.revision && api.store.revision < backup.revision)
})
