// The reflector against the in-process API, which is written after the API server, not after this client.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FakeApi, type FakeApiOptions } from '../../src/fakeapi/fakeapi.ts'
import type { Break } from '../../src/fakeapi/faults.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { SYSTEM_CLOCK } from '../../src/watch/clock.ts'
import type { ApiConnection } from '../../src/watch/connection.ts'
import { connectEndpoint } from '../../src/watch/endpoint.ts'
import { connectKubeconfig } from '../../src/watch/kubeconfig.ts'
import { Reflector } from '../../src/watch/reflector.ts'
import { Store } from '../../src/watch/store.ts'
import {
  ENDPOINT_SLICES,
  NAMESPACES,
  PODS,
  type Resource,
  SERVICE_IMPORTS,
  SERVICES,
} from '../../src/watch/resource.ts'
import type { SlimMeta, SlimService } from '../../src/watch/slim.ts'
import { RecordingLog, RecordingSink } from './scripted.ts'

const EAGER_CLOCK = { ...SYSTEM_CLOCK, random: () => 0 }
const NAMESPACE = 'default'

function serviceOf(name: string, port = 80): ApiObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE }, spec: { ports: [{ port }] } }
}

interface Bench<T extends SlimMeta> {
  api: FakeApi
  sink: RecordingSink<T>
  log: RecordingLog
  reflector: Reflector<T>
}

async function start<T extends SlimMeta>(
  t: Test,
  api: FakeApi,
  connection: ApiConnection,
  resource: Resource<T>,
): Promise<Bench<T>> {
  const sink = new RecordingSink<T>()
  const log = new RecordingLog()
  const reflector = new Reflector({ connection, resource, keeper: new Store(sink), log, clock: EAGER_CLOCK })
  t.teardown(() => reflector.stop())
  reflector.start()
  await sink.hears('listed')
  return { api, sink, log, reflector }
}

async function makeApi(t: Test, options: FakeApiOptions = {}): Promise<{ api: FakeApi; connection: ApiConnection }> {
  const api = new FakeApi({ controllers: false, ...options })
  const connection = await connectEndpoint({ endpoint: await api.listen() })
  t.teardown(async () => {
    await connection.close()
    await api.close()
  })
  return { api, connection }
}

/** Versions of what is held, and of what the API has. */
function compare(t: Test, { api, reflector }: Bench<SlimMeta>, kind: string): void {
  const stored = api.store
    .list(api.store.resource(kind))
    .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
  const held = [...reflector.values()].map(({ name, uid, resourceVersion }) => `${name} ${uid} ${resourceVersion}`)
  t.strictSame(held.sort(), stored.sort())
}

/** Writes a Service and waits until it is told: what was written before it has arrived then, too. */
async function seeMarker({ api, sink, reflector }: Bench<SlimService>, name: string): Promise<void> {
  api.apply(serviceOf(name))
  await sink.until(() => reflector.get(`${NAMESPACE}/${name}`) !== undefined)
  // Within a list the deletions come last.
  await sink.until(() => reflector.status.resourceVersion !== '')
}

const ways = {
  'by a streaming list': () => undefined,
  'by pages, where streaming lists are refused': (api: FakeApi) => {
    api.faults.refuseInitialEvents()
  },
} as const

for (const [way, prepare] of Object.entries(ways)) {
  void t.test(`every resource is held as the API has it, ${way}`, async t => {
    const { api, connection } = await makeApi(t)
    prepare(api)
    api.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: NAMESPACE },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    })
    for (let at = 0; at < 20; at++) api.apply(serviceOf(`s-${at}`))
    api.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'e', namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': 's-0' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.0.1'] }],
      ports: [{ name: '', port: 80, protocol: 'TCP' }],
    })
    compare(t, await start(t, api, connection, SERVICES), 'Service')
    compare(t, await start(t, api, connection, NAMESPACES), 'Namespace')
    compare(t, await start(t, api, connection, PODS), 'Pod')
    compare(t, await start(t, api, connection, SERVICE_IMPORTS), 'ServiceImport')
    const slices = await start(t, api, connection, ENDPOINT_SLICES)
    compare(t, slices, 'EndpointSlice')
    t.match(slices.reflector.get(`${NAMESPACE}/e`), { service: 's-0', endpoints: [{ addresses: ['10.1.0.1'] }] })
  })

  for (const how of ['drop', 'end', 'cut', 'malformed', { error: 410 }, { error: 500 }] satisfies Break[]) {
    void t.test(`nothing is lost when a watch breaks (${JSON.stringify(how)}), ${way}`, async t => {
      const { api, connection } = await makeApi(t)
      prepare(api)
      for (const name of ['stays', 'goes', 'changes', 'is-made-anew']) api.apply(serviceOf(name))
      const bench = await start(t, api, connection, SERVICES)
      await seeMarker(bench, 'before')
      const held = bench.reflector.get(`${NAMESPACE}/stays`)
      const old = bench.reflector.get(`${NAMESPACE}/is-made-anew`)
      bench.sink.take()
      while (api.faults.breakOpenWatches(how) === 0) await new Promise(setImmediate)
      const services = api.store.resource('Service')
      api.store.delete(services, NAMESPACE, 'goes')
      api.apply(serviceOf('changes', 81))
      api.store.delete(services, NAMESPACE, 'is-made-anew')
      api.apply(serviceOf('is-made-anew'))
      await seeMarker(bench, 'after')
      compare(t, bench, 'Service')
      t.equal(bench.reflector.get(`${NAMESPACE}/stays`), held)
      const anew = bench.reflector.get(`${NAMESPACE}/is-made-anew`)
      t.not(anew?.uid, old?.uid)
      const told = bench.sink
        .take()
        .filter(line => line !== 'listed')
        .map(line => line.replace(/@.*/, ''))
        .sort()
      const expected = ['-goes', '~changes', '-is-made-anew', '+is-made-anew', '+after'].map(line =>
        line.replace(/^./, sign => `${sign}${NAMESPACE}/`),
      )
      t.strictSame(told, expected.sort(), 'and nothing is told twice')
    })
  }
}

