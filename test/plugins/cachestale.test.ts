import t from 'tap'
import { Flag, Rcode, Type } from '../../src/wire/constants.ts'
import { Section } from '../../src/wire/reply.ts'
import { QUESTION, TestCache, type Write, addRecord, addresses, denial, failing, nameOf } from './cacheharness.ts'

const OLD = (ttl: number): string => `NOERROR www.example.org. ${ttl} A 192.0.2.1 |  |`
const NEW = (ttl: number): string => `NOERROR www.example.org. ${ttl} A 192.0.2.2 |  |`
const fresh = addresses(60, '192.0.2.2')
const broken: Write = () => {
  throw new Error('broken')
}

/** A cache that holds an answer whose time is over since `seconds`. */
function makeStale(directive: string, seconds = 10, write: Write = addresses(60)): TestCache {
  const cache = new TestCache(directive, write)
  cache.see()
  cache.clock.advance(60 + seconds)
  cache.source.write = fresh
  return cache
}

void t.test('prefetch: a popular name is asked for again when a tenth of its TTL is left', async t => {
  const cache = new TestCache('cache {\n prefetch 3\n}', addresses(100))
  cache.see()
  for (let i = 0; i < 3; i++) cache.see()
  cache.clock.advance(50)
  cache.see()
  t.equal(cache.source.count, 1)
  cache.source.write = fresh
  cache.clock.advance(39.5)
  t.equal(cache.see(), OLD(11))
  t.equal(cache.source.count, 1)
  cache.clock.advance(0.5)
  t.equal(cache.see(), OLD(10))
  t.equal(cache.source.count, 2)
  t.equal(cache.metric('prefetch_total'), 1)
  t.equal(cache.see(), NEW(60))
  t.equal(cache.source.count, 2)
})

const POPULAR: [directive: string, pauses: number[], count: number][] = [
  ['prefetch 1', [95], 2],
  ['prefetch 2', [95], 1],
  ['prefetch 2', [94, 1], 2],
  ['prefetch 2', [30, 65], 1],
  ['prefetch 2 2m', [30, 65], 2],
  ['prefetch 1 1m 50%', [49], 1],
  ['prefetch 1 1m 50%', [50], 2],
  ['prefetch 0', [95, 1, 1], 1],
]
for (const [property, pauses, count] of POPULAR) {
  void t.test(`${property}, asked after ${pauses.join(' + ')} s of 100: ${count - 1} times`, async t => {
    const cache = new TestCache(`cache {\n ${property}\n}`, addresses(100))
    cache.see()
    for (const pause of pauses) {
      cache.clock.advance(pause)
      cache.see()
    }
    t.equal(cache.source.count, count)
  })
}

void t.test('prefetch: the popularity of a name outlives its entry', async t => {
  const cache = new TestCache('cache {\n prefetch 4\n}', addresses(100))
  for (let i = 0; i < 5; i++) cache.see()
  for (let round = 2; round < 5; round++) {
    cache.clock.advance(45)
    cache.see()
    cache.clock.advance(50)
    cache.see()
    t.equal(cache.source.count, round)
  }
})

void t.test('prefetch: one question at a time, over TCP, with AD, for nobody', async t => {
  const cache = new TestCache('cache {\n prefetch 1\n}', addresses(100))
  cache.see()
  cache.clock.advance(95)
  cache.source.isLate = true
  cache.source.write = fresh
  for (let i = 0; i < 5; i++) t.equal(cache.see(), OLD(5))
  const flags = (Flag.RD | Flag.AD).toString(16)
  t.same(cache.source.asked, [`${flags} udp 17`, `${flags} tcp 17`])
  await cache.source.release()
  t.equal(cache.see(), NEW(60))
})

void t.test('prefetch: a source that fails leaves the answer as it is, until its time is over', async t => {
  for (const write of [failing(), broken, failing(Rcode.REFUSED)]) {
    for (const isLate of [false, true]) {
      const cache = new TestCache('cache {\n prefetch 1\n}', addresses(100))
      cache.see()
      cache.clock.advance(95)
      cache.source.isLate = isLate
      cache.source.write = write
      t.equal(cache.see(), OLD(5))
      await cache.source.release()
      cache.clock.advance(1)
      t.equal(cache.see(), OLD(4))
      await cache.source.release()
    }
  }
})

