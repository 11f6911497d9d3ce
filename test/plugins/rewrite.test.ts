import fc from 'fast-check'
import t from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { Class, Rcode, Type } from '../../src/wire/constants.ts'
import { formatName, lowerName, parseName } from '../../src/wire/name.ts'
import { decodeOptions, findOptions } from '../../src/wire/option.ts'
import { NamePart, NamePrefix, NameSuffix, QueryText } from '../../src/plugins/rewrite/pattern.ts'
import { type Query, Transport } from '../../src/wire/query.ts'
import { type Reply, Section } from '../../src/wire/reply.ts'
import { type Answer, type Question, ask, askLater, chain, makeQuery, setUp, setUpBlock } from './harness.ts'

const wire = (text: string): Uint8Array => parseName(text) ?? new Uint8Array(1)

/** Writes a record with names as they are, and the question's as a pointer. */
function addRecord(query: Query, reply: Reply, line: string, section: Section = Section.Answer): void {
  const [owner, ttl, type, ...rdata] = line.split(' ')
  if (owner === '@') reply.write16(0xc00c)
  else for (const octet of wire(owner)) reply.write8(octet)
  reply.write16(Type[type as keyof typeof Type])
  reply.write16(query.qclass)
  reply.write32(Number(ttl))
  const octets = rdata.flatMap(word => {
    if (/^\d+\.\d+\.\d+\.\d+$/.test(word)) return word.split('.').map(Number)
    if (/^\d+$/.test(word)) return [Number(word) >> 8, Number(word) & 255]
    return word === '@' ? [0xc0, 0x0c] : Array.from(wire(word))
  })
  reply.write16(octets.length)
  for (const octet of octets) reply.write8(octet)
  reply.counts[section]++
}

interface Seen extends Handler {
  /** The questions that came through, `NAME TYPE CLASS`. */
  readonly questions: string[]
  /** EDNS options of the last one, as `CODE=HEX`. */
  options: string[]
  size: number
}

/** Answers every question with these records. */
function answering(
  lines: readonly string[],
  { rcode = Rcode.NOERROR, extra = [] }: { rcode?: Rcode; extra?: readonly string[] } = {},
): Seen {
  const seen: Seen = {
    questions: [],
    options: [],
    size: 0,
    serve(query, reply) {
      seen.questions.push(`${formatName(query.name)} ${query.qtype} ${query.qclass}`)
      seen.options = decodeOptions(findOptions(query)).map(
        ({ code, data }) => `${code}=${Buffer.from(data).toString('hex')}`,
      )
      seen.size = query.hasEdns ? query.udpSize : 0
      reply.authoritative = true
      reply.author = 3
      for (const line of lines) addRecord(query, reply, line)
      for (const line of extra) addRecord(query, reply, line, Section.Additional)
      return rcode
    },
  }
  return seen
}

const A = ['@ 30 A 10.0.0.1']

interface Asked extends Answer {
  readonly seen: Seen
}

function run(directives: string, question: Question | string, seen: Seen = answering(A)): Asked {
  const handler = chain(setUpBlock(directives), seen)
  return { ...ask(handler, typeof question === 'string' ? { name: question } : question), seen }
}

