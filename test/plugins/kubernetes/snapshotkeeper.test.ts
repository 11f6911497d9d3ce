// When a snapshot is not to be had: files that are not believed, folders that cannot be written, and reloads.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import { until } from '../../cli/command.ts'
import { clusterIP, namespace } from './objects.ts'
import { Snapshotting } from './snapshotting.ts'

const STALE_ANSWER = 3
const NOT_READY = 14
const WEB = 'web.ns.svc.cluster.local.'
const objects: ApiObject[] = [namespace('ns'), clusterIP('web', ['10.96.0.10'])]
const isSnapshot = (file: string): boolean => readFileSync(file, 'latin1').startsWith('kubezone snapshot ')

void t.test(
  'a file that is not believed is told in one line; the server starts without, and writes it anew',
  async t => {
    const snapshotting = await Snapshotting.open(t, objects)
    writeFileSync(snapshotting.file, 'something else')
    await snapshotting.closeApi()
    const server = await snapshotting.start()
    t.same(server.told, [
      `plugin/kubernetes: the snapshot ${snapshotting.file} is not used: it is no snapshot of kubezone; remove it, or name another file. ` +
        'Starting without, it is written anew when the API has been heard',
    ])
    t.match(await server.ask(`${WEB} A`), { rcode: 'SERVFAIL', code: NOT_READY })
    t.match(await server.ready(), /^503 kubernetes$/)
    t.equal(readFileSync(snapshotting.file, 'utf8'), 'something else', 'nobody has heard the API')
    await snapshotting.openApi(objects)
    await server.written()
    t.match(await server.ask(`${WEB} A`), { rcode: 'NOERROR', code: undefined })
    t.ok(isSnapshot(snapshotting.file))
  },
)

void t.test('what was written with other options is not believed', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  await snapshotting.write()
  await snapshotting.closeApi()
  const others = ['ttl 30', 'pods verified', 'namespaces ns', 'endpoint_pod_names', 'ptr headless', 'noendpoints']
  const files = others.map(option => snapshotting.corefile(`${option}\nsnapshot names.snapshot`))
  files.push(snapshotting.corefile(undefined, '', 'cluster.local'))
  for (const corefile of files) {
    const server = await snapshotting.start(corefile)
    t.match(server.told, [/ is not used: it was written with other zones or other options of kubernetes\. Starting /])
    await server.stop()
  }
  // These have no part in what the names are.
  const same = ['fallthrough', 'negative_ttl 3', 'max_answers 5', 'apiserver_qps 5', 'startup_timeout 9s']
  const server = await snapshotting.start(snapshotting.corefile(`${same.join('\n')}\nsnapshot names.snapshot`))
  t.match(await server.ask(`${WEB} A`), { rcode: 'NOERROR', code: STALE_ANSWER })
})

void t.test('a folder that cannot be written is told once, and once that it can be again', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  const folder = join(snapshotting.folder, 'volume')
  const server = await snapshotting.start(snapshotting.corefile('snapshot volume/names 1s'))
  const failures = (): number => server.metrics().write_failures_total
  t.ok(await until(() => failures() >= 2))
  t.match(await server.ask(`${WEB} A`), { rcode: 'NOERROR', code: undefined })
  mkdirSync(folder)
  await server.written()
  snapshotting.api?.apply(clusterIP('more', ['10.96.0.11']))
  await server.written(2)
  const before = failures()
  renameSync(folder, `${folder}-gone`)
  snapshotting.api?.apply(clusterIP('most', ['10.96.0.12']))
  t.ok(await until(() => failures() > before))
  await server.stop()
  const file = join(folder, 'names')
  const failed = new RegExp(
    `the snapshot ${file} cannot be written: ENOENT: .*; let its folder be a volume that this user can write\\. Trying again every 1s`,
  )
  t.match(server.told, [
    / is not there yet: waiting for the API$/,
    failed,
    `plugin/kubernetes: the snapshot ${file} is written again`,
    failed,
  ])
  t.equal(server.told.length, 4)
  t.ok(statSync(`${folder}-gone/names`).size > 0)
})

void t.test('a reload brings it and takes it away, with the watch that there is', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  let corefile = snapshotting.corefile('')
  const server = await snapshotting.start(corefile, { readCorefile: () => corefile })
  const { site } = server.running
  await server.synced()
  corefile = snapshotting.corefile('snapshot names.snapshot 1s')
  await site.reload()
  await server.written()
  t.ok(isSnapshot(snapshotting.file))
  t.equal(snapshotting.api?.requests.filter(({ resource }) => resource === 'services').length, 1, 'one watch')

  corefile = snapshotting.corefile('snapshot other.snapshot 1s')
  await site.reload()
  t.ok(await until(() => server.running.site.metrics.render().includes('other.snapshot"} 1')))

  corefile = snapshotting.corefile('')
  await site.reload()
  rmSync(snapshotting.file)
  snapshotting.api?.apply(clusterIP('more', ['10.96.0.11']))
  t.ok(await until(async () => (await server.ask('more.ns.svc.cluster.local. A')).rcode === 'NOERROR'))
  t.notMatch(server.running.site.metrics.render(), 'kubezone_kubernetes_snapshot_age_seconds{')
  await server.stop()
  t.throws(() => statSync(snapshotting.file), { code: 'ENOENT' })
  t.match(server.told, [], 'there was nothing to say')
})

void t.test('a reload with other options writes the file for those', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  let corefile = snapshotting.corefile()
  const server = await snapshotting.start(corefile, { readCorefile: () => corefile })
  await server.written()
  corefile = snapshotting.corefile('ttl 30\nstartup_timeout 1m\nsnapshot names.snapshot 1s')
  await server.running.site.reload()
  await server.written(2)
  await server.stop()
  await snapshotting.closeApi()
  const second = await snapshotting.start(corefile)
  t.match(await second.ask(`${WEB} A`), { records: [`${WEB} 30 IN A 10.96.0.10`], code: STALE_ANSWER })
})

void t.test('a reload without an API goes on with the snapshot, and does not take up other options', async t => {
  const snapshotting = await Snapshotting.open(t, objects)
  await snapshotting.write()
  await snapshotting.closeApi()
  let corefile = snapshotting.corefile()
  const server = await snapshotting.start(corefile, { readCorefile: () => corefile })
  const stale = { records: [`${WEB} 5 IN A 10.96.0.10`], code: STALE_ANSWER }
  for (const options of ['snapshot names.snapshot 2s', '']) {
    corefile = snapshotting.corefile(options)
    await server.running.site.reload()
    t.match(await server.ask(`${WEB} A`), stale)
  }
  t.match(server.running.log.at(-1), 'Reloading complete')
  corefile = snapshotting.corefile('ttl 30\nsnapshot names.snapshot')
  await server.running.site.reload()
  t.match(server.running.log.at(-1), /the Kubernetes API has not told everything/)
  t.match(await server.ask(`${WEB} A`), stale)
  t.equal(server.told.length, 1, 'the file was read once')
  await snapshotting.openApi(objects)
  await server.synced()
  t.match(await server.ask(`${WEB} A`), { code: undefined })
})
