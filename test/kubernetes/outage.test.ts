// An API server that goes, and comes back with all that it knew.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { SYSTEM_CLOCK } from '../../src/watch/clock.ts'
import { connectInCluster } from '../../src/watch/incluster.ts'
import { Reflector } from '../../src/watch/reflector.ts'
import { SERVICES } from '../../src/watch/resource.ts'
import { Store } from '../../src/watch/store.ts'
import { until } from '../cli/command.ts'
import { eventually } from './controlplane.ts'
import { LEEWAY_SECONDS, signToken } from './token.ts'
import { Churn, Watched } from './watched.ts'

const REFUSED =
  /^\[WARNING\] services: \S+ refuses connections \(ECONNREFUSED\): is the API server running there\?; keeping the \d+ that are known, trying again$/m

/** Chance has it that the waits after failures are short ones. */
const HASTY = { ...SYSTEM_CLOCK, random: () => 0.05 }

const watched = await Watched.start(t)
const { plane, kubezone } = watched

void t.test('an API server that is killed and started again, while names are asked for and change', async t => {
  for (const isNoticed of [true, false]) {
    const wrong = await watched.watchLasting(async () => {
      const churn = new Churn(watched)
      t.ok(await eventually(() => churn.made > 5), 'Services come and go')
      await plane.killApi()
      if (isNoticed) await kubezone.command.seen(REFUSED)
      await plane.startApi()
      const before = churn.made
      t.ok(await eventually(() => churn.made > before + 5), 'and do so again')
      await churn.stop()
      await watched.agree(t)
    })
    t.same(wrong, [], 'what lasts was answered all the time')
    const log = watched.takeLog(t)
    if (isNoticed) t.equal(log.split('\n').filter(line => REFUSED.test(line)).length, 1, 'what is wrong is said once')
  }
})

void t.test('changes that nobody told, and a history that etcd has forgotten', async t => {
  const before = await watched.countRelists()
  const wrong = await watched.watchLasting(async () => {
    await plane.killApi()
    await plane.startApi([], true)
    await watched.remove('gone-meanwhile')
    await watched.make('made-meanwhile')
    await plane.compact()
    await plane.killApi()
    await plane.startApi()
    const isHeard = await eventually(
      async () => (await kubezone.ask('made-meanwhile.default.svc.cluster.local.', 'A')).rcode === 'NOERROR',
    )
    t.ok(isHeard, 'what is new is there')
    t.match(await kubezone.ask('gone-meanwhile.default.svc.cluster.local.', 'A'), { rcode: 'NXDOMAIN' })
    await watched.agree(t)
  })
  t.same(wrong, [], 'what lasts was answered all the time')
  t.ok((await watched.countRelists()) > before, 'everything was listed anew')
  watched.takeLog(t)
})

void t.test('a token that expires, and the one that takes its place', async t => {
  await plane.hasAccount('kube-system')
  await plane.kubectl('apply -k deploy/kubernetes/base')
  const directory = join(plane.folder, 'serviceaccount')
  mkdirSync(directory)
  copyFileSync(join(plane.folder, 'ca.crt'), join(directory, 'ca.crt'))
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
  const reflector = new Reflector({ connection, resource: SERVICES, keeper: new Store(sink), log, clock: HASTY })
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
  await watched.make('last')
  t.ok(await eventually(() => reflector.get('default/last') !== undefined), 'and events are heard')
  const told = lines.filter(line => line.includes('401'))
  t.equal(told.length, 1, 'said once')
  t.match(
    told[0],
    /the credentials were not accepted: is the token or client certificate expired, or of another cluster\?; keeping the \d+ that are known/,
  )
  t.comment(lines.join('\n'))
})