/** What a name is asked as: the cases of CoreDNS's name_test.go among them. */
const names: readonly (readonly [rule: string, name: string, asked: string])[] = [
  ['name core.dns.rocks to.nl', 'core.dns.rocks.', 'to.nl.'],
  ['name exact core.dns.rocks to.nl.', 'CORE.dns.rocks.', 'to.nl.'],
  ['name exact core.dns.rocks to.nl', 'a.core.dns.rocks.', 'a.core.dns.rocks.'],
  ['stop name prefix foo bar', 'foo.example.com.', 'bar.example.com.'],
  ['stop name prefix foo. bar.', 'FOO.example.com.', 'bar.example.com.'],
  ['stop name prefix foo bar', 'foo-1.example.com.', 'foo-1.example.com.'],
  ['stop name prefix foo bar', 'coredns.foo.', 'coredns.foo.'],
  ['name prefix a.b. c.', 'a.b.example.', 'c.example.'],
  ['name suffix com org', 'foo.example.com.', 'foo.example.org.'],
  ['name suffix .com .org', 'foo.example.com.', 'foo.example.org.'],
  ['name suffix com org', 'foo.telecom.', 'foo.teleorg.'],
  ['name suffix .com .org', 'foo.telecom.', 'foo.telecom.'],
  ['name suffix com org', 'com.coredns.', 'com.coredns.'],
  ['name suffix com org', 'com.', 'org.'],
  ['name suffix .com org', 'com.', 'com.'],
  [
    'name suffix .ingress.coredns.rocks nginx.coredns.rocks',
    'coredns.ingress.coredns.rocks.',
    'corednsnginx.coredns.rocks.',
  ],
  ['name suffix .local. .', 'printer.local.', 'printer.'],
  ['name suffix . .svc.cluster.local.', 'web.shop.', 'web.shop.svc.cluster.local.'],
  ['name substring service. svc.', 'my.service.service.x.', 'my.svc.svc.x.'],
  ['name substring service svc', 'myservices.x.', 'myservices.x.'],
  [
    'name regex (.*)-(us-west-1)\\.example\\.org {1}.service.{2}.consul',
    'ftp-us-west-1.example.org.',
    'ftp.service.us-west-1.consul.',
  ],
  ['name regex ^(?P<host>[^.]+)\\.z {1}.{1}.{0}', 'a.z.', 'a.a.a.z.'],
  ['name regex ^(a)|(b)\\.z\\.$ x{1}{2}.', 'b.z.', 'xb.'],
  ['name regex (?i)WEB\\.(.*)\\. {1}', 'web.x.', 'x.'],
  ['name regex ^[[:alpha:]]+\\.z\\.$ y', 'a1.z.', 'a1.z.'],
  ['name regex ^[[:alpha:]]+\\.z\\.$ y', 'ab.z.', 'y.'],
  ['name regex \\A\\Qa.b\\E\\.\\z y', 'a.b.', 'y.'],
  ['name regex \\Qa.b\\E\\.$ y', 'axb.', 'axb.'],
  ['name a\\.b.c d', 'a\\.b.c.', 'd.'],
  ['name suffix \\.b.c d', 'a\\.b.c.', 'ad.'],
]
for (const [rule, name, asked] of names) {
  void t.test(`rewrite ${rule}: ${name} goes on as ${asked}`, async t => {
    t.same(run(`rewrite ${rule}`, name).seen.questions, [`${asked} 1 1`])
  })
}

/** What the client sees of an answer in the rewritten name. */
const answers: readonly (readonly [rule: string, name: string, records: string[], seen: string[]])[] = [
  ['name a.example b.example', 'A.Example.', ['@ 30 A 10.0.0.1'], ['A.Example. 30 A 10.0.0.1']],
  ['name a.example b.example', 'a.example.', ['b.example. 30 A 10.0.0.1'], ['a.example. 30 A 10.0.0.1']],
  [
    'name a.example b.example',
    'a.example.',
    ['@ 30 CNAME x.b.example.', 'x.b.example. 5 CNAME C.Example.', 'C.Example. 5 A 10.0.0.1'],
    ['a.example. 30 CNAME x.a.example.', 'x.a.example. 5 CNAME C.Example.', 'C.Example. 5 A 10.0.0.1'],
  ],
  ['name suffix .a.nl .b.nl', 'w.a.nl.', ['@ 30 A 10.0.0.1'], ['w.b.nl. 30 A 10.0.0.1']],
  ['name suffix .a.nl .b.nl answer auto', 'W.a.nl.', ['@ 30 CNAME v.b.nl.'], ['W.a.nl. 30 CNAME v.a.nl.']],
  ['name prefix w. v. answer auto', 'w.a.nl.', ['@ 30 CNAME x.v.a.nl.'], ['w.a.nl. 30 CNAME x.w.a.nl.']],
  ['name substring a.nl b.nl answer auto', 'w.a.nl.', ['@ 30 A 10.0.0.1'], ['w.a.nl. 30 A 10.0.0.1']],
  [
    'name regex (.*)-(us)\\.x {1}.{2}.y answer name (.*)\\.(us)\\.y {1}-{2}.x',
    'ftp-us.x.',
    ['@ 30 A 10.0.0.1', 'q.us.y. 30 A 10.0.0.2'],
    ['ftp-us.x. 30 A 10.0.0.1', 'q-us.x. 30 A 10.0.0.2'],
  ],
  [
    'name suffix .x .y answer auto answer value (.*)\\.svc\\. {1}.ext',
    'a.x.',
    ['@ 30 SRV 0 1 80 h.svc.', 'a.y. 30 MX 5 m.svc.', 'a.y. 30 NS a.y.'],
    ['a.x. 30 SRV 0 1 80 h.ext.', 'a.x. 30 MX 5 m.ext.', 'a.x. 30 NS a.x.'],
  ],
]
for (const [rule, name, records, seen] of answers) {
  void t.test(`rewrite ${rule}: the answer to ${name} is ${seen.join(', ')}`, async t => {
    const answer = run(`rewrite ${rule}`, name, answering(records))
    t.same(answer.sections[0], seen)
    t.equal(answer.rcode, Rcode.NOERROR)
  })
}

