import t from 'tap'
import { formatDuration } from '../../src/plugins/duration.ts'

const cases: [ms: number, text: string][] = [
  [0, '0s'],
  [0.0001, '100ns'],
  [0.0015, '1.5µs'],
  [1.5, '1.5ms'],
  [500, '500ms'],
  [1_000, '1s'],
  [1_500, '1.5s'],
  [59_999, '59.999s'],
  [90_000, '1m30s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
  [90_061_500, '25h1m1.5s'],
]
for (const [ms, text] of cases) {
  void t.test(`${ms} ms are ${text}`, async t => {
    t.equal(formatDuration(ms), text)
  })
}
