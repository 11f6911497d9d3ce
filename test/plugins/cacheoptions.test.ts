import t from 'tap'
import { setUp, setUpBlock } from './harness.ts'
import { parseOptions } from './cacheharness.ts'

const LIMITS = { capacity: 9_984, minTtlSeconds: 5, maxTtlSeconds: 3_600, exceptions: [] }
const SUCCESS = LIMITS
const DENIAL = { ...LIMITS, maxTtlSeconds: 1_800 }
const STALE = { forSeconds: 0, isVerified: false, timeoutMs: 0, ttlSeconds: 0, recheckMs: 0, prefersPositive: false }
const HOUR = { ...STALE, forSeconds: 3_600 }

void t.test('the defaults are those of CoreDNS', async t => {
  t.same(parseOptions('cache', ['example.org.', 'example.org.', 'example.net.']), {
    zones: ['example.org.', 'example.net.'],
    success: SUCCESS,
    denial: DENIAL,
    servfailSeconds: 5,
    prefetch: { amount: 0, durationMs: 60_000, percentage: 10 },
    stale: STALE,
    keepsTtl: false,
  })
})

const zones = (...zones: string[]): object => ({ zones })
const CASES: [directive: string, options: object][] = [
  ['cache {\n}', { success: SUCCESS, denial: DENIAL }],
  ['cache 30', { success: { ...SUCCESS, maxTtlSeconds: 30 }, denial: { ...DENIAL, maxTtlSeconds: 30 } }],
  ['cache 30 Example.org 10.0.0.0/8', zones('example.org.', '10.in-addr.arpa.')],
  ['cache aaa example.nl', zones('aaa.', 'example.nl.')],
  ['cache example.nl', zones('example.nl.')],
  ['cache {\n success 10\n}', { success: { ...SUCCESS, capacity: 1_024 }, denial: DENIAL }],
  ['cache {\n success 2000\n}', { success: { ...SUCCESS, capacity: 1_792 } }],
  ['cache {\n success 10000 1800 30\n}', { success: { ...SUCCESS, maxTtlSeconds: 1_800, minTtlSeconds: 30 } }],
  ['cache 25 {\n denial 9984 15 2\n}', { success: { ...SUCCESS, maxTtlSeconds: 25 } }],
  ['cache 25 {\n denial 9984 15 2\n}', { denial: { ...DENIAL, maxTtlSeconds: 15, minTtlSeconds: 2 } }],
  ['cache {\n success 9984 100 0\n}', { success: { ...SUCCESS, maxTtlSeconds: 100, minTtlSeconds: 0 } }],
  ['cache {\n prefetch 10\n}', { prefetch: { amount: 10, durationMs: 60_000, percentage: 10 } }],
  ['cache {\n prefetch 10 30s 25%\n}', { prefetch: { amount: 10, durationMs: 30_000, percentage: 25 } }],
  ['cache {\n servfail 1s\n}', { servfailSeconds: 1 }],
  ['cache {\n servfail 5m\n}', { servfailSeconds: 300 }],
  ['cache {\n servfail 0\n}', { servfailSeconds: 0 }],
  ['cache {\n keepttl\n}', { keepsTtl: true }],
  ['cache {\n disable denial\n}', { success: SUCCESS, denial: { ...DENIAL, exceptions: ['.'] } }],
  ['cache {\n disable success a.org B.org\n}', { success: { ...SUCCESS, exceptions: ['a.org.', 'b.org.'] } }],
  ['cache {\n serve_stale\n}', { stale: HOUR }],
  ['cache {\n serve_stale 1h20m\n}', { stale: { ...STALE, forSeconds: 4_800 } }],
  ['cache {\n serve_stale 0\n}', { stale: STALE }],
  ['cache {\n serve_stale 0 VERIFY\n}', { stale: { ...STALE, isVerified: true } }],
  ['cache {\n serve_stale 1h immediate\n}', { stale: HOUR }],
  ['cache {\n serve_stale 1h immediate 30s\n}', { stale: { ...HOUR, ttlSeconds: 30 } }],
  ['cache {\n serve_stale 1h immediate 4294967295s\n}', { stale: { ...HOUR, ttlSeconds: 4_294_967_295 } }],
  ['cache {\n serve_stale 1h immediate 0 5m\n}', { stale: { ...HOUR, recheckMs: 300_000 } }],
  ['cache {\n serve_stale 1h verify\n}', { stale: { ...HOUR, isVerified: true } }],
  ['cache {\n serve_stale 1h verify 250ms\n}', { stale: { ...HOUR, isVerified: true, timeoutMs: 250 } }],
  [
    'cache {\n serve_stale 1h verify 100ms 30s 250ms\n}',
    { stale: { ...HOUR, isVerified: true, timeoutMs: 100, ttlSeconds: 30, recheckMs: 250 } },
  ],
  ['cache {\n serve_stale 1h verify\n serve_stale\n}', { stale: HOUR }],
  ['cache {\n serve_stale\n serve_stale_policy prefer_positive\n}', { stale: { ...HOUR, prefersPositive: true } }],
  ['cache {\n serve_stale_policy PREFER_POSITIVE\n serve_stale\n}', { stale: { ...HOUR, prefersPositive: true } }],
]
for (const [directive, options] of CASES) {
  void t.test(`understood: ${directive.replaceAll('\n', ' ')}`, async t => {
    t.has(parseOptions(directive), options)
  })
}

