// An API server that comes back, and knows less than it did.

import t from 'tap'
import { eventually } from './controlplane.ts'
import { LASTING, Watched } from './watched.ts'

const watched = await Watched.start(t)
const { plane, kubelet, kubezone } = watched

void t.test('an API server that comes back from an older copy of its data', async t => {
  const before = await watched.countRelists()
  const wrong = await watched.watchLasting(async () => {
    await plane.copyData()
    // More than an API server writes when it starts.
    await plane.writeBeyond((await plane.version()) + 100)
    await watched.make('made-after-the-copy')
    const name = 'made-after-the-copy.default.svc.cluster.local.'
    t.ok(await eventually(async () => (await kubezone.ask(name, 'A')).rcode === 'NOERROR'), 'what is new is there')
    await plane.restoreData()
    // Written where it was, with the version that it had.
    await watched.make('made-instead')
    const isHeard = await eventually(
      async () => (await kubezone.ask('made-instead.default.svc.cluster.local.', 'A')).rcode === 'NOERROR',
    )
    t.ok(isHeard, 'what came instead is there')
    t.match(await kubezone.ask(name, 'A'), { rcode: 'NXDOMAIN' })
  })
  t.same(wrong, [], 'what lasts was answered all the time')
  t.ok((await watched.countRelists()) > before, 'everything was listed anew')
  t.match(
    watched.takeLog(t),
    /^\[WARNING\] the API server has lost data \(it is at version \d+, and was at \d+\): listing everything anew$/m,
  )
})

void t.test('an API server that has lost its data, and has come past all versions that were known', async t => {
  t.ok(await eventually(async () => (await watched.sumOf('connected')) === 3), 'all watches are open')
  const before = await watched.countRelists()
  const [lasting, ...gone] = LASTING
  const wrong = await watched.watchLasting(async () => {
    await plane.loseData()
    await kubelet.register()
    await watched.make('after')
    const isHeard = await eventually(async () => {
      const denied = await Promise.all(gone.map(name => kubezone.ask(name, 'A')))
      const { rcode } = await kubezone.ask('after.default.svc.cluster.local.', 'A')
      return rcode === 'NOERROR' && denied.every(({ rcode }) => rcode === 'NXDOMAIN')
    })
    t.ok(isHeard, 'what is new is there, what was lost is not')
  }, [lasting])
  t.same(wrong, [], 'what every cluster has was answered all the time')
  t.ok((await watched.countRelists()) > before, 'everything was listed anew')
  const line = /^\[WARNING\] the API server has lost data \(it is another cluster now\): listing everything anew$/m
  const isSaid = await eventually(() => line.test(watched.log))
  t.ok(isSaid, 'and said so')
  watched.takeLog(t)
  await watched.agree(t)
})
