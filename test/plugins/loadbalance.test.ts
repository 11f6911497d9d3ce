import { rmSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { hashName, parseName } from '../../src/wire/name.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { type Reply, Section } from '../../src/wire/reply.ts'
import { WeightFile, parseWeights } from '../../src/plugins/loadbalance/weights.ts'
import { ask, askLater, chain, setUpBlock, start, stop } from './harness.ts'

const QUESTION = 0xc00c

type Owner = number | string

function addRecord(reply: Reply, section: Section, owner: Owner, type: number, rdata: Uint8Array, ttl = 5): void {
  if (typeof owner === 'string') {
    const name = parseName(owner)
    if (!name) throw new Error(`not a name: ${owner}`)
    reply.copy(Buffer.from(name), 0, name.length)
  } else {
    reply.write16(owner)
  }
  reply.write16(type)
  reply.write16(1)
  reply.write32(ttl)
  reply.write16(rdata.length)
  reply.copy(Buffer.from(rdata), 0, rdata.length)
  reply.counts[section]++
}

function addAddress(reply: Reply, section: Section, owner: Owner, text: string, ttl?: number): void {
  const octets = parseAddress(text)
  if (!octets) throw new Error(`not an address: ${text}`)
  addRecord(reply, section, owner, octets.length === 4 ? Type.A : Type.AAAA, octets, ttl)
}

const name = (text: string): Uint8Array => parseName(text) ?? new Uint8Array(1)

function answering(write: (reply: Reply) => void, rcode: Rcode = Rcode.NOERROR): Handler {
  return {
    serve(_, reply) {
      write(reply)
      return rcode
    },
  }
}

const manyAddresses = answering(reply => {
  for (let i = 1; i <= 4; i++) addAddress(reply, Section.Answer, QUESTION, `10.0.0.${i}`)
})

/** What the sections look like over many queries: each distinct one, and how often it came. */
function sample(handler: Handler, section: number, count: number, type: number = Type.A): Map<string, number> {
  const seen = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const text = ask(handler, { type }).sections[section].join(', ')
    seen.set(text, (seen.get(text) ?? 0) + 1)
  }
  return seen
}

void t.test('every order of the addresses comes about as often', async t => {
  const seen = sample(chain(setUpBlock('loadbalance'), manyAddresses), 0, 4_800)
  t.equal(seen.size, 24)
  // 200 expected; the chance of one order being outside of this by accident is below 1 in 10^9.
  for (const count of seen.values()) t.ok(count > 100 && count < 300)
})

void t.test('round_robin is the same as no policy', async t => {
  t.ok(sample(chain(setUpBlock('loadbalance round_robin'), manyAddresses), 0, 500).size > 1)
})

void t.test('CNAMEs stay first, and each owner keeps its own addresses', async t => {
  const handler = chain(
    setUpBlock('loadbalance'),
    answering(reply => {
      addRecord(reply, Section.Answer, QUESTION, Type.CNAME, name('web.example.net.'))
      const target = 0xc000 | (reply.position - reply.start - name('web.example.net.').length)
      addAddress(reply, Section.Answer, target, '10.0.0.1')
      addAddress(reply, Section.Answer, target, '10.0.0.2')
      addAddress(reply, Section.Additional, 'a.example.net.', '10.1.0.1')
      addAddress(reply, Section.Additional, 'b.example.net.', '10.1.0.2')
      addAddress(reply, Section.Additional, 'b.example.net.', '10.1.0.3', 6)
      addAddress(reply, Section.Additional, 'b.example.net.', '2001:db8::1')
    }),
  )
  t.same([...sample(handler, 0, 100).keys()].sort(), [
    'www.example.org. 5 CNAME web.example.net., web.example.net. 5 A 10.0.0.1, web.example.net. 5 A 10.0.0.2',
    'www.example.org. 5 CNAME web.example.net., web.example.net. 5 A 10.0.0.2, web.example.net. 5 A 10.0.0.1',
  ])
  t.same([...sample(handler, 2, 100).keys()].sort(), [
    'a.example.net. 5 A 10.1.0.1, b.example.net. 5 A 10.1.0.2, b.example.net. 6 A 10.1.0.3, b.example.net. 5 AAAA 2001:db8::1',
    'a.example.net. 5 A 10.1.0.1, b.example.net. 6 A 10.1.0.3, b.example.net. 5 A 10.1.0.2, b.example.net. 5 AAAA 2001:db8::1',
  ])
})

