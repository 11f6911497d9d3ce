import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { Registry } from '../../src/metrics/registry.ts'
import { parsePage } from './page.ts'

function values(registry: Registry, name: string): Record<string, number> {
  const samples = parsePage(registry.render()).get(name)?.samples ?? []
  return Object.fromEntries(
    samples.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
  )
}

void t.test('a value on the bound of a bucket belongs to it, and one above all belongs to +Inf', async t => {
  const registry = new Registry()
  const cell = registry.histogram('h', 'x', [], [0, 1, 2]).cell()
  for (const value of [-1, 0, Number.MIN_VALUE, 1, 1.0000001, 2, 2.1, Number.POSITIVE_INFINITY]) cell.observe(value)
  t.same(values(registry, 'h'), {
    'h_bucket 0': 2,
    'h_bucket 1': 4,
    'h_bucket 2': 6,
    'h_bucket +Inf': 8,
    h_sum: Number.POSITIVE_INFINITY,
    h_count: 8,
  })
})

void t.test('a histogram without bounds counts into +Inf', async t => {
  const registry = new Registry()
  registry.histogram('h', 'x', [], []).cell().observe(3)
  t.same(values(registry, 'h'), { 'h_bucket +Inf': 1, h_sum: 3, h_count: 1 })
})

void t.test('the same labels are the same cell, and the same definition the same family', async t => {
  const registry = new Registry()
  const family = registry.counter('c', 'x', ['a'])
  t.equal(family.cell(['1']), family.cell(['1']))
  t.not(family.cell(['1']), family.cell(['2']))
  t.equal(registry.counter('c', 'x', ['a']), family)
  t.throws(() => registry.counter('c', 'x', ['b']), /c is already defined in another way/)
  t.throws(() => registry.gauge('c', 'x', ['a']), /c is already defined in another way/)
  t.throws(() => family.cell([]), /c has the labels \(a\), not 0 values/)
})

void t.test('names and buckets that the format does not allow are refused at definition', async t => {
  const registry = new Registry()
  t.throws(() => registry.counter('a-b', 'x'), /'a-b' is no name of a metric/)
  t.throws(() => registry.counter('a', 'x', ['b-c']), /'b-c' is no name of a label/)
  t.throws(() => registry.counter('a', 'x', ['__b']), /'__b' is no name of a label/)
  t.throws(() => registry.histogram('a', 'x', ['le'], [1]), /'le' is no name of a label/)
  t.throws(() => registry.histogram('a', 'x', [], [1, 1]), /not ascending/)
  t.throws(() => registry.histogram('a', 'x', [], [1, Number.POSITIVE_INFINITY]), /not ascending/)
})

void t.test('gauges go up and down, and readers are asked at each scrape', async t => {
  const registry = new Registry()
  const gauge = registry.gauge('g', 'x', ['a'])
  gauge.cell(['held']).set(5)
  gauge.cell(['held']).inc(2)
  gauge.cell(['held']).inc(-1)
  let now = 1
  const end = gauge.track(['read'], () => now)
  t.same(values(registry, 'g'), { 'g held': 6, 'g read': 1 })
  now = 2
  t.same(values(registry, 'g'), { 'g held': 6, 'g read': 2 })
  const endLater = gauge.track(['read'], () => 7)
  t.same(values(registry, 'g'), { 'g held': 6, 'g read': 7 })
  end()
  t.same(values(registry, 'g'), { 'g held': 6, 'g read': 7 }, 'another reader has its place')
  endLater()
  t.same(values(registry, 'g'), { 'g held': 6 })
})

void t.test('the slabs of other threads are added up, with series that only they have', async t => {
  const registry = new Registry()
  registry.counter('c', 'x', ['a']).cell(['both']).inc(1)
  registry.histogram('h', 'x', [], [1, 2])
  const slabs = [registry.newSlab(), registry.newSlab()]
  const url = new URL('../../src/metrics/registry.ts', import.meta.url)
  const source = `
    const { workerData } = require('node:worker_threads')
    import(${JSON.stringify(url.href)}).then(({ Registry }) => {
      const registry = new Registry(workerData.slab)
      registry.counter('c', 'x', ['a']).cell([workerData.name]).inc(10)
      registry.counter('c', 'x', ['a']).cell(['both']).inc(100)
      registry.histogram('h', 'x', [], [1, 2]).cell().observe(1.5)
      registry.counter('only_defined_there', 'x').cell().inc()
    })`
  await Promise.all(
    slabs.map((slab, i) => once(new Worker(source, { eval: true, workerData: { slab, name: `w${i}` } }), 'exit')),
  )
  t.same(values(registry, 'c'), { 'c both': 201, 'c w0': 10, 'c w1': 10 })
  t.same(values(registry, 'h'), { 'h_bucket 1': 0, 'h_bucket 2': 2, 'h_bucket +Inf': 2, h_sum: 3, h_count: 2 })
  t.notOk(parsePage(registry.render()).has('only_defined_there'), 'what nobody defined here has no help to show')
})

void t.test('a thread that takes over a slab goes on where the last one stopped', async t => {
  const registry = new Registry()
  registry.counter('c', 'x', ['a'])
  registry.counter('d', 'x')
  const slab = registry.newSlab()
  const first = new Registry(slab)
  first.counter('c', 'x', ['a']).cell(['1']).inc(1)
  first.counter('d', 'x').cell().inc(5)
  const second = new Registry(slab)
  second.counter('d', 'x').cell().inc(5)
  second.counter('c', 'x', ['a']).cell(['1']).inc(2)
  second.counter('c', 'x', ['a']).cell(['2']).inc(4)
  t.same(values(registry, 'c'), { 'c 1': 3, 'c 2': 4 })
  t.same(values(registry, 'd'), { d: 10 })
})

void t.test('a flood of label values is dropped and counted, and the rest goes on', async t => {
  const registry = new Registry()
  const family = registry.counter('c', 'x', ['a'])
  const first = family.cell(['first'])
  for (let i = 0; i < 70_000; i++) family.cell([`${i}`]).inc()
  first.inc(3)
  family.cell(['too late']).inc()
  const found = values(registry, 'c')
  t.equal(found['c first'], 3)
  t.equal(found['c too late'], undefined)
  t.equal(Object.keys(found).length, 65_536)
  t.equal(registry.droppedSeriesCount(), 70_000 + 2 - 65_536)
})

void t.test('counting allocates nothing', async t => {
  const url = new URL('../../src/metrics/registry.ts', import.meta.url)
  const source = `
    import { getHeapStatistics } from 'node:v8'
    import { Registry } from ${JSON.stringify(url.href)}
    const registry = new Registry()
    const counter = registry.counter('c', 'x').cell()
    const gauge = registry.gauge('g', 'x').cell()
    const histogram = registry.histogram('h', 'x', [], Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i)).cell()
    const count = times => {
      for (let i = 0; i < times; i++) {
        counter.inc()
        gauge.set(i)
        histogram.observe((i % 1000) / 100)
      }
    }
    // Until the loop is compiled, the interpreter makes a heap number of each value: the best of some rounds counts.
    let least = Infinity
    for (let round = 0; round < 10; round++) {
      const before = getHeapStatistics().total_allocated_bytes
      count(1_000_000)
      least = Math.min(least, getHeapStatistics().total_allocated_bytes - before)
    }
    console.log(least)`
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', source], { encoding: 'utf8' })
  // The accounting itself moves by some hundred kB; one heap number a turn would be 12 MB.
  t.ok(Number(output) < 1_000_000, `${output.trim()} octets allocated`)
})