void t.test('a rule may stand in a block, over several lines', async t => {
  const directives = 'rewrite stop {\n name regex (.*)\\.x {1}.y\n answer name (.*)\\.y {1}.x\n value (.*)\\.y {1}.z\n}'
  const answer = run(directives, 'a.x.', answering(['@ 5 CNAME b.y.']))
  t.same(answer.sections[0], ['a.x. 5 CNAME b.z.'])
})

void t.test('the first rule that fits is the last, unless it continues; the answer comes back in reverse', async t => {
  const stopping = run('rewrite name a.x b.x\nrewrite name b.x c.x', 'a.x.')
  t.same(stopping.seen.questions, ['b.x. 1 1'])
  const going = run('rewrite continue name a.x b.x\nrewrite type A AAAA\nrewrite name b.x c.x', 'a.x.')
  t.same(going.seen.questions, ['b.x. 28 1'])
  const both = run('rewrite continue name a.x b.x\nrewrite continue type AAAA A\nrewrite name b.x c.x', 'a.x.')
  t.same(both.seen.questions, ['c.x. 1 1'])
  t.same(both.sections[0], ['a.x. 30 A 10.0.0.1'])
})

void t.test('type and class of the question change, and the client sees its own question', async t => {
  const { reply, query, seen } = run('rewrite continue type ANY HINFO\nrewrite class IN CH', {
    name: 'a.x.',
    type: Type.ANY,
  })
  t.same(seen.questions, [`a.x. ${Type.HINFO} ${Class.CH}`])
  const from = reply.start + 12
  t.same(
    reply.bytes.subarray(from, from + query.questionEnd - query.start - 12),
    query.bytes.subarray(query.start + 12, query.questionEnd),
  )
})

void t.test('what is said of an answer beside its records comes back with it', async t => {
  const next: Handler = {
    serve(_, reply) {
      reply.authoritative = true
      reply.recursionAvailable = true
      reply.authenticData = true
      reply.truncated = true
      reply.isLive = true
      reply.flagsSet = 0x10
      reply.author = 7
      reply.failure = new Error('no upstream')
      return Rcode.SERVFAIL
    },
  }
  const { rcode, reply } = ask(chain(setUpBlock('rewrite name a.x b.x'), next), { name: 'a.x.' })
  const { authoritative, recursionAvailable, authenticData, truncated, isLive, flagsSet, author, failure } = reply
  t.equal(rcode, Rcode.SERVFAIL)
  t.same(
    {
      authoritative,
      recursionAvailable,
      authenticData,
      truncated,
      isLive,
      flagsSet,
      author,
      failure: failure?.message,
    },
    {
      authoritative: true,
      recursionAvailable: true,
      authenticData: true,
      truncated: true,
      isLive: true,
      flagsSet: 16,
      author: 7,
      failure: 'no upstream',
    },
  )
})

void t.test('an answer that comes later is brought back too', async t => {
  const seen = answering(A)
  const later: Handler = { serve: async (query, reply) => seen.serve(query, reply) }
  const answer = await askLater(chain(setUpBlock('rewrite name a.x b.x'), later), { name: 'a.x.' })
  t.same(answer.sections[0], ['a.x. 30 A 10.0.0.1'])
})

