import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatName, parseName } from '../../src/wire/name.ts'
import type { Handler } from '../../src/server/handler.ts'
import { Flag, Rcode, Type } from '../../src/wire/constants.ts'
import { type Reply, Section } from '../../src/wire/reply.ts'
import { type Answer, ask, askLater, chain, setUpBlock } from './harness.ts'

/** Behind autopath: answers these names, and counts what it was asked. */
class Names implements Handler {
  readonly asked: string[] = []
  readonly #names: Readonly<Record<string, Rcode | ((reply: Reply) => Rcode)>>
  readonly #isLate: boolean

  constructor(names: Readonly<Record<string, Rcode | ((reply: Reply) => Rcode)>>, isLate = false) {
    this.#names = names
    this.#isLate = isLate
  }

  serve(...[query, reply]: Parameters<Handler['serve']>): Rcode | Promise<Rcode> {
    const name = formatName(query.name)
    this.asked.push(name)
    const found = this.#names[name]
    const rcode = typeof found === 'function' ? found(reply) : (found ?? missing(reply))
    return this.#isLate ? Promise.resolve(rcode) : rcode
  }
}

const missing = (reply: Reply): Rcode => {
  reply.addRecord(Section.Authority, Type.NS, 60, parseName('ns.missing.')!)
  return Rcode.NXDOMAIN
}
const address = (reply: Reply): Rcode => {
  reply.authoritative = true
  reply.addRecord(Section.Answer, Type.A, 60, Uint8Array.of(192, 0, 2, 7))
  return Rcode.NOERROR
}
const nothing = (reply: Reply): Rcode => {
  reply.addRecord(Section.Authority, Type.NS, 60, parseName('ns.b.')!)
  return Rcode.NOERROR
}

const many = (reply: Reply): Rcode => {
  for (let i = 0; i < 100; i++) reply.addRecord(Section.Answer, Type.A, 60, Uint8Array.of(192, 0, 2, i))
  return Rcode.NOERROR
}

interface Walked extends Answer {
  asked: string[]
  successes: string | undefined
}

async function walk(
  t: Test,
  names: Names,
  name: string,
  { search = 'search a.x. b.x c.', zones = '', isLate = false } = {},
): Promise<Walked> {
  const directory = t.testdir({ 'resolv.conf': `nameserver 10.0.0.1\n${search}\noptions ndots:5\n` })
  const block = setUpBlock(`autopath ${zones} ${join(directory, 'resolv.conf')}`)
  const handler = chain(block, names)
  const answer = isLate ? await askLater(handler, { name, udpSize: 1232 }) : ask(handler, { name, udpSize: 1232 })
  const page = block.process.metrics.render()
  const successes = /^coredns_autopath_success_total\{server="dns:\/\/:53"\} (\d+)$/m.exec(page)?.[1]
  return { ...answer, asked: names.asked, successes }
}

const FOUND = ['www.a.x. 60 CNAME www.b.x.', 'www.b.x. 60 A 192.0.2.7']

interface Case {
  readonly of: string
  readonly names: Readonly<Record<string, Rcode | ((reply: Reply) => Rcode)>>
  readonly name?: string
  readonly search?: string
  readonly zones?: string
  readonly asked: readonly string[]
  readonly rcode?: number
  readonly answer?: readonly string[]
  readonly authority?: readonly string[]
  readonly successes?: string
}

