import fc from 'fast-check'
import t from 'tap'
import { formatNumber } from '../../src/metrics/exposition.ts'
import { Registry } from '../../src/metrics/registry.ts'
import { parsePage } from './page.ts'

void t.test('renders a page of all types, families and series in order, exactly', async t => {
  const registry = new Registry()
  const requests = registry.counter('requests_total', 'Requests.', ['server', 'proto'])
  requests.cell(['dns://:53', 'udp']).inc()
  requests.cell(['dns://:53', 'tcp']).inc(2.5)
  registry.gauge('entries', 'Two\nlines and a \\.', ['path']).cell(['C:\\"x"\n']).set(-3)
  const seconds = registry.histogram('duration_seconds', 'How long.', ['server'], [0.00025, 0.5, 1_000_000])
  const cell = seconds.cell(['a'])
  for (const value of [0.0001, 0.25, 0.5, 2_000_000]) cell.observe(value)
  registry.counter('never_counted_total', 'Has no series.', ['x'])
  registry.counter('plain_total', 'No labels.').cell()
  t.equal(
    registry.render(),
    `# HELP duration_seconds How long.
# TYPE duration_seconds histogram
duration_seconds_bucket{server="a",le="0.00025"} 1
duration_seconds_bucket{server="a",le="0.5"} 3
duration_seconds_bucket{server="a",le="1e+06"} 3
duration_seconds_bucket{server="a",le="+Inf"} 4
duration_seconds_sum{server="a"} 2.0000007501e+06
duration_seconds_count{server="a"} 4
# HELP entries Two\\nlines and a \\\\.
# TYPE entries gauge
entries{path="C:\\\\\\"x\\"\\n"} -3
# HELP plain_total No labels.
# TYPE plain_total counter
plain_total 0
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{proto="tcp",server="dns://:53"} 2.5
requests_total{proto="udp",server="dns://:53"} 1
`,
  )
})

void t.test('writes numbers as the Go library does', async t => {
  const table: [number, string][] = [
    [0, '0'],
    [1, '1'],
    [0.00025, '0.00025'],
    [0.00001, '1e-05'],
    [0.0001, '0.0001'],
    [8.192, '8.192'],
    [64_000, '64000'],
    [999_999, '999999'],
    [1_000_000, '1e+06'],
    [148_488_192, '1.48488192e+08'],
    [1_700_000_000.25, '1.70000000025e+09'],
    [1e21, '1e+21'],
    [-20_971_520, '-2.097152e+07'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
  ]
  for (const [value, text] of table) t.equal(formatNumber(value), text)
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), value => Number(formatNumber(value)) === value),
  )
})

void t.test('a strict reader gets back every label value and every number', async t => {
  const values = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string()), {
    selector: pair => JSON.stringify(pair),
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(
      values,
      fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1 }),
      fc.string(),
      (pairs, numbers, help) => {
        const registry = new Registry()
        const gauge = registry.gauge('g', help, ['b', 'a'])
        const histogram = registry.histogram('h', help, ['b', 'a'], [-1, 0, 2.5])
        pairs.forEach((pair, i) => {
          gauge.cell(pair).set(i)
          for (const number of numbers) histogram.cell(pair).observe(number)
        })
        const page = parsePage(registry.render())
        t.same([...page.keys()], ['g', 'h'])
        const found = page.get('g')?.samples.map(({ labels, value }) => [labels['b'], labels['a'], value])
        t.same(
          new Set(found?.map(row => JSON.stringify(row))),
          new Set(pairs.map(([b, a], i) => JSON.stringify([b, a, i]))),
        )
        const counts = page.get('h')?.samples.filter(sample => sample.name === 'h_count') ?? []
        t.equal(counts.length, pairs.length)
        t.ok(counts.every(sample => sample.value === numbers.length))
      },
    ),
    { numRuns: 50 },
  )
})