void t.test('no more than 256 questions are asked again at one time', async t => {
  const cache = new TestCache('cache {\n prefetch 1\n}', addresses(100))
  for (let i = 0; i < 300; i++) cache.see({ name: `${i}.example.` })
  cache.clock.advance(95)
  cache.source.isLate = true
  for (let i = 0; i < 300; i++) t.match(cache.see({ name: `${i}.example.` }), /5 A/)
  t.equal(cache.source.count, 300 + 256)
  await cache.source.release()
  cache.see({ name: '299.example.' })
  t.equal(cache.source.count, 300 + 257)
  await cache.source.release()
})

void t.test('without serve_stale an old answer is not given', async t => {
  t.equal(makeStale('cache', 0).see(), NEW(60))
})

void t.test('serve_stale: the old answer with TTL 0, and the new one from then on', async t => {
  const cache = makeStale('cache {\n serve_stale\n}')
  t.equal(cache.see(), OLD(0))
  t.equal(cache.source.count, 2)
  t.equal(cache.see(), NEW(60))
  t.equal(cache.source.count, 2)
  t.equal(cache.metric('served_stale_total'), 1)
  t.equal(cache.metric('prefetch_total'), 1)
  t.equal(cache.metric('hits_total', 'success'), 2)
})

const TTLS: [properties: string, ttl: number][] = [
  ['serve_stale 1h immediate 30s', 30],
  ['serve_stale 1h immediate 0', 0],
  ['serve_stale\n keepttl', 60],
  ['serve_stale 1h immediate 30s\n keepttl', 30],
]
for (const [properties, ttl] of TTLS) {
  void t.test(`${properties.replace('\n', ',')}: old answers have the TTL ${ttl}`, async t => {
    t.equal(makeStale(`cache {\n ${properties}\n}`).see(), OLD(ttl))
  })
}

void t.test('with EDNS, old answers and kept failures say so (RFC 8914)', async t => {
  const question = { udpSize: 1232 }
  const infoCode = (cache: TestCache): number | undefined => {
    const { reply, query, rcode } = cache.ask(question)
    const recordsEnd = reply.position
    const end = reply.start + reply.finish(query, rcode)
    return end === recordsEnd + 11 ? undefined : reply.bytes.readUInt16BE(end - 2)
  }
  const stale = makeStale('cache {\n serve_stale\n}')
  t.equal(infoCode(stale), 3)
  t.equal(infoCode(stale), undefined)
  t.equal(infoCode(makeStale('cache {\n serve_stale\n}', 10, denial(Rcode.NXDOMAIN, 60))), 19)
  const failed = new TestCache('cache', failing())
  t.equal(infoCode(failed), undefined)
  t.equal(infoCode(failed), 13)
})

void t.test('serve_stale: for as long as it says and no longer', async t => {
  t.equal(makeStale('cache {\n serve_stale\n}', 3_599).see(), OLD(0))
  t.equal(makeStale('cache {\n serve_stale\n}', 3_600).see(), NEW(60))
  t.equal(makeStale('cache {\n serve_stale 20s\n}', 19.9).see(), OLD(0))
  t.equal(makeStale('cache {\n serve_stale 20s\n}', 20).see(), NEW(60))
  t.equal(makeStale('cache {\n serve_stale 0\n}', 0).see(), NEW(60))
})

void t.test('serve_stale: while the source fails, the old answer stays', async t => {
  for (const write of [failing(), failing(Rcode.REFUSED), broken]) {
    const cache = makeStale('cache {\n serve_stale\n}')
    cache.source.write = write
    for (let i = 0; i < 3; i++) t.equal(cache.see(), OLD(0))
    t.equal(cache.source.count, 4)
    t.equal(cache.metric('entries', 'denial'), 0)
    cache.source.write = fresh
    cache.see()
    t.equal(cache.see(), NEW(60))
  }
})

