import fc from 'fast-check'
import t from 'tap'
import { type HeldPod, podStore } from '../../src/watch/pods.ts'
import { slimPod, type SlimPod } from '../../src/watch/slim.ts'

const makePod = (name: string, podIP = '', deleting = false, ...others: string[]): SlimPod =>
  slimPod({
    metadata: { name, namespace: 'ns', ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    status: { podIP, podIPs: [podIP, ...others].filter(ip => ip !== '').map(ip => ({ ip })) },
  })!

const compare = (a: string, b: string): number => (a < b ? -1 : 1)

const told = (): { changes: [HeldPod | undefined, HeldPod | undefined][]; lists: number } & Parameters<
  typeof podStore
>[0] => {
  const sink = {
    changes: [] as [HeldPod | undefined, HeldPod | undefined][],
    lists: 0,
    changed: (before: HeldPod | undefined, after: HeldPod | undefined): void => void sink.changes.push([before, after]),
    listed: (): void => void sink.lists++,
  }
  return sink
}

const held = (name: string, podIPs: string[], isNamed = true): HeldPod => ({
  key: `ns/${name}`,
  namespace: 'ns',
  podIPs,
  isNamed,
})

void t.test('what is held of a Pod, and what is told of it', async t => {
  const sink = told()
  const store = podStore(sink)
  store.put(makePod('a'))
  store.put(makePod('a', '10.0.0.1', false, 'fd00::1'))
  store.put(makePod('a', '10.0.0.1', false, 'fd00::1'))
  t.strictSame(sink.changes, [
    [undefined, held('a', [])],
    [held('a', []), held('a', ['10.0.0.1', 'fd00::1'])],
  ])
  t.strictSame(store.get('ns/a'), held('a', ['10.0.0.1', 'fd00::1']))
  t.equal(store.get('ns/b'), undefined)
  store.remove('ns/b')
  store.remove('ns/a')
  t.strictSame(sink.changes.at(-1), [held('a', ['10.0.0.1', 'fd00::1']), undefined])
  t.equal(store.size, 0)
  t.equal(sink.changes.length, 3)
})

void t.test('what was asked for beside is held, too, whatever is in it', async t => {
  const extras = { topology: true, labels: ['app', 'odd'] }
  const store = podStore(told(), extras)
  const odd = 'a\n"b" -'
  for (const [name, status] of [
    ['p', { podIPs: [{ ip: '10.0.0.1' }] }],
    ['q', {}],
  ] as const) {
    const metadata = { name, namespace: 'ns', labels: { odd, other: 'x' } }
    store.put(slimPod({ metadata, spec: { nodeName: 'node-1' }, status }, extras)!)
  }
  t.strictSame(store.get('ns/p'), { ...held('p', ['10.0.0.1']), nodeName: 'node-1', labels: [['odd', odd]] })
  t.strictSame(store.get('ns/q')?.podIPs, [])
  store.put(slimPod({ metadata: { name: 'q', namespace: 'ns' } }, extras)!)
  t.strictSame(store.get('ns/q'), { ...held('q', []), nodeName: '', labels: [] })
})

void t.test('a Pod that is being deleted keeps its name, but gets none any more', async t => {
  const store = podStore(told())
  store.put(makePod('stays', '10.0.0.1'))
  store.put(makePod('stays', '10.0.0.1', true))
  t.equal(store.get('ns/stays')?.isNamed, true)
  store.put(makePod('stays', '10.0.0.2', true))
  t.equal(store.get('ns/stays')?.isNamed, false)
  store.put(makePod('late', '10.0.0.3', true))
  t.strictSame(store.get('ns/late'), held('late', ['10.0.0.3'], false))
})

void t.test('a list takes away what it does not have, and one that is given up takes nothing', async t => {
  const sink = told()
  const store = podStore(sink)
  for (const name of ['a', 'b', 'c']) store.put(makePod(name, '10.0.0.1'))
  store.beginList()
  store.put(makePod('a', '10.0.0.1'))
  store.beginList()
  store.put(makePod('b', '10.0.0.1'))
  store.put(makePod('d', '10.0.0.1'))
  t.equal(store.size, 4)
  store.completeList()
  t.strictSame([...store.values()].map(({ key }) => key).sort(compare), ['ns/b', 'ns/d'])
  t.equal(sink.lists, 1)
})

void t.test(
  'a sink that throws is told of, and hears of the next change; a store that is closed tells nothing',
  async t => {
    const sink = told()
    const failing = podStore({
      ...sink,
      changed: () => {
        throw new Error('no room')
      },
    })
    const failures: unknown[] = []
    failing.listener.onFailure = error => failures.push(error)
    failing.put(makePod('a'))
    failing.put(makePod('b'))
    t.match(failures, [{ message: 'no room' }, { message: 'no room' }])
    const store = podStore(sink)
    store.put(makePod('a'))
    store.listener.close()
    store.put(makePod('b'))
    store.remove('ns/a')
    t.equal(sink.changes.length, 1)
  },
)

type Step = readonly ['put', number, number] | readonly ['remove', number] | readonly ['list', readonly number[]]

const sorted = (map: Iterable<[string, string]>): string => JSON.stringify([...map].map(String).sort(compare))

void t.test('whatever happens, it holds what a map would, and has told each change', async t => {
  const name = fc.integer({ min: 0, max: 3_000 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 20, arbitrary: fc.tuple(fc.constant('put' as const), name, fc.integer({ min: 0, max: 3 })) },
    { weight: 10, arbitrary: fc.tuple(fc.constant('remove' as const), name) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('list' as const), fc.array(name, { maxLength: 50 })) },
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_000 }), fc.array(step, { maxLength: 400 }), (initial, steps) => {
      const model = new Map<string, string>()
      const mirror = new Map<string, string>()
      const store = podStore({
        changed(before, after) {
          const { key } = (after ?? before)!
          if (mirror.get(key) !== before?.podIPs[0]) throw new Error(`told of ${key} as it was not`)
          if (after) mirror.set(key, after.podIPs[0])
          else mirror.delete(key)
        },
        listed() {},
      })
      store.listener.onFailure = error => {
        throw error
      }
      const put = (number: number, address: number): void => {
        const pod = makePod(`pod-${number}`, `10.0.0.${address}`)
        store.put(pod)
        model.set(pod.key, pod.podIPs[0])
      }
      for (let i = 0; i < initial; i++) put(i, 0)
      for (const [what, of, address = 0] of steps) {
        if (what === 'put') put(of, address)
        else if (what === 'remove') {
          store.remove(`ns/pod-${of}`)
          model.delete(`ns/pod-${of}`)
        } else {
          store.beginList()
          model.clear()
          for (const number of of) put(number, 1)
          store.completeList()
        }
      }
      const entries = [...store.values()].map(({ key, podIPs }): [string, string] => [key, podIPs[0]])
      return store.size === model.size && sorted(entries) === sorted(model) && sorted(mirror) === sorted(model)
    }),
    { numRuns: 60 },
  )
  t.pass('60 histories')
})