void t.test('whatever is shuffled, the records are the same ones', async t => {
  const record = fc.record({
    owner: fc.constantFrom<Owner>(QUESTION, 'a.example.', 'b.example.', 'bb.example.'),
    address: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::1', '2001:db8::2'),
    ttl: fc.integer({ min: 0, max: 3 }),
    section: fc.constantFrom(Section.Answer, Section.Authority, Section.Additional),
  })
  const handlerFor = (records: { owner: Owner; address: string; ttl: number; section: Section }[]): Handler =>
    answering(reply => {
      const ordered = records.toSorted((a, b) => a.section - b.section)
      for (const { owner, address, ttl, section } of ordered) addAddress(reply, section, owner, address, ttl)
    })
  const block = setUpBlock('loadbalance {\n prefer 10.0.0.2/31\n}')
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), records => {
      const plain = ask(handlerFor(records)).sections
      const shuffled = ask(chain(block, handlerFor(records))).sections
      t.same(
        shuffled.map(section => section.toSorted()),
        plain.map(section => section.toSorted()),
      )
    }),
    { numRuns: 200 },
  )
})

const untouched: { name: string; handler: Handler; type?: number }[] = [
  { name: 'a zone transfer', handler: manyAddresses, type: Type.AXFR },
  { name: 'an incremental zone transfer', handler: manyAddresses, type: Type.IXFR },
  {
    name: 'a reply that is not NOERROR',
    handler: answering(reply => {
      addAddress(reply, Section.Answer, QUESTION, '10.0.0.1')
      addAddress(reply, Section.Answer, QUESTION, '10.0.0.2')
    }, Rcode.NXDOMAIN),
  },
  {
    name: 'MX records of unequal length',
    handler: answering(reply => {
      addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 1, 1, 0x61, 0))
      addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 1, 2, 0x61, 0x61, 0))
    }),
  },
  {
    name: 'MX records that other records point into',
    handler: answering(reply => {
      addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 1, 1, 0x61, 0))
      const target = 0xc000 | (reply.position - reply.start - 3)
      addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 1, 1, 0x62, 0))
      addAddress(reply, Section.Additional, target, '10.0.0.1')
    }),
  },
  {
    name: 'MX records that share the end of a name',
    handler: answering(reply => {
      addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 1, 1, 0x61, 1, 0x63, 0))
      const end = 0xc000 | (reply.position - reply.start - 3)
      const rdata = Uint8Array.of(0, 1, 2, 0x62, 0x62, end >> 8, end & 255)
      addRecord(reply, Section.Answer, QUESTION, Type.MX, rdata)
    }),
  },
  {
    name: 'records of other types',
    handler: answering(reply => {
      addRecord(reply, Section.Answer, QUESTION, Type.TXT, Uint8Array.of(1, 0x61))
      addRecord(reply, Section.Answer, QUESTION, Type.TXT, Uint8Array.of(1, 0x62))
    }),
  },
]
for (const { name, handler, type } of untouched) {
  void t.test(`${name}: the order stays`, async t => {
    const before = ask(handler, { type }).sections[0].join(', ')
    t.same([...sample(chain(setUpBlock('loadbalance'), handler), 0, 50, type).keys()], [before])
  })
}

void t.test('MX records of equal length are shuffled when nothing points into them', async t => {
  const handler = answering(reply => {
    addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 1, 1, 0x61, 0xc0, 0x0c))
    addRecord(reply, Section.Answer, QUESTION, Type.MX, Uint8Array.of(0, 2, 1, 0x62, 0xc0, 0x0c))
  })
  t.equal(sample(chain(setUpBlock('loadbalance'), handler), 0, 100, Type.MX).size, 2)
})