void t.test('serve_stale: a denial takes the place of the old answer', async t => {
  for (const verify of ['immediate', 'verify']) {
    const cache = makeStale(`cache {\n serve_stale 1h ${verify}\n}`)
    cache.source.write = denial(Rcode.NXDOMAIN, 60)
    cache.see()
    t.match(cache.see(), /^NXDOMAIN/)
    t.equal(cache.metric('entries', 'success'), 0)
  }
})

void t.test('serve_stale: an old denial is given too, and makes room for an answer', async t => {
  for (const verify of ['immediate', 'verify']) {
    const cache = makeStale(`cache {\n serve_stale 1h ${verify}\n}`, 10, denial(Rcode.NXDOMAIN, 60))
    t.match(cache.see(), verify === 'verify' ? /^NOERROR.* 60 A/ : /^NXDOMAIN.* 0 SOA/)
    t.equal(cache.see(), NEW(60))
    t.equal(cache.metric('entries', 'denial'), 0)
  }
})

void t.test('serve_stale: failures are not given beyond their time', async t => {
  const cache = new TestCache('cache {\n serve_stale\n}', failing())
  cache.see()
  cache.clock.advance(5)
  cache.source.write = fresh
  t.equal(cache.see(), NEW(60))
})

void t.test('serve_stale with a pause: a refresh that failed is not tried again before', async t => {
  const cache = makeStale('cache {\n serve_stale 1h immediate 30s 20s\n}')
  cache.source.write = failing()
  t.equal(cache.see(), OLD(30))
  cache.clock.advance(19)
  t.equal(cache.see(), OLD(30))
  t.equal(cache.source.count, 2)
  cache.clock.advance(1)
  cache.source.write = fresh
  t.equal(cache.see(), OLD(30))
  t.equal(cache.see(), NEW(60))
})

void t.test('serve_stale: many who ask at once ask the source once', async t => {
  const cache = makeStale('cache {\n serve_stale\n}')
  cache.source.isLate = true
  for (let i = 0; i < 5; i++) t.equal(cache.see(), OLD(0))
  t.equal(cache.source.count, 2)
  await cache.source.release()
  t.equal(cache.see(), NEW(60))
})

void t.test('verify: the source is asked first, and its answer is given', async t => {
  for (const isLate of [false, true]) {
    const cache = makeStale('cache {\n serve_stale 1h verify\n}')
    cache.source.isLate = isLate
    const pending = cache.seeLater({ name: 'WWW.example.org.', flags: Flag.AD })
    await cache.source.release()
    t.equal(await pending, 'NOERROR WWW.example.org. 60 A 192.0.2.2 |  |')
    t.equal(cache.see(), NEW(60))
    t.equal(cache.source.count, 2)
    t.match(cache.source.asked[1], 'udp')
    t.equal(cache.metric('served_stale_total'), 0)
  }
})

const USELESS: [what: string, write: Write][] = [
  ['SERVFAIL', failing()],
  ['REFUSED', failing(Rcode.REFUSED)],
  ['nothing but an exception', broken],
  [
    'a truncated answer',
    (reply, query) => {
      reply.truncated = true
      return fresh(reply, query)
    },
  ],
]
for (const [what, write] of USELESS) {
  void t.test(`verify: the source has ${what}, and the old answer is given`, async t => {
    for (const isLate of [false, true]) {
      const cache = makeStale('cache {\n serve_stale 1h verify\n}')
      cache.source.isLate = isLate
      cache.source.write = write
      const pending = cache.seeLater()
      await cache.source.release()
      t.equal(await pending, OLD(0))
      t.equal(cache.metric('served_stale_total'), 1)
    }
  })
}

void t.test('verify: an answer that is not to be kept is given all the same', async t => {
  const cache = makeStale('cache {\n serve_stale 1h verify\n}')
  cache.source.write = denial(Rcode.NXDOMAIN)
  t.match(cache.see(), /^NXDOMAIN/)
  t.equal(cache.source.count, 2)
})

