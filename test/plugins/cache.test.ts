import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Flag, Opcode, Rcode, Type } from '../../src/wire/constants.ts'
import { hashName } from '../../src/wire/name.ts'
import { Transport } from '../../src/wire/query.ts'
import { Section } from '../../src/wire/reply.ts'
import { QUESTION, TestCache, type Write, addRecord, addresses, denial, failing, nameOf } from './cacheharness.ts'
import { type Question, makeQuery, makeReply } from './harness.ts'

void t.test('an answer is kept, and its TTL counts down, until its time is over', async t => {
  const cache = new TestCache('cache', addresses(300))
  t.equal(cache.see(), 'NOERROR www.example.org. 300 A 192.0.2.1 |  |')
  cache.source.write = addresses(300, '192.0.2.2')
  cache.clock.advance(10.999)
  t.equal(cache.see(), 'NOERROR www.example.org. 290 A 192.0.2.1 |  |')
  cache.clock.advance(289)
  t.equal(cache.see(), 'NOERROR www.example.org. 1 A 192.0.2.1 |  |')
  cache.clock.advance(0.001)
  t.equal(cache.see(), 'NOERROR www.example.org. 300 A 192.0.2.2 |  |')
  t.equal(cache.source.count, 2)
})

const owner = (section: Section, ttl: number): Write => {
  return reply => {
    addRecord(reply, Section.Answer, QUESTION, Type.A, 400, Uint8Array.of(1, 2, 3, 4))
    if (section === Section.Authority) addRecord(reply, section, QUESTION, Type.NS, ttl, nameOf('ns.example.'))
    if (section === Section.Additional) addRecord(reply, section, 'ns.example.', Type.A, ttl, Uint8Array.of(1, 2, 3, 5))
    return Rcode.NOERROR
  }
}
const TTLS: [directive: string, write: Write, seen: string][] = [
  ['cache', addresses(300), '300'],
  ['cache', addresses(0), '5'],
  ['cache', addresses(4), '5'],
  ['cache', addresses(86_400), '3600'],
  ['cache', addresses(0xffff_ffff), '3600'],
  ['cache 30', addresses(300), '30'],
  ['cache 30', addresses(20), '20'],
  ['cache 3', addresses(300), '3'],
  ['cache {\n success 9984 100\n}', addresses(300), '100'],
  ['cache {\n success 9984 100 60\n}', addresses(20), '60'],
  ['cache {\n success 9984 100 0\n}', addresses(0), '0'],
  ['cache 30 {\n success 9984\n}', addresses(300), '30'],
  ['cache', denial(Rcode.NXDOMAIN, 86_400), '1800'],
  ['cache', denial(Rcode.NOERROR, 86_400), '1800'],
  ['cache', denial(Rcode.NXDOMAIN, 0), '5'],
  ['cache 30', denial(Rcode.NOERROR, 300), '30'],
  ['cache {\n denial 9984 60 20\n}', denial(Rcode.NXDOMAIN, 3), '20'],
  ['cache {\n denial 9984 60 20\n}', denial(Rcode.NXDOMAIN, 300), '60'],
  ['cache', owner(Section.Authority, 7), '7 7'],
  ['cache', owner(Section.Additional, 8), '8 8'],
]
for (const [directive, write, seen] of TTLS) {
  void t.test(`${directive.replaceAll(/\s+/g, ' ')}: all records have the TTL ${seen}, at once and later`, async t => {
    const cache = new TestCache(directive, write)
    const ttls = (): string =>
      cache
        .ask()
        .sections.flat()
        .map(record => record.split(' ')[1])
        .join(' ')
    t.equal(ttls(), seen)
    if (seen === '0') return
    t.equal(ttls(), seen)
    t.equal(cache.source.count, 1)
    cache.clock.advance(Number(seen.split(' ')[0]) - 0.5)
    t.equal(ttls(), seen.replaceAll(/\d+/g, '1'))
    cache.clock.advance(0.5)
    ttls()
    t.equal(cache.source.count, 2)
  })
}