const cases: readonly Case[] = [
  {
    of: 'a name that is there with the first suffix is answered as it is',
    names: { 'www.a.x.': address },
    asked: ['www.a.x.'],
    answer: ['www.a.x. 60 A 192.0.2.7'],
  },
  {
    of: 'the first name that is there is answered, behind a CNAME',
    names: { 'www.b.x.': address, 'www.c.': address },
    asked: ['www.a.x.', 'www.b.x.'],
    answer: FOUND,
  },
  {
    of: 'the walk ends with the name alone',
    names: { 'www.': address },
    asked: ['www.a.x.', 'www.b.x.', 'www.c.', 'www.'],
    answer: ['www.a.x. 60 CNAME www.', 'www. 60 A 192.0.2.7'],
  },
  {
    of: 'the client’s spelling stays',
    names: { 'www.b.x.': address },
    name: 'WwW.A.x.',
    asked: ['www.a.x.', 'www.b.x.'],
    answer: ['WwW.A.x. 60 CNAME WwW.b.x.', 'WwW.b.x. 60 A 192.0.2.7'],
  },
  {
    of: 'a name that is there without such a record is an answer too',
    names: { 'www.b.x.': nothing },
    asked: ['www.a.x.', 'www.b.x.'],
    answer: [],
    authority: ['www.b.x. 60 NS ns.b.'],
  },
  {
    of: 'where nothing is there, the answer to the first name stands',
    names: {},
    asked: ['www.a.x.', 'www.b.x.', 'www.c.', 'www.'],
    rcode: Rcode.NXDOMAIN,
    answer: [],
    authority: ['www.a.x. 60 NS ns.missing.'],
    successes: '0',
  },
  {
    of: 'a failure ends the walk',
    names: { 'www.b.x.': Rcode.SERVFAIL, 'www.c.': address },
    asked: ['www.a.x.', 'www.b.x.'],
    rcode: Rcode.SERVFAIL,
    answer: [],
    successes: '0',
  },
  {
    of: 'several labels are walked as one',
    names: { 'www.example.org.c.': address },
    name: 'www.example.org.a.x.',
    asked: ['www.example.org.a.x.', 'www.example.org.b.x.', 'www.example.org.c.'],
    answer: ['www.example.org.a.x. 60 CNAME www.example.org.c.', 'www.example.org.c. 60 A 192.0.2.7'],
  },
  {
    of: 'a name without the first suffix is none of its business',
    names: {},
    name: 'www.b.x.',
    asked: ['www.b.x.'],
    rcode: Rcode.NXDOMAIN,
    answer: [],
    authority: ['www.b.x. 60 NS ns.missing.'],
    successes: '0',
  },
  {
    of: 'the first suffix itself is asked for as it is',
    names: {},
    name: 'a.x.',
    asked: ['a.x.'],
    rcode: Rcode.NXDOMAIN,
    answer: [],
    authority: ['a.x. 60 NS ns.missing.'],
    successes: '0',
  },
  {
    of: 'an ending that is no label is no suffix',
    names: {},
    name: 'www.aa.x.',
    asked: ['www.aa.x.'],
    rcode: Rcode.NXDOMAIN,
    answer: [],
    authority: ['www.aa.x. 60 NS ns.missing.'],
    successes: '0',
  },
  {
    of: 'names outside of the zones are not walked',
    names: {},
    zones: 'b.x y',
    asked: ['www.a.x.'],
    rcode: Rcode.NXDOMAIN,
    answer: [],
    authority: ['www.a.x. 60 NS ns.missing.'],
    successes: '0',
  },
  {
    of: 'the last line of the file counts',
    names: { 'www.b.x.': address },
    search: 'search c. d.\ndomain z.\nsearch a.x b.x',
    asked: ['www.a.x.', 'www.b.x.'],
    answer: FOUND,
  },
  {
    of: 'names that become too long are left out',
    names: { [`${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.`]: address },
    name: `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.a.x.`,
    search: `search a.x ${'d'.repeat(60)}.${'e'.repeat(60)}`,
    asked: [
      `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.a.x.`,
      `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.`,
    ],
    answer: [
      `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.a.x. 60 CNAME ${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.`,
      `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}. 60 A 192.0.2.7`,
    ],
  },
  {
    of: 'a file without suffixes is no path',
    names: { 'www.a.x.': address },
    search: '',
    asked: ['www.a.x.'],
    answer: ['www.a.x. 60 A 192.0.2.7'],
    successes: '0',
  },
]

for (const {
  of,
  names,
  name = 'www.a.x.',
  asked,
  rcode = Rcode.NOERROR,
  answer,
  authority = [],
  successes = '1',
  ...more
} of cases) {
  for (const isLate of [false, true]) {
    void t.test(isLate ? `${of}, with answers that take their time` : of, async t => {
      const found = await walk(t, new Names(names, isLate), name, { ...more, isLate })
      t.same(found.asked, asked)
      t.equal(found.rcode, rcode)
      t.same(found.sections, [answer, authority, []])
      t.equal(found.successes, successes)
    })
  }
}