void t.test('verify: without a limit to the wait, each who asks waits for an answer of its own', async t => {
  const cache = makeStale('cache {\n serve_stale 1h verify\n}')
  cache.source.isLate = true
  const pending = [cache.seeLater(), cache.seeLater()]
  t.equal(cache.source.count, 3)
  await cache.source.release()
  t.same(await Promise.all(pending), [NEW(60), NEW(60)])
})

void t.test('verify with a limit: the answer in time is given, later ones are kept', async t => {
  const cache = makeStale('cache {\n serve_stale 1h verify 500ms 30s\n}')
  cache.source.isLate = true
  const inTime = cache.seeLater()
  cache.clock.advance(0.4)
  await cache.source.release()
  t.equal(await inTime, NEW(60))
  t.equal(cache.clock.waiting, 0)

  cache.clock.advance(60)
  cache.source.write = addresses(60, '192.0.2.3')
  const tooLate = cache.seeLater()
  cache.clock.advance(0.5)
  t.equal(await tooLate, NEW(30))
  t.equal(cache.see(), NEW(30), 'who asks meanwhile does not wait')
  t.equal(cache.source.count, 3)
  await cache.source.release()
  t.equal(cache.see(), 'NOERROR www.example.org. 60 A 192.0.2.3 |  |')
})

void t.test(
  'verify with a pause: who asks while the source is asked, or after it failed, gets the old answer',
  async t => {
    const cache = makeStale('cache {\n serve_stale 1h verify 0 30s 20s\n}')
    cache.source.isLate = true
    cache.source.write = failing()
    const first = cache.seeLater()
    t.equal(cache.see(), OLD(30))
    await cache.source.release()
    t.equal(await first, OLD(30))
    cache.clock.advance(19)
    t.equal(cache.see(), OLD(30))
    t.equal(cache.source.count, 2)
    cache.clock.advance(1)
    cache.source.isLate = false
    cache.source.write = fresh
    t.equal(cache.see(), NEW(60))
  },
)

void t.test('a name that has come to be answered from live data is not kept any longer', async t => {
  const cache = makeStale('cache {\n serve_stale\n}')
  cache.source.write = (reply, query) => {
    reply.isLive = true
    return addresses(300, '192.0.2.2')(reply, query)
  }
  t.equal(cache.see(), OLD(0))
  t.equal(cache.see(), NEW(300))
  t.equal(cache.metric('entries', 'success'), 0)
})

const POSITIVE = 'cache {\n serve_stale 1h immediate\n serve_stale_policy prefer_positive\n}'
const referral: Write = reply => {
  addRecord(reply, Section.Authority, QUESTION, Type.NS, 60, nameOf('ns.example.'))
  return Rcode.NOERROR
}

for (const [what, write] of [
  ['NXDOMAIN', denial(Rcode.NXDOMAIN, 60)],
  ['NODATA', denial(Rcode.NOERROR, 60)],
  ['SERVFAIL', failing()],
  ['a referral', referral],
  ['NOERROR without records', failing(Rcode.NOERROR)],
] as const) {
  void t.test(`prefer_positive: the old answer is given before ${what}, and makes room for a new one`, async t => {
    const cache = makeStale(POSITIVE)
    cache.source.write = write
    for (let i = 0; i < 4; i++) t.equal(cache.see(), OLD(0))
    cache.source.write = fresh
    cache.see()
    t.equal(cache.see(), NEW(60))
    t.equal(cache.metric('entries', 'denial'), 0)
  })
}

void t.test('prefer_positive with verify: only an answer takes the place of the old one', async t => {
  const cache = makeStale(POSITIVE.replace('immediate', 'verify'))
  cache.source.write = denial(Rcode.NXDOMAIN, 60)
  t.equal(cache.see(), OLD(0))
  cache.source.write = fresh
  t.equal(cache.see(), NEW(60))
})

void t.test('prefer_positive: when the old answer is too old, the denial counts', async t => {
  const cache = makeStale(POSITIVE, 3_580)
  cache.source.write = denial(Rcode.NXDOMAIN, 60)
  t.equal(cache.see(), OLD(0))
  cache.clock.advance(20)
  t.match(cache.see(), /^NXDOMAIN.* 40 SOA/)
})