/** Which of the networks below the address of a record is in. */
function network(record: string): string {
  const address = record.split(' ')[3]
  if (/^10\.9\.2[0-3]\./.test(address)) return 'first'
  if (address.startsWith('192.168.1.')) return 'second'
  return address.startsWith('2001:db8:1:7') ? 'v6 first' : 'other'
}

void t.test('addresses of the preferred networks come first, in the order of the networks', async t => {
  const block = setUpBlock('loadbalance {\n prefer 10.9.20.0/22 192.168.1.0/24\n prefer 2001:db8:1::/33\n}')
  const handler = chain(
    block,
    answering(reply => {
      for (const text of ['10.0.0.1', '192.168.1.1', '10.9.23.1', '10.9.20.1', '10.9.24.1']) {
        addAddress(reply, Section.Answer, QUESTION, text)
      }
      addAddress(reply, Section.Answer, QUESTION, '2001:db9::1')
      addAddress(reply, Section.Answer, QUESTION, '2001:db8:1:7fff::1')
    }),
  )
  const kinds = new Set<string>()
  const orders = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const [answer] = ask(handler).sections
    orders.add(answer.join())
    kinds.add(answer.map(network).join(', '))
  }
  t.same([...kinds], ['first, first, second, other, other, v6 first, other'])
  // Two orders of the first network, two of the others.
  t.equal(orders.size, 4)
})

void t.test('an answer that comes later is shuffled too', async t => {
  const later: Handler = { serve: async (query, reply) => manyAddresses.serve(query, reply) }
  const handler = chain(setUpBlock('loadbalance'), later)
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) seen.add((await askLater(handler)).sections[0].join())
  t.ok(seen.size > 1)
})

const mistakes: [directives: string, message: RegExp][] = [
  ['loadbalance weighted', /^Corefile:2:13: nothing after 'weighted'; expected the weight file/],
  ['loadbalance weighted a b', /^Corefile:2:24: /],
  ['loadbalance weighted a {\n reload x\n}', /^Corefile:3:9: /],
  ['loadbalance weighted a {\n prefer 10.0.0.0/8\n}', /^Corefile:3:2: unknown property 'prefer'/],
  ['loadbalance random', /^Corefile:2:13: unknown policy 'random'; expected round_robin/],
  ['loadbalance round_robin x', /^Corefile:2:25: /],
  ['loadbalance {\n prefer 10.0.0.1\n}', /^Corefile:3:9: bad network '10.0.0.1'; expected ADDRESS\/LENGTH/],
  ['loadbalance {\n prefer 10.0.0.0/33\n}', /^Corefile:3:9: /],
  ['loadbalance {\n reload 30s\n}', /^Corefile:3:2: unknown property 'reload'/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}

/** How often each address came first, in so many answers. */
function countFirst(handler: Handler, times: number, section = 0, type?: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i < times; i++) {
    const [first] = ask(handler, { type }).sections[section]
    const address = first.split(' ')[3]
    counts.set(address, (counts.get(address) ?? 0) + 1)
  }
  return counts
}

const threeAddresses = answering(reply => {
  for (const last of [1, 2, 3]) addAddress(reply, Section.Answer, QUESTION, `100.64.1.${last}`)
})

async function weigh(t: Test, weights: string, handler: Handler): Promise<Handler> {
  const block = setUpBlock(`loadbalance weighted ${t.testdir({ weights })}/weights`)
  await start(block)
  t.teardown(() => stop(block))
  return chain(block, handler)
}

void t.test(
  'weighted: each address comes first as often as its weight says, one without a weight as with 1',
  async t => {
    const handler = await weigh(
      t,
      '# the example\n\nother.org\n100.64.1.1 200\nWWW.example.org\n100.64.1.1 3\n100.64.1.3\t2\n',
      threeAddresses,
    )
    const counts = countFirst(handler, 6_000)
    // 3000, 1000 and 2000 expected; the chance of being outside by accident is below 1 in 10^9.
    t.ok(Math.abs((counts.get('100.64.1.1') ?? 0) - 3000) < 250)
    t.ok(Math.abs((counts.get('100.64.1.2') ?? 0) - 1000) < 200)
    t.ok(Math.abs((counts.get('100.64.1.3') ?? 0) - 2000) < 250)
  },
)

