// Any sequence of answers and times gives what a naive cache gives: one that keeps whole answers as text, and looks at the time.

import fc from 'fast-check'
import t from 'tap'
import { Rcode } from '../../src/wire/constants.ts'
import { TestCache, type Write, addresses, denial, failing } from './cacheharness.ts'

/** What the source has for a name at some time. */
type Has =
  | { readonly kind: 'answer'; readonly ttl: number; readonly count: number }
  | { readonly kind: 'NXDOMAIN' | 'NODATA'; readonly ttl: number | undefined }
  | { readonly kind: 'SERVFAIL' | 'REFUSED' }

interface Step {
  /** Which of the names is asked for, and how it is spelt. */
  readonly name: number
  readonly isUpper: boolean
  /** Seconds that pass before. */
  readonly pause: number
  /** What the source has from now on. */
  readonly has: Has | undefined
}

interface Limits {
  readonly max: number
  readonly min: number
}

const NAMES = ['a.example.', 'b.example.', 'xn.b.example.']
const SOA = '0'.repeat(44)

function writeFor(has: Has): Write {
  switch (has.kind) {
    case 'answer':
      return addresses(has.ttl, ...Array.from({ length: has.count }, (_, i) => `192.0.2.${i}`))
    case 'NXDOMAIN':
      return denial(Rcode.NXDOMAIN, has.ttl)
    case 'NODATA':
      return denial(Rcode.NOERROR, has.ttl)
    default:
      return failing(has.kind === 'SERVFAIL' ? Rcode.SERVFAIL : Rcode.REFUSED)
  }
}

const clamp = (ttl: number, { min, max }: Limits): number => Math.min(Math.max(ttl, min), max)

/** What the answer to `name` looks like, for how long it is kept. */
function render(has: Has, limits: { success: Limits; denial: Limits }): { text: string; ttl: number } {
  switch (has.kind) {
    case 'answer': {
      const records = Array.from({ length: has.count }, (_, i) => `NAME TTL A 192.0.2.${i}`).join(', ')
      return { text: `NOERROR ${records} |  |`, ttl: clamp(has.ttl, limits.success) }
    }
    case 'NXDOMAIN':
    case 'NODATA': {
      const rcode = has.kind === 'NODATA' ? 'NOERROR' : has.kind
      if (has.ttl !== undefined)
        return { text: `${rcode}  | NAME TTL SOA ${SOA} |`, ttl: clamp(has.ttl, limits.denial) }
      // NOERROR without any record tells of nothing, and is kept as an answer; NXDOMAIN without SOA is not kept.
      return { text: `${rcode}  |  |`, ttl: has.kind === 'NODATA' ? clamp(5, limits.success) : 0 }
    }
    default:
      return { text: `${has.kind}  |  |`, ttl: has.kind === 'SERVFAIL' ? 5 : 0 }
  }
}

const ttl = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 21, max: 5_000 }))
const has: fc.Arbitrary<Has> = fc.oneof(
  fc.record({ kind: fc.constant('answer' as const), ttl, count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constantFrom('NXDOMAIN' as const, 'NODATA' as const), ttl: fc.option(ttl, { nil: undefined }) }),
  fc.record({ kind: fc.constantFrom('SERVFAIL' as const, 'REFUSED' as const) }),
)
const step: fc.Arbitrary<Step> = fc.record({
  name: fc.integer({ min: 0, max: NAMES.length - 1 }),
  isUpper: fc.boolean(),
  pause: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 8_000 }).map(ms => ms / 1000),
    fc.integer({ min: 0, max: 4_000 }),
  ),
  has: fc.option(has, { nil: undefined }),
})
const limits = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 60 }))

void t.test('any sequence of answers and times gives what a naive cache gives', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), limits, limits, fc.boolean(), (steps, success, denied, keeps) => {
      const cache = new TestCache(
        `cache {\n success 1024 ${success.join(' ')}\n denial 1024 ${denied.join(' ')}${keeps ? '\n keepttl' : ''}\n}`,
        failing(),
      )
      const bounds = {
        success: { max: success[0], min: success[1] },
        denial: { max: denied[0], min: denied[1] },
      }
      const kept = new Map<string, { text: string; ttl: number; atMs: number }>()
      let now: Has = { kind: 'SERVFAIL' }
      let nowMs = 0
      let asked = 0
      for (const { name, isUpper, pause, has } of steps) {
        nowMs += Math.round(pause * 1000)
        cache.clock.advance(pause)
        if (has) {
          now = has
          cache.source.write = writeFor(has)
        }
        let entry = kept.get(NAMES[name])
        if (!entry || nowMs >= entry.atMs + entry.ttl * 1000) {
          entry = { ...render(now, bounds), atMs: nowMs }
          kept.set(NAMES[name], entry)
          asked++
        }
        const left = keeps ? entry.ttl : entry.ttl - Math.floor((nowMs - entry.atMs) / 1000)
        const spelt = isUpper ? NAMES[name].toUpperCase() : NAMES[name]
        const expected = entry.text.replaceAll('NAME', spelt).replaceAll('TTL', String(left))
        t.equal(cache.see({ name: spelt }), expected)
        t.equal(cache.source.count, asked)
      }
    }),
    { numRuns: 300 },
  )
})