const MISTAKES: [directive: string, message: RegExp][] = [
  ['cache 0', /^Corefile:2:7: bad value '0'; expected an integer from 1/],
  ['cache -1 example.nl', /^Corefile:2:7: bad value '-1'/],
  ['cache {\n success\n}', /^Corefile:3:2: nothing after 'success'; expected an integer/],
  ['cache {\n success -1\n}', /^Corefile:3:10: bad value '-1'/],
  ['cache {\n success 999999999\n}', /^Corefile:3:10: bad value '999999999'; expected an integer from 0 to 8388608/],
  ['cache {\n success 10 0\n}', /^Corefile:3:13: bad value '0'/],
  ['cache {\n success 10 10 -1\n}', /^Corefile:3:16: bad value '-1'/],
  ['cache {\n success 10 10 10 10\n}', /^Corefile:3:19: '10' is one argument too many/],
  ['cache {\n denial aaa\n}', /^Corefile:3:9: bad value 'aaa'/],
  ['cache {\n positive 15\n}', /^Corefile:3:2: unknown property 'positive'/],
  ['cache {\n prefetch\n}', /^Corefile:3:2: nothing after 'prefetch'/],
  ['cache {\n prefetch -1\n}', /^Corefile:3:11: bad value '-1'/],
  ['cache {\n prefetch 0 blurp\n}', /^Corefile:3:13: bad value 'blurp'; expected a duration/],
  ['cache {\n prefetch 1 1m 10\n}', /^Corefile:3:16: bad percentage '10'; expected 10% to 90%/],
  ['cache {\n prefetch 1 1m 9%\n}', /^Corefile:3:16: bad percentage '9%'/],
  ['cache {\n prefetch 1 1m 91%\n}', /^Corefile:3:16: bad percentage '91%'/],
  ['cache {\n prefetch 1 1m 20% x\n}', /^Corefile:3:20: 'x' is one argument too many/],
  ['cache {\n serve_stale 20\n}', /^Corefile:3:14: bad value '20'; expected a duration/],
  ['cache {\n serve_stale -20m\n}', /^Corefile:3:14: bad value '-20m'/],
  ['cache {\n serve_stale 1m nono\n}', /^Corefile:3:17: 'nono' is not known here; expected immediate or verify/],
  ['cache {\n serve_stale 1h immediate 100ms\n}', /^Corefile:3:27: bad TTL '100ms'; expected whole seconds/],
  ['cache {\n serve_stale 1h immediate 4294967296s\n}', /^Corefile:3:27: bad value/],
  ['cache {\n serve_stale 1h immediate -1s\n}', /^Corefile:3:27: bad value/],
  ['cache {\n serve_stale 1h immediate 30s 5m1s\n}', /^Corefile:3:31: bad value '5m1s'/],
  ['cache {\n serve_stale 1h immediate 30s 30s x\n}', /^Corefile:3:35: 'x' is one argument too many/],
  ['cache {\n serve_stale 1h verify -1ms\n}', /^Corefile:3:24: bad value/],
  ['cache {\n serve_stale 1h verify 100ms 500ms\n}', /^Corefile:3:30: bad TTL/],
  ['cache {\n serve_stale 1h verify 100ms 30s 30s x\n}', /^Corefile:3:38: 'x' is one argument too many/],
  ['cache {\n serve_stale_policy prefer_positive\n}', /^Corefile:3:2: serve_stale_policy without serve_stale/],
  ['cache {\n serve_stale\n serve_stale_policy\n}', /^Corefile:4:2: nothing after 'serve_stale_policy'/],
  ['cache {\n serve_stale\n serve_stale_policy x\n}', /^Corefile:4:21: 'x' is not known here/],
  [
    'cache {\n serve_stale\n serve_stale_policy prefer_positive\n serve_stale_policy prefer_positive\n}',
    /^Corefile:5:2: serve_stale_policy is there twice/,
  ],
  ['cache {\n servfail\n}', /^Corefile:3:2: nothing after 'servfail'/],
  ['cache {\n servfail 6m\n}', /^Corefile:3:11: bad value '6m'; expected a duration.* from 0s to 5m/],
  ['cache {\n servfail 20\n}', /^Corefile:3:11: bad value '20'/],
  ['cache {\n servfail 1m x\n}', /^Corefile:3:14: 'x' is one argument too many/],
  ['cache {\n disable\n}', /^Corefile:3:2: nothing after 'disable'; expected success or denial/],
  ['cache {\n disable both\n}', /^Corefile:3:10: 'both' is not known here/],
  ['cache {\n disable denial a..b\n}', /^Corefile:3:17: bad zone 'a..b'/],
  ['cache {\n keepttl 5\n}', /^Corefile:3:10: '5' is one argument too many/],
  ['cache {\n keepttl {\n  x\n }\n}', /^Corefile:4:3: keepttl has no properties/],
]
for (const [directive, message] of MISTAKES) {
  void t.test(`refused: ${directive.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directive), message)
  })
}

void t.test('a block that has it is understood with its zones', async t => {
  const [block] = setUp('example.org example.net {\n cache\n}')
  t.same(
    block.instances.map(({ name }) => name),
    ['cache'],
  )
  t.ok(block.chain.includes('cache'))
})