void t.test('the question is found in any spelling, and comes back as it was asked', async t => {
  const cache = new TestCache('cache', addresses(60))
  t.equal(cache.see({ name: 'WWW.Example.org.' }), 'NOERROR WWW.Example.org. 60 A 192.0.2.1 |  |')
  t.equal(cache.see({ name: 'www.exAMPle.ORG.' }), 'NOERROR www.exAMPle.ORG. 60 A 192.0.2.1 |  |')
  t.equal(cache.source.count, 1)
})

void t.test('pointers among the records stay true', async t => {
  const cache = new TestCache('cache', reply => {
    const at = reply.position - reply.start + 12
    addRecord(reply, Section.Answer, QUESTION, Type.CNAME, 60, nameOf('web.example.net.'))
    addRecord(reply, Section.Answer, 0xc000 | at, Type.A, 60, Uint8Array.of(192, 0, 2, 9))
    return Rcode.NOERROR
  })
  const seen = 'NOERROR www.example.org. 60 CNAME web.example.net., web.example.net. 60 A 192.0.2.9 |  |'
  t.equal(cache.see(), seen)
  t.equal(cache.see(), seen)
  t.equal(cache.source.count, 1)
})

const QUESTIONS: Question[] = [
  {},
  { name: 'example.org.' },
  { name: 'ww.example.org.' },
  { type: Type.AAAA },
  { type: Type.TXT },
  { udpSize: 1232, dnssecOk: true },
  { flags: Flag.RD | Flag.CD },
  { udpSize: 1232, dnssecOk: true, flags: Flag.CD },
]
void t.test('name, type, DO and CD tell questions apart; EDNS, RD, AD and the transport do not', async t => {
  const cache = new TestCache('cache', (reply, query) => {
    addRecord(reply, Section.Answer, QUESTION, query.qtype, 60, Uint8Array.of(192, 0, 2, cache.source.count))
    return Rcode.NOERROR
  })
  const first = QUESTIONS.map(question => cache.see(question))
  t.equal(new Set(first).size, QUESTIONS.length)
  t.same(
    QUESTIONS.map(question => cache.see(question)),
    first,
  )
  for (const same of [{ udpSize: 1232 }, { flags: 0 }, { flags: Flag.AD }, { transport: Transport.TCP }]) {
    t.equal(cache.see(same), first[0])
  }
  t.equal(cache.source.count, QUESTIONS.length)
})

void t.test('two names with one hash are told apart', async t => {
  // FNV-1a gives both names the same 32 bits; see the check below.
  const [a, b] = findCollision()
  t.equal(hashName(nameOf(a), 0, nameOf(a).length), hashName(nameOf(b), 0, nameOf(b).length))
  const cache = new TestCache('cache', (reply, query) => {
    return addresses(60, query.name[4] === nameOf(a)[4] && query.name[5] === nameOf(a)[5] ? '192.0.2.1' : '192.0.2.2')(
      reply,
      query,
    )
  })
  for (let round = 0; round < 2; round++) {
    t.equal(cache.see({ name: a }), `NOERROR ${a} 60 A 192.0.2.1 |  |`)
    t.equal(cache.see({ name: b }), `NOERROR ${b} 60 A 192.0.2.2 |  |`)
  }
})

function findCollision(): [string, string] {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const text = `h${i.toString(36)}.example.`
    const name = nameOf(text)
    const hash = hashName(name, 0, name.length)
    const other = seen.get(hash)
    if (other) return [other, text]
    seen.set(hash, text)
  }
}

const cname = (target: string, owner: number | string = QUESTION): Write => {
  return reply => {
    addRecord(reply, Section.Answer, owner, Type.CNAME, 60, nameOf(target))
    return Rcode.NOERROR
  }
}
const all =
  (...writes: Write[]): Write =>
  (reply, query) =>
    Math.max(...writes.map(write => write(reply, query)))
