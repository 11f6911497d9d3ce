// What the server tells of its watches, and what it does when one has to begin anew.

import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { SerialClock } from '../../../src/zones/serial.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'
import { parsePage } from '../../metrics/page.ts'
import { Cluster, type Row } from './cluster.ts'
import { clusterIP, headless, namespace, slice } from './objects.ts'

const Z = 'cluster.local.'
const WEB = `web.ns.svc.${Z}`
const PEERS = `peers.ns.svc.${Z}`
const rows: Row[] = [
  [`${WEB} A`, `${WEB} 5 IN A 10.96.0.10`],
  [`${PEERS} A`, `${PEERS} 5 IN A 10.0.0.1`],
  [`ns.svc.${Z} A`, 'NODATA'],
  [`none.ns.svc.${Z} A`, 'NXDOMAIN'],
]
const objects = [namespace('ns'), clusterIP('web', ['10.96.0.10']), headless('peers'), slice('peers', ['10.0.0.1'])]
const RESOURCES = ['endpointslices', 'namespaces', 'services']

/** The series of the metrics of the watches, by name without `kubezone_kubernetes_watch_`, and by resource. */
function readWatches(cluster: Cluster): (name: string, resource: string) => number {
  const page = parsePage(cluster.site.site.metrics.render())
  return (name, resource) => {
    const samples = page.get(`kubezone_kubernetes_watch_${name}`)?.samples ?? []
    return samples.find(({ labels }) => labels.resource === resource)?.value ?? Number.NaN
  }
}

const relistsOf = (cluster: Cluster): number[] =>
  RESOURCES.map(resource => readWatches(cluster)('relists_total', resource))

void t.test(
  'of each resource it is told what was heard when, how much, and how often it had to begin anew',
  async t => {
    const cluster = await Cluster.open(t, { objects })
    const { api } = cluster
    const startSeconds = Date.now() / 1000
    let watch = readWatches(cluster)
    for (const resource of RESOURCES) {
      t.equal(watch('connected', resource), 1)
      t.ok(watch('age_seconds', resource) < 60)
      t.equal(watch('last_event_timestamp_seconds', resource), 0)
      t.ok(Math.abs(watch('last_bookmark_timestamp_seconds', resource) - startSeconds) < 60)
      t.equal(watch('resource_version', resource), api.store.revision)
      t.equal(watch('reconnects_total', resource), 0)
      t.equal(watch('relists_total', resource), 0)
      t.equal(watch('errors_total', resource), 0)
      t.ok(watch('received_bytes_total', resource) > 100)
    }
    api.apply(clusterIP('web', ['10.96.0.11']))
    await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN A 10.96.0.11`])
    watch = readWatches(cluster)
    t.ok(Math.abs(watch('last_event_timestamp_seconds', 'services') - startSeconds) < 60)
    t.equal(watch('resource_version', 'services'), api.store.revision)
    t.equal(watch('last_event_timestamp_seconds', 'namespaces'), 0)
    t.equal(api.faults.breakOpenWatches('drop', { resource: 'services' }), 1)
    t.equal(api.faults.breakOpenWatches({ error: 410 }, { resource: 'namespaces' }), 1)
    while (relistsOf(cluster)[1] === 0 || readWatches(cluster)('reconnects_total', 'services') === 0) await turn()
    t.same(relistsOf(cluster), [0, 1, 0])
    t.same(
      RESOURCES.map(resource => readWatches(cluster)('reconnects_total', resource)),
      [0, 1, 1],
    )
    t.same(
      RESOURCES.map(resource => readWatches(cluster)('errors_total', resource)),
      [0, 1, 1],
    )
    await api.close()
    while (readWatches(cluster)('connected', 'services') === 1) await turn()
    await cluster.hold(t, rows.slice(1))
  },
)

void t.test('a list that is made anew changes only what has changed: no name, and no serial', async t => {
  t.teardown(() => mock.restoreAll())
  const naming = [mock.method(ZoneWriter.prototype, 'publish'), mock.method(ZoneWriter.prototype, 'withdraw')]
  const moving = mock.method(SerialClock.prototype, 'tick')
  /** How often a name of the image was changed, and how often the serial. */
  const countChanges = (): [names: number, serials: number] => [
    naming.flatMap(({ mock }) => mock.calls).filter(({ result }) => result === true).length,
    moving.mock.callCount(),
  ]
  const cluster = await Cluster.open(t, { objects })
  const { api } = cluster
  const relist = async (): Promise<void> => {
    const relists = relistsOf(cluster)
    api.store.compact()
    for (const resource of RESOURCES) t.equal(api.faults.breakOpenWatches({ error: 410 }, { resource }), 1)
    while (relistsOf(cluster).some((count, i) => count === relists[i])) await turn()
    // What a list has brought is published behind what was read with it.
    await turn()
    await turn()
  }
  const [names, serials] = countChanges()
  t.ok(names > 10 && serials > 0)
  await relist()
  t.same(countChanges(), [names, serials], 'nothing was written')
  await cluster.hold(t, rows)

  // What changes while nobody looks is the difference, and is all that is written.
  const hold = api.faults.hold()
  api.apply(clusterIP('other', ['10.96.0.12'], [{ port: 80 }]))
  hold.release(() => [])
  await relist()
  await cluster.become(t, [`other.ns.svc.${Z} A`, `other.ns.svc.${Z} 5 IN A 10.96.0.12`])
  t.same(countChanges(), [names + 1, serials + 1])
  await cluster.hold(t, rows)
})

void t.test('what a cluster that was made anew has in common with the old one is answered all the time', async t => {
  const cluster = await Cluster.open(t, { objects: [...objects, clusterIP('lost', ['10.96.0.99'])] })
  const { api } = cluster
  const [lasting] = rows
  api.loseData()
  for (const object of [...objects, clusterIP('new', ['10.96.0.98'])]) api.apply(object)
  const isHeard = async (): Promise<boolean> =>
    (await cluster.ask(`new.ns.svc.${Z} A`)).length === 1 &&
    (await cluster.ask(`lost.ns.svc.${Z} A`)).some(line => line.startsWith('NXDOMAIN'))
  const answers = new Set<string>()
  do {
    answers.add((await cluster.ask(lasting[0])).join())
  } while (!(await isHeard()))
  t.same([...answers], [lasting[1]])
  await cluster.hold(t, rows)
  t.same(
    cluster.site.log.filter(line => line.includes('lost data')),
    ['the API server has lost data (it is another cluster now): listing everything anew'],
  )
})