void t.test('weighted: the address that was first takes the place of the one that is', async t => {
  const handler = await weigh(t, 'www.example.org\n100.64.1.3 255\n', threeAddresses)
  const orders = [...sample(handler, 0, 2_000).keys()].map(order => order.replaceAll(/[^,]*100\.64\.1\./g, ''))
  t.same(orders.sort(), ['1,2,3', '2,1,3', '3,2,1'])
})

void t.test(
  'weighted: names without weights are as likely, by their own names; other questions stay as they are',
  async t => {
    const srv = answering(reply => {
      for (const owner of ['a.example.org.', 'b.example.org.']) {
        for (const last of [1, 2]) addAddress(reply, Section.Additional, owner, `100.64.1.${last}`)
      }
      addAddress(reply, Section.Additional, 'b.example.org.', '2001:db8::1')
      addAddress(reply, Section.Additional, 'b.example.org.', '2001:db8::2')
    })
    const weights = 'b.example.org\n2001:db8::2 255\n'
    const handler = await weigh(t, weights, srv)
    const counts = countFirst(handler, 400, 2, Type.SRV)
    t.ok((counts.get('100.64.1.1') ?? 0) > 100 && (counts.get('100.64.1.2') ?? 0) > 100)
    let first = 0
    for (let i = 0; i < 100; i++) if (ask(handler, { type: Type.SRV }).sections[2][4].endsWith('2001:db8::2')) first++
    t.ok(first > 80)
    t.equal(sample(await weigh(t, 'www.example.org\n100.64.1.3 255\n', threeAddresses), 0, 100, Type.MX).size, 1)
  },
)

void t.test('weighted: the file is read again; a wrong one changes nothing and is told of once', async t => {
  const path = `${t.testdir()}/weights`
  const block = setUpBlock(`loadbalance weighted ${path}`)
  const { log, lines } = block.process
  const file = new WeightFile(path, log)
  t.teardown(() => file.stop())
  await file.start(1_000_000)
  await file.refresh()
  t.equal(lines.length, 1)
  t.match(lines[0], /^warn plugin\/loadbalance: the weight file .* cannot be read: ENOENT/)
  writeFileSync(path, 'a.example\n10.0.0.1 7\n')
  await file.refresh()
  const name = parseName('a.example.') ?? new Uint8Array(1)
  const find = (): unknown => file.find(name, name.length, hashName(name, 0, name.length))?.weights[0].value
  t.equal(find(), 7)
  writeFileSync(path, 'a.example\n10.0.0.1 0\n')
  await file.refresh()
  await file.refresh()
  t.equal(find(), 7)
  t.match(lines.slice(1), [
    /^info .*Successfully reloaded/,
    /^warn .*weights:2: bad weight '0'; expected 1 to 255; the weights stay/,
  ])
  rmSync(path)
  await file.refresh()
  t.equal(find(), 7)
})

void t.test('weighted: a wrong file ends the start, and so does a missing one that is not looked at again', async t => {
  const dir = t.testdir({ wrong: '10.0.0.1 1\n' })
  await t.rejects(start(setUpBlock(`loadbalance weighted ${dir}/wrong`)), /wrong:1: an address before the first name/)
  await t.rejects(start(setUpBlock(`loadbalance weighted ${dir}/none {\n reload 0\n}`)), /cannot be read: ENOENT/)
})

const badWeights: [text: string, message: string][] = [
  ['10.0.0.1', 'f:1: the address 10.0.0.1 has no weight'],
  ['a..b', "f:1: 'a..b' is not a domain name"],
  ['a\n\nb 3', "f:3: 'b' is not an IP address"],
  ['a\n10.0.0.1 256', "f:2: bad weight '256'; expected 1 to 255"],
  ['a\n10.0.0.1 x', "f:2: bad weight 'x'; expected 1 to 255"],
  ['a\n10.0.0.1 1 2', "f:2: '10.0.0.1 1 2' is neither a name nor an address with its weight"],
]
for (const [text, message] of badWeights) {
  void t.test(`a weight file with ${message}`, async t => {
    t.throws(() => parseWeights(text, 'f'), { message })
  })
}