const address = (owner: string): Write => {
  return reply => {
    addRecord(reply, Section.Answer, owner, Type.A, 60, Uint8Array.of(192, 0, 2, 1))
    return Rcode.NOERROR
  }
}
const nameServer: Write = reply => {
  addRecord(reply, Section.Authority, QUESTION, Type.NS, 60, nameOf('ns.example.'))
  return Rcode.NOERROR
}
/** An RRSIG whose time is from `from` to `to`, in seconds from now. */
const signature = (from: number, to: number): Write => {
  return reply => {
    const rdata = Buffer.alloc(20)
    const now = 1_700_000_005
    rdata.writeUInt32BE(now + to, 8)
    rdata.writeUInt32BE(now + from, 12)
    addRecord(reply, Section.Answer, QUESTION, Type.RRSIG, 60, rdata)
    return Rcode.NOERROR
  }
}
const longChain: Write = reply => {
  for (let i = 0; i < 40; i++) {
    addRecord(reply, Section.Answer, i === 0 ? QUESTION : `c${i}.`, Type.CNAME, 60, nameOf(`c${i + 1}.`))
  }
  return address('c40.')(reply, makeQuery())
}
const soa = denial(Rcode.NOERROR, 60)
const signed: Question = { udpSize: 1232, dnssecOk: true }
const KEPT: [what: string, seconds: number, write: Write, question?: Question, directive?: string][] = [
  ['an answer', 60, addresses(60)],
  ['NOERROR without records', 5, failing(Rcode.NOERROR)],
  ['NOERROR with additional records alone (whoami)', 60, addAdditional],
  ['NODATA', 60, soa],
  ['NXDOMAIN', 60, denial(Rcode.NXDOMAIN, 60)],
  ['NXDOMAIN without SOA', 0, denial(Rcode.NXDOMAIN)],
  ['NXDOMAIN behind a CNAME', 0, all(cname('a.example.'), denial(Rcode.NXDOMAIN, 60))],
  ['a referral', 5, nameServer],
  ['SERVFAIL', 5, failing()],
  ['SERVFAIL with servfail 30s', 30, failing(), {}, 'cache {\n servfail 30s\n}'],
  ['SERVFAIL with servfail 0', 0, failing(), {}, 'cache {\n servfail 0\n}'],
  ['SERVFAIL with servfail 900ms', 0, failing(), {}, 'cache {\n servfail 900ms\n}'],
  ['NOTIMP', 5, failing(Rcode.NOTIMP)],
  ['REFUSED', 0, failing(Rcode.REFUSED)],
  ['a CNAME with its address', 60, all(cname('a.example.'), address('A.example.'))],
  ['a CNAME with another address', 0, all(cname('a.example.'), address('b.example.'))],
  ['a CNAME alone', 0, cname('a.example.')],
  ['a CNAME alone with SOA', 60, all(cname('a.example.'), soa)],
  ['a CNAME that is asked for', 60, cname('a.example.'), { type: Type.CNAME }],
  ['a CNAME of another name that is asked for', 0, cname('a.example.', 'b.example.'), { type: Type.CNAME }],
  ['a CNAME for ANY', 60, cname('a.example.'), { type: Type.ANY }],
  ['the record of another name for ANY', 0, address('b.example.'), { type: Type.ANY }],
  ['the address of another name', 0, address('b.example.')],
  ['a CNAME twice', 60, all(cname('a.example.'), cname('A.example.'), address('a.example.'))],
  ['two CNAMEs of one name', 0, all(cname('a.example.'), cname('b.example.'), address('a.example.'))],
  ['CNAMEs in a circle', 0, all(cname('a.example.'), cname('www.example.org.', 'a.example.'))],
  ['forty CNAMEs in a row', 0, longChain],
  ['a valid signature', 60, all(addresses(60), signature(-10, 10)), signed],
  ['a signature that is over', 0, all(addresses(60), signature(-10, -1)), signed],
  ['a signature to come', 0, all(addresses(60), signature(1, 10)), signed],
  ['a signature that is over, without DO', 60, all(addresses(60), signature(-10, -1))],
  ['a transfer', 0, addresses(60), { type: Type.AXFR }],
  ['an incremental transfer', 0, addresses(60), { type: Type.IXFR }],
  ['NOTIFY', 0, addresses(60), { opcode: Opcode.NOTIFY }],
  ['a name out of its zones', 0, addresses(60), {}, 'cache example.net'],
  ['a name in one of its zones', 60, addresses(60), {}, 'cache example.net example.org'],
  ['an answer where there are none to be kept', 0, addresses(60), {}, 'cache {\n disable success\n}'],
  ['an answer in such a zone', 0, addresses(60), {}, 'cache {\n disable success example.net Example.org\n}'],
  ['an answer in another zone', 60, addresses(60), {}, 'cache {\n disable success xample.org\n}'],
  ['a denial where answers are not kept', 60, soa, {}, 'cache {\n disable success\n}'],
  ['a denial where there are none to be kept', 0, soa, {}, 'cache {\n disable denial\n}'],
  ['SERVFAIL where denials are not kept', 0, failing(), {}, 'cache {\n disable denial example.org\n}'],
  ['an answer where denials are not kept', 60, addresses(60), {}, 'cache {\n disable denial\n}'],
  ['two disable lines', 0, soa, {}, 'cache {\n disable denial org\n disable denial net\n}'],
]

