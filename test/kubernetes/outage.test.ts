// What may happen to an API server, and what the watch makes of it: names that live through it are answered all the time, and at the end the
// zone is what the API says.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connectInCluster } from '../../src/watch/incluster.ts'
import { Reflector } from '../../src/watch/reflector.ts'
import { Store } from '../../src/watch/store.ts'
import { SERVICES } from '../../src/watch/resource.ts'
import { until } from '../cli/command.ts'
import { get } from '../plugins/http.ts'
import { compare } from './agreement.ts'
import { ControlPlane, eventually } from './controlplane.ts'
import { Kubelet } from './kubelet.ts'
import { listNames } from './names.ts'
import { Pair } from './pair.ts'
import { LEEWAY_SECONDS, signToken } from './token.ts'

const REFUSED =
  /^\[WARNING\] services: \S+ refuses connections \(ECONNREFUSED\): is the API server running there\?; keeping the \d+ that are known, trying again$/m
const SERVICES_PATH = '/api/v1/namespaces/default/services'

const plane = await ControlPlane.start(t)
const kubelet = await Kubelet.start(t, plane)

const service = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }], ...spec },
})

async function make(name: string, spec?: object): Promise<void> {
  const { status, body } = await plane.call('POST', SERVICES_PATH, service(name, spec))
  if (status !== 201) throw new Error(`${name} was not made: ${JSON.stringify(body)}`)
}

const remove = (name: string): Promise<unknown> => plane.call('DELETE', `${SERVICES_PATH}/${name}`)

await plane.kubectl('create deployment web --image=web --replicas=3')
await make('lasting')
await make('lasting-peers', { clusterIP: 'None' })
await make('gone-meanwhile')
const LASTING = ['kubernetes', 'lasting', 'lasting-peers'].map(name => `${name}.default.svc.cluster.local.`)
const { folder, kubeconfig } = plane
const pair = await Pair.start(t, { folder, kubeconfig })

/** The two are of one opinion, whatever was. */
async function agree(t: Test): Promise<void> {
  let differences: string[] = []
  await eventually(async () => (differences = await compare(pair, await listNames(plane))).length === 0)
  t.same(differences.slice(0, 10), [], 'the zone is that of CoreDNS')
}

/** Asks for what lasts until `run` is through; the answers that were not as they should be. */
async function watchLasting(run: () => Promise<void>, names: readonly string[] = LASTING): Promise<string[]> {
  const wrong: string[] = []
  const over = new AbortController()
  const asking = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      for (const name of names) {
        const { rcode, answer } = await pair.kubezone.ask(name, 'A')
        if (rcode !== 'NOERROR' || answer.length === 0) wrong.push(`${name} ${rcode} ${answer.length}`)
      }
      await turn()
    }
  })()
  try {
    await run()
  } finally {
    over.abort()
    await asking
  }
  return wrong
}

/** Services come and go, as far as the API lets them. */
class Churn {
  made = 0
  readonly #over = new AbortController()
  readonly #running = this.#run()

  async #run(): Promise<void> {
    for (let number = 0; !this.#over.signal.aborted; number++) {
      const name = `churn-${++churned}`
      await make(name).then(
        () => this.made++,
        () => {},
      )
      if (number % 2 === 0) await remove(name).catch(() => {})
      await turn()
    }
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
  }
}
let churned = 0

/** What was logged since the last call. */
function takeLog(t: Test): string {
  const text = pair.kubezone.command.out.slice(read)
  read += text.length
  t.comment(text)
  return text
}
let read = 0

/** Over all resources. */
async function sumOf(metric: string): Promise<number> {
  const ports = [...pair.kubezone.command.out.matchAll(/listening on http:\/\/\S*:(\d+)/g)].map(([, port]) =>
    Number(port),
  )
  const pages = await Promise.all(ports.map(port => get(port, '/metrics')))
  const text = pages.find(({ status }) => status === 200)?.body ?? ''
  const series = new RegExp(String.raw`^kubezone_kubernetes_watch_${metric}\{[^}]*\} (\d+)$`, 'gm')
  return [...text.matchAll(series)].reduce((sum, [, count]) => sum + Number(count), 0)
}

const countRelists = (): Promise<number> => sumOf('relists_total')

void t.test('at first they agree', async t => {
  const isUp = await eventually(async () => (await pair.kubezone.ask(LASTING[2], 'A')).answer.length === 3)
  t.ok(isUp, 'the Pods are there')
  await agree(t)
  takeLog(t)
})

void t.test('an API server that is killed and started again, while names are asked for and change', async t => {
  for (const isNoticed of [true, false]) {
    const wrong = await watchLasting(async () => {
      const churn = new Churn()
      t.ok(await eventually(() => churn.made > 5), 'Services come and go')
      await plane.killApi()
      if (isNoticed) await pair.kubezone.command.seen(REFUSED)
      await plane.startApi()
      const before = churn.made
      t.ok(await eventually(() => churn.made > before + 5), 'and do so again')
      await churn.stop()
      await agree(t)
    })
    t.same(wrong, [], 'what lasts was answered all the time')
    const log = takeLog(t)
    if (isNoticed) t.equal(log.split('\n').filter(line => REFUSED.test(line)).length, 1, 'what is wrong is said once')
  }
})