// In the question that this answers, the name begins at 12 and the zone c. at 16; the records begin at 23.
const pointing = (reply: Reply): Rcode => {
  reply.addRecord(Section.Answer, Type.CNAME, 30, Uint8Array.of(1, 0x74, 0xc0, 16))
  // Its owner is the target of the CNAME, 35.
  reply.writeRecordHead(0xc000 | 35, Type.SRV, 30, 8)
  for (const octet of [0, 1, 0, 2, 0, 3, 0xc0, 12]) reply.write8(octet)
  reply.counts[Section.Answer]++
  reply.addRecord(Section.Authority, Type.MX, 30, Uint8Array.of(0, 9, 0xc0, 16))
  reply.writeRecordHead(0xc000 | 16, 35, 30, 8)
  for (const octet of [0, 1, 0, 2, 0, 0, 0, 0]) reply.write8(octet)
  reply.counts[Section.Additional]++
  return Rcode.NOERROR
}

void t.test('names within the records lead where they did', async t => {
  for (const hasNaptr of [false, true]) {
    const names = new Names({
      'www.c.': reply => {
        const rcode = pointing(reply)
        // What cannot be moved as it is, is copied.
        if (!hasNaptr) {
          reply.counts[Section.Additional] = 0
          reply.position -= 20
        }
        return rcode
      },
    })
    const { sections } = await walk(t, names, 'www.a.x.')
    t.same(sections[0], ['www.a.x. 30 CNAME www.c.', 'www.c. 30 CNAME t.c.', 't.c. 30 SRV 1 2 3 www.c.'])
    t.same(sections[1], ['www.c. 30 MX 9 c.'])
    t.same(sections[2], hasNaptr ? ['c. 30 NAPTR 0001000200000000'] : [])
  }
})

void t.test('what does not fit is left out, and the reply is marked', async t => {
  const directory = t.testdir({ 'resolv.conf': 'search a.x b.x\n' })
  const names = new Names({ 'www.b.x.': many })
  const { reply, query } = ask(chain(setUpBlock(`autopath ${join(directory, 'resolv.conf')}`), names), {
    name: 'www.a.x.',
  })
  t.equal(reply.headerFlags(query) & Flag.TC, Flag.TC)
  t.equal(reply.counts[Section.Answer], 1 + Math.floor((512 - 12 - 13 - 21) / 16))
  t.ok(reply.finish(query, Rcode.NOERROR) <= 512)
})

void t.test('what bufsize allows stays', async t => {
  const directory = t.testdir({ 'resolv.conf': 'search a.x b.x\n' })
  const block = setUpBlock(`bufsize 600\nautopath ${join(directory, 'resolv.conf')}`)
  const { reply, query } = ask(chain(block, new Names({ 'www.b.x.': many })), { name: 'www.a.x.', udpSize: 4096 })
  t.ok(reply.finish(query, Rcode.NOERROR) <= 600)
})

const mistakes: [directive: string, message: RegExp][] = [
  ['autopath', /^Corefile:2:1: nothing after 'autopath'; expected a file/],
  ['autopath a.x /no/such/file', /^Corefile:2:14: .*\/no\/such\/file/],
  ['autopath a..x @kubernetes', /^Corefile:2:10: /],
  ['autopath @kubernetes', /^Corefile:2:10: the server block has no plugin 'kubernetes' that knows search paths/],
  ['whoami\nautopath @whoami', /^Corefile:3:10: the server block has no plugin 'whoami' that knows search paths/],
  ['autopath @kubernetes {\nx\n}', /^Corefile:3:1: autopath has no properties/],
]

void t.test('a mistake has its place', async t => {
  for (const [directive, message] of mistakes) {
    t.throws(() => chain(setUpBlock(directive), new Names({})), { message }, directive)
  }
})
