// What of the way to the API may change while a watch is open: the token, the certificates, the address behind the name. The watch goes on from
// where it was, and nothing is listed anew.

import dns from 'node:dns'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { makeCertificate } from '../../src/fakeapi/certificate.ts'
import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { SYSTEM_CLOCK } from '../../src/watch/clock.ts'
import type { ApiConnection } from '../../src/watch/connection.ts'
import { connectEndpoint } from '../../src/watch/endpoint.ts'
import { connectInCluster } from '../../src/watch/incluster.ts'
import { Lineage } from '../../src/watch/lineage.ts'
import { Reflector } from '../../src/watch/reflector.ts'
import { SERVICES } from '../../src/watch/resource.ts'
import type { SlimService } from '../../src/watch/slim.ts'
import { Store } from '../../src/watch/store.ts'
import { clusterIP, namespace } from '../plugins/kubernetes/objects.ts'
import { openApi } from '../site/running.ts'
import { RecordingLog, RecordingSink } from './scripted.ts'

const EAGER_CLOCK = { ...SYSTEM_CLOCK, random: () => 0 }

const pem = (name: string): string => readFileSync(join(import.meta.dirname, 'testdata', name), 'utf8')
const OTHER = { cert: pem('server.crt'), key: pem('server.key') }
const OTHER_CA = pem('ca.crt')

/** One address for API servers that take each other's place. */
class Relay {
  target = 0
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer(socket => {
    const onward = connect(this.target, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ]) {
      this.#sockets.add(one)
      one.on('error', () => {}).once('close', () => other.destroy())
    }
  })

  async listen(t: Test): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    t.teardown(() => {
      this.#server.close()
      this.#cut()
    })
    return (this.#server.address() as AddressInfo).port
  }

  /** From now on to this API server; what is open breaks. */
  lead(url: string): void {
    this.target = Number(new URL(url).port)
    this.#cut()
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }
}

interface Bench {
  readonly log: RecordingLog
  readonly sink: RecordingSink<SlimService>
  readonly reflector: Reflector<SlimService>
}

async function watch(t: Test, connection: ApiConnection): Promise<Bench> {
  const [log, sink] = [new RecordingLog(), new RecordingSink<SlimService>()]
  const lineage = new Lineage(connection, log)
  const common = { connection, log, lineage, clock: EAGER_CLOCK }
  const reflector = new Reflector({ ...common, resource: SERVICES, keeper: new Store(sink) })
  t.teardown(async () => {
    await reflector.stop()
    await connection.close()
  })
  reflector.start()
  await sink.hears('listed')
  return { log, sink, reflector }
}

function makeApi(t: Test): FakeApi {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  api.apply(namespace('ns'))
  return api
}

/** What happened meanwhile is heard, and all that is told of the time is what happened. */
async function catchUp(t: Test, api: FakeApi, { sink, reflector }: Bench): Promise<void> {
  api.apply(clusterIP('after', ['10.96.0.3']))
  await sink.until(() => reflector.get('ns/after') !== undefined)
  t.ok(reflector.get('ns/meanwhile'))
  t.equal(reflector.status.relists, 0)
  t.equal(sink.told.filter(line => line === 'listed').length, 1)
}

for (const [what, file, said] of [
  ['a token', 'token', /^warn services: watch services at https:\S+: 401, the credentials were not accepted: /],
  ['the certificates', 'ca.crt', /^warn services: the certificate of https:\S+ is not signed by a CA given here /],
] as const) {
  void t.test(
    `${what} that the API takes no more is told once, and the one that takes its place is taken up`,
    async t => {
      const api = makeApi(t)
      const first = makeCertificate(['127.0.0.1'])
      const isToken = file === 'token'
      const before = await api.listen({ tls: first, token: 'first' })
      const after = await api.listen(isToken ? { tls: first, token: 'second' } : { tls: OTHER, token: 'first' })
      const directory = t.testdir({ token: 'first', 'ca.crt': first.cert })
      const relay = new Relay()
      const port = await relay.listen(t)
      relay.lead(before)
      const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) }
      const bench = await watch(t, await connectInCluster({ environment, directory }))
      relay.lead(after)
      api.apply(clusterIP('meanwhile', ['10.96.0.2']))
      t.match(await bench.log.next(), said)
      const { errors } = bench.reflector.status
      while (bench.reflector.status.errors < errors + 3) await new Promise(setImmediate)
      writeFileSync(join(directory, file), isToken ? 'second' : OTHER_CA)
      await catchUp(t, api, bench)
      t.equal(bench.log.lines.filter(line => line.startsWith('warn')).length, 1)
    },
  )
}

void t.test('a rotation that nobody notices changes nothing', async t => {
  const api = makeApi(t)
  const first = makeCertificate(['127.0.0.1'])
  const before = await api.listen({ tls: first, token: 'first' })
  const after = await api.listen({ tls: OTHER, token: 'second' })
  const directory = t.testdir({ token: 'first', 'ca.crt': first.cert })
  const relay = new Relay()
  const port = await relay.listen(t)
  relay.lead(before)
  const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) }
  const bench = await watch(t, await connectInCluster({ environment, directory }))
  // The files change before the API does: what is open goes on.
  writeFileSync(join(directory, 'token'), 'second')
  writeFileSync(join(directory, 'ca.crt'), `${first.cert}\n${OTHER_CA}`)
  api.apply(clusterIP('meanwhile', ['10.96.0.2']))
  await bench.sink.until(() => bench.reflector.get('ns/meanwhile') !== undefined)
  relay.lead(after)
  await catchUp(t, api, bench)
  t.strictSame(bench.log.lines, [])
})

void t.test(
  'a name that leads to another address is followed there',
  { skip: process.platform !== 'linux' },
  async t => {
    const api = makeApi(t)
    const [first, second] = ['127.0.0.1', '127.0.0.2']
    let address = first
    t.teardown(() => mock.restoreAll())
    const gone = openApi({ controllers: false })
    gone.store.restore(api.store.backup())
    const port = Number(new URL(await gone.listen({ host: first })).port)
    await api.listen({ host: second, port })
    // Of the system, which a test cannot tell otherwise.
    const answer = (_name: string, { all }: dns.LookupOptions, done: (...answer: unknown[]) => void): void =>
      all === true ? done(null, [{ address, family: 4 }]) : done(null, address, 4)
    const lookup = mock.method(dns, 'lookup', answer as unknown as typeof dns.lookup)
    const bench = await watch(t, await connectEndpoint({ endpoint: `http://api.example:${port}` }))
    const lookups = lookup.mock.callCount()
    t.ok(lookups > 0)
    address = second
    api.apply(clusterIP('meanwhile', ['10.96.0.2']))
    await gone.close()
    await catchUp(t, api, bench)
    t.ok(lookup.mock.callCount() > lookups)
  },
)