void t.test('what is too large for the client under the longer name is left out whole, with TC', async t => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.x.`
  const records = Array.from({ length: 30 }, (_, i) => `c.y. 30 A 10.0.0.${i}`)
  const cut = run(`rewrite name regex ^c\\.x\\.$ c.y answer name ^c\\.y\\.$ ${long}`, 'c.x.', answering(records))
  t.equal(cut.reply.truncated, true)
  t.equal(cut.sections[0].length, 3)
  t.ok(cut.reply.size <= 512)
  const whole = run('rewrite name c.x c.y', 'c.x.', answering(records.slice(0, 25)))
  t.equal(whole.reply.truncated, false)
  t.equal(whole.sections[0].length, 25)
  t.equal(
    run('rewrite name c.x c.y', { name: 'c.x.', transport: Transport.TCP }, answering(records)).sections[0].length,
    30,
  )
})

void t.test('compressed names are followed, and targets that stand in the answer are pointed to', async t => {
  const next: Handler = {
    serve(query, reply) {
      addRecord(query, reply, '@ 5 CNAME t.example.')
      // The owner is a pointer to the CNAME's target.
      const target = 0xc000 | (reply.size - wire('t.example.').length)
      for (const last of [1, 2]) {
        reply.writeRecordHead(target, Type.A, 5, 4)
        reply.write32(0x0a000000 + last)
      }
      reply.counts[0] += 2
      return Rcode.NOERROR
    },
  }
  const { sections, reply } = ask(chain(setUpBlock('rewrite name a.x much.longer.example'), next), { name: 'a.x.' })
  t.same(sections[0], ['a.x. 5 CNAME t.example.', 't.example. 5 A 10.0.0.1', 't.example. 5 A 10.0.0.2'])
  t.equal(reply.size, 12 + 5 + 4 + (12 + 11) + 2 * 16)
})

void t.test('an answer that is no message becomes SERVFAIL', async t => {
  const broken: Handler = {
    serve(_, reply) {
      reply.writeRecordHead(0xc0ff, Type.A, 5, 4)
      reply.write32(1)
      reply.counts[0]++
      return Rcode.NOERROR
    },
  }
  const { rcode, sections, reply } = ask(chain(setUpBlock('rewrite name a.x b.x'), broken), { name: 'a.x.' })
  t.equal(rcode, Rcode.SERVFAIL)
  t.same(sections[0], [])
  t.match(reply.failure?.message, /malformed answer/)
})

void t.test('a rule that leaves no name is SERVFAIL with the reason', async t => {
  const { rcode, reply, seen } = run(`rewrite name suffix .x ..y`, 'a.x.')
  t.equal(rcode, Rcode.SERVFAIL)
  t.equal(reply.failure?.message, 'invalid name after rewrite: a..y.')
  t.same(seen.questions, [])
  const back = run('rewrite name regex ^a\\.x\\.$ b.x answer name (.*) {1}..', 'a.x.')
  t.equal(back.rcode, Rcode.SERVFAIL)
  t.match(back.reply.failure?.message, /^invalid name after rewrite: b\.x\./)
})

const ttls: readonly (readonly [rule: string, before: number, after: number])[] = [
  ['ttl a.x 15', 30, 15],
  ['ttl exact b.x 15', 30, 30],
  ['ttl suffix .x 30-300', 5, 30],
  ['ttl suffix .x 30-300', 900, 300],
  ['ttl suffix .x 30-300', 77, 77],
  ['ttl prefix a -30', 60, 30],
  ['ttl substring x 30-', 6, 30],
  ['ttl regex ^(.*)\\.x\\.$ 0', 6, 0],
]
for (const [rule, before, after] of ttls) {
  void t.test(`rewrite ${rule}: TTL ${before} becomes ${after}`, async t => {
    const { sections, seen } = run(
      `rewrite ${rule}`,
      'a.x.',
      answering([`@ ${before} A 10.0.0.1`], { extra: [`n.x. ${before} A 10.0.0.2`] }),
    )
    t.same(sections[0], [`a.x. ${after} A 10.0.0.1`])
    t.same(sections[2], [`n.x. ${after} A 10.0.0.2`])
    t.same(seen.questions, ['a.x. 1 1'])
  })
}

void t.test('rcode changes one response code into another, with records and without', async t => {
  for (const [rule, records, before, after] of [
    ['rcode a.x SERVFAIL NOERROR', [], Rcode.SERVFAIL, Rcode.NOERROR],
    ['rcode regex (.*)\\.x 3 0', A, Rcode.NXDOMAIN, Rcode.NOERROR],
    ['rcode a.x SERVFAIL NOERROR', [], Rcode.NXDOMAIN, Rcode.NXDOMAIN],
    ['rcode suffix .x NOERROR badcookie', A, Rcode.NOERROR, 23],
  ] as const) {
    const answer = run(`rewrite ${rule}`, 'a.x.', answering(records, { rcode: before }))
    t.equal(answer.rcode, after, rule)
    t.equal(answer.sections[0].length, records.length)
  }
})

const edns: readonly (readonly [rules: string, question: Question, options: string[]])[] = [
  ['edns0 local set 0xffee 0x61626364', {}, ['65518=61626364']],
  ['edns0 local set 0xffee abcd revert', {}, ['65518=61626364']],
  ['edns0 local append 65518 abcd', { udpSize: 1400 }, ['65518=61626364']],
  ['edns0 local replace 0xffee abcd', {}, []],
  [
    'continue edns0 local set 1 a\nrewrite continue edns0 local append 1 b\nrewrite edns0 local set 2 c',
    {},
    ['1=61', '2=63'],
  ],
  ['continue edns0 local set 1 a\nrewrite edns0 local replace 1 b', {}, ['1=62']],
  ['continue edns0 local set 1 a\nrewrite edns0 local unset 1', {}, []],
  ['edns0 nsid set', {}, ['3=']],
  ['edns0 subnet set 24 56', { client: '192.0.2.77' }, ['8=00011800c00002']],
  ['edns0 subnet set 20 56', { client: '192.0.255.77' }, ['8=00011400c000f0']],
  ['edns0 subnet set 24 56', { client: '2001:db8:1:2ff::1' }, ['8=0002380020010db8000102']],
  ['edns0 subnet set 0 0', {}, ['8=00010000']],
  ['edns0 local set 9 {qname}', { name: 'A.x.' }, ['9=412e782e']],
  ['edns0 local set 9 {qtype}', { type: Type.SRV }, ['9=0021']],
  ['edns0 local set 9 {client_ip}', { client: '192.0.2.7' }, ['9=c0000207']],
  ['edns0 local set 9 {client_port}', { port: 258 }, ['9=0102']],
  ['edns0 local set 9 {protocol}', { transport: Transport.TCP }, ['9=746370']],
  ['edns0 local set 9 {server_port}', {}, ['9=0035']],
  ['edns0 local set 9 {server_ip}', {}, []],
  ['edns0 local set 9 {server_ip}\nbind 127.0.0.1', {}, ['9=7f000001']],
]
for (const [rules, question, options] of edns) {
  void t.test(`rewrite ${rules.replaceAll('\n', '; ')}: options ${options.join()}`, async t => {
    const { seen, sections } = run(`rewrite ${rules}`, { name: 'a.x.', ...question })
    t.same(seen.options, options)
    t.equal(seen.size, question.udpSize ?? (options.length > 0 ? 4096 : 0))
    t.equal(sections[0].length, 1)
  })
}

/** Two blocks: one with the rules, and what the server itself says of any other name. */
function aliased(rules: string, records: string[], lookup: Handler): Handler {
  const block = setUpBlock(rules)
  const handler = chain(block, answering(records))
  block.resolver = lookup
  return handler
}

void t.test('cname: the target is rewritten, what is before it stays, what follows is looked up', async t => {
  const lookup = answering(['@ 100 A 30.3.1.2'])
  const records = [
    '@ 200 CNAME my.app.',
    'my.app. 200 CNAME my.cdn.net.',
    'my.cdn.net. 300 A 20.2.0.1',
    'my.cdn.net. 300 A 20.2.0.2',
  ]
  const handler = aliased('rewrite cname regex (.*)\\.cdn\\.net\\. {1}.other.com.', records, lookup)
  const { sections } = ask(handler, { name: 'app.com.' })
  t.same(sections[0], ['app.com. 200 CNAME my.app.', 'my.app. 200 CNAME my.other.com.', 'my.other.com. 100 A 30.3.1.2'])
  t.same(lookup.questions, ['my.other.com. 1 1'])
})

void t.test('cname: without such a target nothing is looked up', async t => {
  const lookup = answering(A)
  const kinds = ['exact a.x b.x', 'prefix a b', 'suffix .zz .y', 'substring foo bar', 'c.x d.x']
  for (const kind of kinds) {
    const { sections } = ask(aliased(`rewrite cname ${kind}`, ['@ 5 CNAME t.x.', 't.x. 5 A 10.0.0.1'], lookup), {
      name: 'w.x.',
    })
    t.same(sections[0], ['w.x. 5 CNAME t.x.', 't.x. 5 A 10.0.0.1'])
  }
  t.same(lookup.questions, [])
})

void t.test('cname: the response code is that of the new target; a lookup may come later', async t => {
  const lookup = answering([], { rcode: Rcode.NXDOMAIN })
  const later: Handler = { serve: async (query, reply) => lookup.serve(query, reply) }
  const answer = await askLater(aliased('rewrite cname t.x gone.x', ['@ 5 CNAME t.x.'], later), { name: 'w.x.' })
  t.equal(answer.rcode, Rcode.NXDOMAIN)
  t.same(answer.sections[0], ['w.x. 5 CNAME gone.x.'])
})

void t.test('cname: targets that lead to one another come to an end', async t => {
  const block = setUpBlock('rewrite continue cname a.x b.x\nrewrite cname b.x a.x')
  const next: Handler = {
    serve(query, reply) {
      addRecord(query, reply, formatName(query.name) === 'a.x.' ? '@ 5 CNAME a.x.' : '@ 5 CNAME b.x.')
      return Rcode.NOERROR
    },
  }
  const handler = chain(block, next)
  block.resolver = handler
  const { rcode } = ask(handler, { name: 'w.x.' })
  t.equal(rcode, Rcode.SERVFAIL)
})

void t.test('a query that no rule fits goes on as it is, in the same objects', async t => {
  const query = makeQuery({ name: 'other.example.' })
  let passed: Query | undefined
  const next: Handler = {
    serve(asked) {
      passed = asked
      return Rcode.NXDOMAIN
    },
  }
  const rules = [
    'name a.x b.x',
    'name prefix a b',
    'name suffix .x .y',
    'name substring foo bar',
    'name regex ^zz y',
    'type AAAA A',
  ]
  const handler = chain(setUpBlock(rules.map(rule => `rewrite ${rule}`).join('\n')), next)
  t.equal(handler.serve(query, {} as Reply), Rcode.NXDOMAIN)
  t.equal(passed, query)
})

void t.test('rules of one server block are not those of another', async t => {
  const [first, second] = setUp('a.x {\n rewrite name a.x b.x\n}\nb.x {\n rewrite name a.x c.x\n}')
  const seen = answering(A)
  ask(chain(first, seen), { name: 'a.x.' })
  ask(chain(second, seen), { name: 'a.x.' })
  t.same(seen.questions, ['b.x. 1 1', 'c.x. 1 1'])
})

void t.test('comparing octets comes to the same as comparing text', async t => {
  const octet = fc.constantFrom('a', 'b', '-', '0', '\\.', '1')
  const label = fc.array(octet, { minLength: 1, maxLength: 4 }).map(octets => octets.join(''))
  const name = fc.array(label, { maxLength: 5 }).map(labels => `${labels.join('.')}.`)
  // Long labels have lengths that look like characters.
  const long = fc
    .tuple(fc.integer({ min: 44, max: 60 }), name)
    .map(([length, rest]) => `a.${'b'.repeat(length)}.${rest.replace(/^\.$/, '')}`)
  const piece = fc
    .array(fc.constantFrom('a', 'b', '-', '0', '1', '.'), { maxLength: 5 })
    .map(octets => `${octets.join('')}.`)
  fc.assert(
    fc.property(fc.oneof(name, long), piece, fc.nat({ max: 12 }), (whole, made, cut) => {
      const query = makeQuery({ name: whole })
      const canonical = formatName(lowerName(wire(whole)))
      const text = new QueryText()
      t.equal(text.of(query), canonical)
      for (const part of [made, canonical.slice(cut) || '.']) {
        if (canonical === '.') continue
        const suffix = new NameSuffix(part, '')
        // A cut in front of an escaped dot is not the same text as a cut in front of a dot.
        if (!canonical.includes('\\'))
          t.equal(suffix.fits(query, text), canonical.endsWith(part), `${canonical} ends with ${part}`)
      }
      const prefix = canonical.slice(0, cut)
      for (const part of [made, prefix]) {
        if (part === '.' || part.includes('..') || canonical.includes('\\')) continue
        t.equal(
          new NamePrefix(part, '').fits(query, text),
          canonical.startsWith(part),
          `${canonical} begins with ${part}`,
        )
        t.equal(new NamePart(part, '').fits(query, text), canonical.includes(part))
      }
    }),
    { numRuns: 300 },
  )
})

const mistakes: readonly (readonly [directives: string, message: RegExp])[] = [
  ['rewrite', /^Corefile:2:1: nothing after 'rewrite'; expected a field/],
  ['rewrite nme a b', /^Corefile:2:9: unknown field 'nme' \(did you mean 'name'\?\)/],
  ['rewrite name a', /^Corefile:2:14: nothing after 'a'/],
  ['rewrite name a b answer auto', /^Corefile:2:14: 'a' is no way to match a name/],
  ['rewrite name exact a..b c', /^Corefile:2:20: 'a\.\.b' is not a domain name/],
  ['rewrite name regex ( b', /^Corefile:2:20: .* in '\('; expected a regular expression/],
  ['rewrite name regex a(?=b) c', /^Corefile:2:20: '\(\?=' is not in the syntax of RE2/],
  ['rewrite name regex (a)\\1 c', /^Corefile:2:20: '\\1' is not understood/],
  ['rewrite name regex a(?i)b c', /^Corefile:2:20: '\(\?i\)' is not understood here/],
  ['rewrite name regex (a) {2}', /^Corefile:2:24: '\{2\}' uses the group \{2\}; expected at most \{1\}/],
  ['rewrite name suffix a b auto', /^Corefile:2:25: 'auto' behind the names/],
  ['rewrite name suffix a b answer', /^Corefile:2:25: nothing after 'answer'/],
  ['rewrite name suffix a b answer name x', /^Corefile:2:37: nothing after 'x'/],
  ['rewrite name suffix a b answer other', /^Corefile:2:32: unknown answer rule 'other'/],
  ['rewrite name suffix a b answer auto answer name x y', /'answer auto' beside 'answer name'/],
  ['rewrite name suffix a b metadata', /^Corefile:2:25: metadata in a name that is found by 'suffix'; expected regex/],
  ['rewrite name regex a b metadata x', /^Corefile:2:33: 'x' behind the names/],
  ['rewrite name regex (a) {2}.b metadata', /^Corefile:2:24: '\{2\}' in '\{2\}\.b'; expected .* a group up to \{1\}/],
  ['rewrite name regex a {b}.c metadata', /^Corefile:2:22: '\{b\}' in/],
  ['rewrite name regex a b}.c metadata', /^Corefile:2:22: a brace without its counterpart in 'b\}\.c'/],
  ['rewrite answer auto', /^Corefile:2:9: 'answer' without a name before it/],
  ['rewrite type A', /^Corefile:2:14: nothing after 'A'/],
  ['rewrite type A XX', /^Corefile:2:16: unknown record type 'XX'/],
  ['rewrite type A AAAA B', /^Corefile:2:21: /],
  ['rewrite class IN XX', /^Corefile:2:18: unknown class 'XX'/],
  ['rewrite ttl a.x', /^Corefile:2:13: /],
  ['rewrite ttl a.x 30-3', /^Corefile:2:17: bad TTL '30-3'/],
  ['rewrite ttl a.x -', /bad TTL '-'/],
  ['rewrite ttl any a.x 3', /'any' is no way to match a name/],
  ['rewrite rcode a.x 24 0', /^Corefile:2:19: unknown response code '24'/],
  ['rewrite rcode a.x X NOERROR', /unknown response code 'X'/],
  ['rewrite edns0 local put 1 a', /^Corefile:2:21: unknown action 'put'/],
  ['rewrite edns0 cookie set 1 a', /^Corefile:2:15: unknown option 'cookie'/],
  ['rewrite edns0 local set 65536 a', /^Corefile:2:25: bad value '65536'/],
  ['rewrite edns0 local set 1 0xf', /bad hexadecimal data '0xf'/],
  ['rewrite edns0 local set 1 {x}', /unknown variable '\{x\}'/],
  ['rewrite edns0 local set 1 {kubernetes/}', /unknown variable '\{kubernetes\/\}'/],
  ['rewrite edns0 subnet set 33 0', /^Corefile:2:26: bad value '33'/],
  ['rewrite edns0 local unset 1 revert', /^Corefile:2:29: /],
  ['rewrite cname a.x', /nothing after 'a\.x'/],
  ['rewrite name a b {\n type A AAAA\n}', /^Corefile:3:2: /],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