function addAdditional(reply: Parameters<Write>[0]): Rcode {
  addRecord(reply, Section.Additional, QUESTION, Type.A, 60, Uint8Array.of(192, 0, 2, 1))
  return Rcode.NOERROR
}

for (const [what, seconds, write, question, directive = 'cache'] of KEPT) {
  void t.test(`${what} is kept for ${seconds} s`, async t => {
    const cache = new TestCache(directive, write)
    const seen = cache.see(question)
    t.equal(cache.see(question), seen)
    t.equal(cache.source.count, seconds === 0 ? 2 : 1)
    if (seconds === 0) return
    cache.clock.advance(seconds - 0.001)
    cache.see(question)
    t.equal(cache.source.count, 1)
    cache.clock.advance(0.001)
    cache.see(question)
    t.equal(cache.source.count, 2)
  })
}

void t.test('records that cannot be read are passed on, counted, and not kept', async t => {
  const cache = new TestCache('cache', reply => {
    addRecord(reply, Section.Answer, QUESTION, Type.A, 60, Uint8Array.of(1, 2, 3, 4))
    reply.position -= 2
    return Rcode.NOERROR
  })
  for (let i = 1; i <= 2; i++) {
    const query = makeQuery()
    const reply = makeReply(query)
    t.equal(cache.handler.serve(query, reply), Rcode.NOERROR)
    t.equal(reply.counts[Section.Answer], 1)
    t.equal(cache.source.count, i)
    t.equal(cache.metric('drops_total'), i)
  }
})

void t.test('a truncated reply is not kept', async t => {
  const cache = new TestCache('cache', (reply, query) => {
    reply.truncated = query.transport === Transport.UDP
    return addresses(60)(reply, query)
  })
  cache.see()
  t.equal(cache.see(), 'NOERROR TC www.example.org. 60 A 192.0.2.1 |  |')
  t.equal(cache.source.count, 2)
})