void t.test('a list of several pages is held whole, and starts over when its token expires', async t => {
  const { api, connection } = await makeApi(t)
  api.faults.refuseInitialEvents()
  for (let at = 0; at < 1101; at++) {
    api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `n-${at}` } })
  }
  const bench = await start(t, api, connection, NAMESPACES)
  compare(t, bench, 'Namespace')
  t.equal(bench.reflector.status.relists, 0)
})

void t.test('an API server that is away for a while, and refuses in every way, is followed again', async t => {
  const { api, connection } = await makeApi(t)
  const bench = await start(t, api, connection, SERVICES)
  await seeMarker(bench, 'before')
  const faults = [
    api.faults.answer(500),
    api.faults.answer(401),
    api.faults.drop(),
    api.faults.answer(403),
    api.faults.drop(),
  ]
  while (api.faults.breakOpenWatches('drop') === 0) await new Promise(setImmediate)
  api.apply(serviceOf('while-away'))
  await Promise.all(faults.map(fault => fault.done))
  await seeMarker(bench, 'after')
  compare(t, bench, 'Service')
  const codes = bench.log.lines.filter(line => line.startsWith('warn')).map(line => /: (\d\d\d)/.exec(line)?.[1])
  t.strictSame(
    codes,
    ['500', '401', '403'],
    'one line when it goes, and one for each thing that a person must put right',
  )
})

void t.test('a bookmark counts as being heard', async t => {
  const { api, connection } = await makeApi(t, { bookmarkIntervalMs: 5 })
  const { reflector } = await start(t, api, connection, SERVICES)
  const before = reflector.status.resourceVersion
  api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } })
  while (reflector.status.resourceVersion === before) await new Promise(setImmediate)
  t.equal(reflector.size, 1, 'the version has moved on without an event')
})

void t.test('by https, a token and the kubeconfig that the API writes', async t => {
  const api = new FakeApi({ controllers: false })
  await api.listen({ tls: true, token: 's3cr3t' })
  const connection = await connectKubeconfig({ file: join(t.testdir({ config: api.kubeconfig() }), 'config') })
  t.teardown(async () => {
    await connection.close()
    await api.close()
  })
  const bench = await start(t, api, connection, SERVICES)
  compare(t, bench, 'Service')
})

void t.test('a token that is not accepted, and a resource that is not allowed, are told by name', async t => {
  const api = new FakeApi({ controllers: false, authorize: ({ resource }) => resource.plural !== 'endpointslices' })
  const connection = await connectEndpoint({ endpoint: await api.listen({ token: 's3cr3t' }) })
  const open = await connectEndpoint({ endpoint: await api.listen() })
  t.teardown(async () => {
    await Promise.all([connection.close(), open.close()])
    await api.close()
  })
  for (const [way, expected] of [
    [
      connection,
      /watch endpointslices\.discovery\.k8s\.io at http:\/\/127\.0\.0\.1:\d+: 401, the credentials were not accepted/,
    ],
    [
      open,
      /watch endpointslices\.discovery\.k8s\.io at .*: 403, not allowed: .*: a ClusterRole must grant the verbs list and watch on endpointslices\.discovery\.k8s\.io/,
    ],
  ] as const) {
    const log = new RecordingLog()
    const sink = new RecordingSink()
    const reflector = new Reflector({ connection: way, resource: ENDPOINT_SLICES, keeper: new Store(sink), log })
    reflector.start()
    t.match(await log.next(), expected)
    await reflector.stop()
  }
})