void t.test('changes that nobody told, and a history that etcd has forgotten', async t => {
  const before = await countRelists()
  const wrong = await watchLasting(async () => {
    await plane.killApi()
    await plane.startApi([], true)
    await remove('gone-meanwhile')
    await make('made-meanwhile')
    await plane.compact()
    await plane.killApi()
    await plane.startApi()
    const isHeard = await eventually(
      async () => (await pair.kubezone.ask('made-meanwhile.default.svc.cluster.local.', 'A')).rcode === 'NOERROR',
    )
    t.ok(isHeard, 'what is new is there')
    t.match(await pair.kubezone.ask('gone-meanwhile.default.svc.cluster.local.', 'A'), { rcode: 'NXDOMAIN' })
    await agree(t)
  })
  t.same(wrong, [], 'what lasts was answered all the time')
  t.ok((await countRelists()) > before, 'everything was listed anew')
  takeLog(t)
})

void t.test('an API server that comes back from an older copy of its data', async t => {
  const before = await countRelists()
  const wrong = await watchLasting(async () => {
    await plane.copyData()
    // More than an API server writes when it starts.
    await plane.writeBeyond((await plane.version()) + 100)
    await make('made-after-the-copy')
    const name = 'made-after-the-copy.default.svc.cluster.local.'
    t.ok(await eventually(async () => (await pair.kubezone.ask(name, 'A')).rcode === 'NOERROR'), 'what is new is there')
    await plane.restoreData()
    // Written where it was, with the version that it had.
    await make('made-instead')
    const isHeard = await eventually(
      async () => (await pair.kubezone.ask('made-instead.default.svc.cluster.local.', 'A')).rcode === 'NOERROR',
    )
    t.ok(isHeard, 'what came instead is there')
    t.match(await pair.kubezone.ask(name, 'A'), { rcode: 'NXDOMAIN' })
  })
  t.same(wrong, [], 'what lasts was answered all the time')
  t.ok((await countRelists()) > before, 'everything was listed anew')
  t.match(
    takeLog(t),
    /^\[WARNING\] the API server has lost data \(it is at version \d+, and was at \d+\): listing everything anew$/m,
  )
})

void t.test('a token that expires, and the one that takes its place', async t => {
  await plane.hasAccount('kube-system')
  await plane.kubectl('apply -k deploy/kubernetes/base')
  const directory = join(folder, 'serviceaccount')
  mkdirSync(directory)
  copyFileSync(join(folder, 'ca.crt'), join(directory, 'ca.crt'))
  const rotate = async (seconds: number): Promise<void> =>
    writeFileSync(join(directory, 'token'), await signToken(plane, 'kube-system', 'kubezone', seconds))
  const { hostname, port } = new URL(plane.url)
  const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
  const asked = ['auth', 'can-i', 'watch', 'services', '--as=system:serviceaccount:kube-system:kubezone']
  t.ok(await until(async () => (await plane.runKubectl(asked)).out === 'yes\n'), 'the permissions are there')
  const expiryMs = Date.now() + 10_000
  await rotate(10 - LEEWAY_SECONDS)
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const log = { info: say, warn: say, error: say }
  const sink = { changed: (): void => {}, listed: (): void => {} }
  const connection = await connectInCluster({ environment, directory })
  const reflector = new Reflector({ connection, resource: SERVICES, keeper: new Store(sink), log })
  t.teardown(async () => {
    await reflector.stop()
    await connection.close()
  })
  reflector.start()
  t.ok(await eventually(() => reflector.status.synced), 'the token is good')
  // The API server does not look at the token of a watch that is open again.
  await plane.killApi()
  await pause(Math.max(0, expiryMs - Date.now()))
  await plane.startApi()
  t.ok(await eventually(() => lines.some(line => line.includes('401'))), 'it has expired')
  t.ok(reflector.get('default/lasting'), 'what is known stays')
  await rotate(600)
  t.ok(await eventually(() => reflector.status.connected), 'the new one is taken up')
  await make('last')
  t.ok(await eventually(() => reflector.get('default/last') !== undefined), 'and events are heard')
  const told = lines.filter(line => line.includes('401'))
  t.equal(told.length, 1, 'said once')
  t.match(
    told[0],
    /the credentials were not accepted: is the token or client certificate expired, or of another cluster\?; keeping the \d+ that are known/,
  )
  t.comment(lines.join('\n'))
})

void t.test('an API server that has lost its data, and has come past all versions that were known', async t => {
  t.ok(await eventually(async () => (await sumOf('connected')) === 3), 'all watches are open')
  const before = await countRelists()
  const [lasting, ...gone] = LASTING
  const wrong = await watchLasting(async () => {
    await plane.loseData()
    await kubelet.register()
    await make('after')
    const isHeard = await eventually(async () => {
      const denied = await Promise.all(gone.map(name => pair.kubezone.ask(name, 'A')))
      const { rcode } = await pair.kubezone.ask('after.default.svc.cluster.local.', 'A')
      return rcode === 'NOERROR' && denied.every(({ rcode }) => rcode === 'NXDOMAIN')
    })
    t.ok(isHeard, 'what is new is there, what was lost is not')
  }, [lasting])
  t.same(wrong, [], 'what every cluster has was answered all the time')
  t.ok((await countRelists()) > before, 'everything was listed anew')
  const line = /^\[WARNING\] the API server has lost data \(it is another cluster now\): listing everything anew$/m
  const isSaid = await eventually(() => line.test(pair.kubezone.command.out.slice(read)))
  t.ok(isSaid, 'and said so')
  takeLog(t)
  // CoreDNS never comes to know of it: one that is started now does.
  const fresh = await Pair.start(t, { folder, kubeconfig })
  t.same((await compare({ kubezone: pair.kubezone, coredns: fresh.coredns }, await listNames(plane))).slice(0, 10), [])
})