void t.test('what was kept whole is cut to the size of each client, between records and with TC', async t => {
  const many = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`)
  const cache = new TestCache('cache', addresses(60, ...many))
  t.equal(cache.ask({ transport: Transport.TCP }).sections[0].length, 100)
  cache.clock.advance(10)
  for (const [question, count] of [
    [{}, 29], // 512 = 12 + 21 + 29 × 16 + 15
    [{ udpSize: 512 }, 29],
    [{ udpSize: 1232 }, 74],
    [{ udpSize: 4096 }, 100],
    [{ transport: Transport.TCP }, 100],
  ] as const) {
    const { reply, sections, query, rcode } = cache.ask(question)
    t.equal(sections[0].length, count)
    t.equal(sections[0].at(-1), `www.example.org. 50 A 192.0.2.${count - 1}`)
    t.equal(reply.truncated, count < 100)
    t.ok(reply.finish(query, rcode) <= (question === undefined ? 512 : Math.max(512, 65_535)))
  }
  t.equal(cache.source.count, 1)
})

const flags = (cache: TestCache, question?: Question): string => {
  const { reply } = cache.ask(question)
  return `${reply.authoritative ? 'aa' : ''}${reply.recursionAvailable ? 'ra' : ''}${reply.authenticData ? 'ad' : ''}`
}

void t.test('AA and RA are those of the source, AD is for who asks for it', async t => {
  const forwarded = new TestCache('cache', (reply, query) => {
    reply.recursionAvailable = true
    reply.authenticData = true
    return addresses(60)(reply, query)
  })
  t.equal(flags(forwarded), 'ra')
  t.equal(flags(forwarded), 'ra')
  t.equal(flags(forwarded, { flags: Flag.AD }), 'raad')
  t.equal(forwarded.source.count, 1)
  t.equal(flags(forwarded, signed), 'raad')
  t.equal(flags(forwarded, signed), 'raad')
  const own = new TestCache('cache', (reply, query) => {
    reply.authoritative = true
    reply.flagsSet = Flag.RA
    reply.flagsCleared = Flag.AA
    return addresses(60)(reply, query)
  })
  for (let i = 0; i < 2; i++) {
    const { reply } = own.ask()
    t.same([reply.authoritative, reply.flagsSet, reply.flagsCleared], [true, Flag.RA, Flag.AA])
  }
})

void t.test('the source is asked with AD, and the client has its own bit back', async t => {
  for (const flags of [Flag.RD, Flag.RD | Flag.AD]) {
    for (const isLate of [false, true]) {
      const cache = new TestCache('cache', addresses(60))
      cache.source.isLate = isLate
      const query = makeQuery({ flags })
      const pending = cache.handler.serve(query, makeReply(query))
      t.match(cache.source.asked, [`${(Flag.RD | Flag.AD).toString(16)} udp`])
      await cache.source.release()
      t.equal(await pending, Rcode.NOERROR)
      t.equal(query.flags, flags)
      t.equal(((query.bytes[query.start + 2] << 8) | query.bytes[query.start + 3]) & 0xffff, flags)
    }
  }
})

void t.test('an answer that comes later is kept too', async t => {
  const cache = new TestCache('cache', addresses(60))
  cache.source.isLate = true
  const pending = cache.seeLater()
  await cache.source.release()
  t.equal(await pending, 'NOERROR www.example.org. 60 A 192.0.2.1 |  |')
  cache.clock.advance(1)
  t.equal(cache.see(), 'NOERROR www.example.org. 59 A 192.0.2.1 |  |')
})

void t.test('who asks what is being asked already waits for that answer', async t => {
  const cache = new TestCache('cache', addresses(60))
  cache.source.isLate = true
  const pending = ['www.example.org.', 'WWW.example.org.', 'www.example.org.'].map(name => cache.seeLater({ name }))
  const other = cache.seeLater({ name: 'web.example.org.' })
  t.equal(cache.source.count, 2)
  await cache.source.release()
  t.same(await Promise.all(pending), [
    'NOERROR www.example.org. 60 A 192.0.2.1 |  |',
    'NOERROR WWW.example.org. 60 A 192.0.2.1 |  |',
    'NOERROR www.example.org. 60 A 192.0.2.1 |  |',
  ])
  t.equal(await other, 'NOERROR web.example.org. 60 A 192.0.2.1 |  |')
  t.equal(cache.metric('misses_total'), 4)
})

void t.test('no more than 512 wait for the answers to others: the rest ask for themselves', async t => {
  const cache = new TestCache('cache', addresses(60))
  cache.source.isLate = true
  const pending = Array.from({ length: 600 }, () => cache.seeLater())
  t.equal(cache.source.count, 600 - 512)
  await cache.source.release()
  t.same(new Set(await Promise.all(pending)), new Set(['NOERROR www.example.org. 60 A 192.0.2.1 |  |']))
  // They have all been answered: as many may wait again.
  cache.clock.advance(60)
  const again = Array.from({ length: 513 }, () => cache.seeLater())
  t.equal(cache.source.count, 600 - 512 + 1)
  await cache.source.release()
  await Promise.all(again)
})

void t.test('those who wait for a long answer get it 256 KB at a time, a short one all at once', async t => {
  for (const [count, atOnce] of [
    [240, 4],
    [1, 40],
  ]) {
    const cache = new TestCache('cache', reply => {
      for (let i = 0; i < count; i++)
        addRecord(reply, Section.Answer, QUESTION, Type.TXT, 60, new Uint8Array(256).fill(255))
      return Rcode.NOERROR
    })
    cache.source.isLate = true
    let settled = 0
    const pending = Array.from({ length: 41 }, () => cache.seeLater(longAnswer(0)).then(() => settled++))
    await cache.source.release()
    await new Promise<void>(resolve => process.nextTick(resolve))
    t.equal(settled, 1 + atOnce)
    await Promise.all(pending)
  }
})

const broken: Write = () => {
  throw new Error('broken')
}

void t.test('when that answer is not kept, or there is none, everyone asks for themselves', async t => {
  for (const [write, directive] of [
    [failing(Rcode.REFUSED), 'cache'],
    [addresses(60), 'cache {\n disable success\n}'],
    [addresses(0), 'cache {\n success 1024 60 0\n}'],
    [broken, 'cache'],
  ] as const) {
    const cache = new TestCache(directive, write)
    cache.source.isLate = true
    const pending = Promise.allSettled([cache.seeLater(), cache.seeLater(), cache.seeLater()])
    t.equal(cache.source.count, 1)
    await cache.source.release()
    t.equal(cache.source.count, 3)
    await cache.source.release()
    t.equal(new Set((await pending).map(result => JSON.stringify(result))).size, 1)
  }
})

void t.test('a source that fails is heard of, and nothing is kept', async t => {
  const cache = new TestCache('cache', broken)
  t.throws(() => cache.see(), { message: 'broken' })
  cache.source.isLate = true
  const pending = cache.seeLater()
  await Promise.all([t.rejects(pending, { message: 'broken' }), cache.source.release()])
  cache.source.isLate = false
  cache.source.write = addresses(60)
  t.equal(cache.see(), 'NOERROR www.example.org. 60 A 192.0.2.1 |  |')
})

void t.test('keepttl: the TTL does not count down, and the time is over all the same', async t => {
  const cache = new TestCache('cache {\n keepttl\n}', addresses(60))
  cache.see()
  cache.clock.advance(59.9)
  t.equal(cache.see(), 'NOERROR www.example.org. 60 A 192.0.2.1 |  |')
  t.equal(cache.source.count, 1)
  cache.clock.advance(0.1)
  cache.see()
  t.equal(cache.source.count, 2)
})

void t.test('a denial that has taken the place of an answer stays, and the other way about', async t => {
  const cache = new TestCache('cache {\n prefetch 1 1m 90%\n}', addresses(300))
  cache.see()
  cache.source.write = denial(Rcode.NXDOMAIN, 20)
  cache.clock.advance(31)
  t.match(cache.see(), /^NOERROR/)
  t.match(cache.see(), /^NXDOMAIN/)
  cache.source.write = addresses(300, '192.0.2.2')
  cache.clock.advance(10)
  t.match(cache.see(), /^NXDOMAIN/)
  t.match(cache.see(), /300 A 192.0.2.2/)
})

void t.test('answers from live data are passed on as they are, and not kept', async t => {
  const cache = new TestCache('cache 10', (reply, query) => {
    reply.isLive = true
    return addresses(300, `192.0.2.${cache.source.count}`)(reply, query)
  })
  t.equal(cache.see(), 'NOERROR www.example.org. 300 A 192.0.2.1 |  |')
  t.equal(cache.see(), 'NOERROR www.example.org. 300 A 192.0.2.2 |  |')
  t.equal(cache.metric('requests_total'), 2)
  t.equal(cache.metric('misses_total'), 0)
  t.equal(cache.metric('entries', 'success'), 0)
})

void t.test('the metrics tell requests, hits, misses and entries', async t => {
  const cache = new TestCache('cache', addresses(60))
  cache.see()
  for (let i = 0; i < 3; i++) cache.see()
  cache.source.write = denial(Rcode.NXDOMAIN, 60)
  for (let i = 0; i < 2; i++) cache.see({ name: 'example.net.' })
  t.equal(cache.metric('requests_total'), 6)
  t.equal(cache.metric('misses_total'), 2)
  t.equal(cache.metric('hits_total', 'success'), 3)
  t.equal(cache.metric('hits_total', 'denial'), 1)
  t.equal(cache.metric('entries', 'success'), 1)
  t.equal(cache.metric('entries', 'denial'), 1)
  t.equal(cache.metric('evictions_total', 'success'), 0)
})

void t.test('what was not asked for the longest makes room', async t => {
  const cache = new TestCache('cache {\n success 1024\n}', addresses(3_600))
  for (let i = 0; i < 1_024; i++) cache.see({ name: `${i}.example.` })
  cache.see({ name: '0.example.' })
  cache.see({ name: '1024.example.' })
  t.equal(cache.source.count, 1_025)
  t.equal(cache.metric('evictions_total', 'success'), 1)
  cache.see({ name: '0.example.' })
  t.equal(cache.source.count, 1_025)
  cache.see({ name: '1.example.' })
  t.equal(cache.source.count, 1_026)
})

void t.test('a hundred thousand names stay within the bound', async t => {
  const cache = new TestCache('cache', addresses(3_600))
  const reply = makeReply(makeQuery())
  for (let i = 0; i < 100_000; i++) {
    if (i === 50_000) cache.source.write = denial(Rcode.NXDOMAIN, 3_600)
    const query = makeQuery({ name: `${Math.imul(i, 2_654_435_761) >>> 0}.example.` })
    reply.begin(query)
    void cache.handler.serve(query, reply)
  }
  t.equal(cache.source.count, 100_000)
  t.equal(cache.metric('entries', 'success'), 9_984)
  t.equal(cache.metric('entries', 'denial'), 9_984)
  t.equal(cache.metric('evictions_total', 'success'), 50_000 - 9_984)
})

const longAnswer = (i: number): Question => ({ name: `${i}.example.`, type: Type.TXT, transport: Transport.TCP })

void t.test('long answers stay within the bound of octets: 1 KiB for each entry of the capacity', async t => {
  const cache = new TestCache('cache {\n success 1024\n}', reply => {
    for (let i = 0; i < 240; i++)
      addRecord(reply, Section.Answer, QUESTION, Type.TXT, 60, new Uint8Array(256).fill(255))
    return Rcode.NOERROR
  })
  for (let i = 0; i < 100; i++) cache.ask(longAnswer(i))
  // 64,320 octets of records and some hundred more for each.
  t.equal(cache.metric('entries', 'success'), 16)
  t.equal(cache.metric('evictions_total', 'success'), 84)
  cache.ask(longAnswer(99))
  t.equal(cache.source.count, 100)
})

void t.test('a million hits allocate nothing', async t => {
  const script = fileURLToPath(new URL('cacheallocation.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' })
  t.equal(child.stderr, '')
  const { asked, octets, collections, growth, nanoseconds } = JSON.parse(child.stdout)
  t.comment(`${nanoseconds} ns a query`)
  t.equal(asked, 1_000)
  t.ok(octets > 50_000_000)
  t.equal(collections, 0)
  t.ok(growth < 1 << 20, `${growth} octets`)
})
