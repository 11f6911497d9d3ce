import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildOpt, buildQuery, wire } from '../server/message.ts'
import { hashName, formatName } from '../../src/wire/name.ts'
import { Query, Verdict } from '../../src/wire/query.ts'

const { Answer, Reject, Ignore } = Verdict
const QR = 0x8000
const record = (owner: number[], type = 1): Buffer => Buffer.from([...owner, 0, type, 0, 1, 0, 0, 0, 0, 0, 1, 9])
const longName = (lastLabel: number): Buffer => wire(`${`${'a'.repeat(63)}.`.repeat(3)}${'b'.repeat(lastLabel)}`)

const cases: { name: string; message: Buffer; verdict: Verdict; rcode?: number }[] = [
  { name: 'a plain query', message: buildQuery(), verdict: Answer },
  { name: 'the root', message: buildQuery({ name: '.' }), verdict: Answer },
  { name: 'with EDNS', message: buildQuery({ edns: {} }), verdict: Answer },
  {
    name: 'a NOTIFY with its SOA',
    message: buildQuery({ flags: 4 << 11, ancount: 1, records: record([0xc0, 12], 6) }),
    verdict: Answer,
  },
  {
    name: 'one authority record, as IXFR has it',
    message: buildQuery({ nscount: 1, records: record([0xc0, 12], 6) }),
    verdict: Answer,
  },
  { name: 'octets after the message', message: Buffer.concat([buildQuery(), Buffer.alloc(9)]), verdict: Answer },
  {
    name: 'a record whose owner points to itself',
    message: buildQuery({ ancount: 1, records: record([0xc0, 29]) }),
    verdict: Answer,
  },
  { name: 'a name of 255 octets', message: buildQuery({ rawName: longName(61) }), verdict: Answer },
  { name: 'nothing', message: Buffer.alloc(0), verdict: Ignore },
  { name: '11 octets', message: buildQuery().subarray(0, 11), verdict: Ignore },
  { name: 'an answer', message: buildQuery({ flags: QR }), verdict: Ignore },
  { name: 'an answer to an unknown opcode', message: buildQuery({ flags: QR | (5 << 11) }), verdict: Ignore },
  { name: 'opcode UPDATE', message: buildQuery({ flags: 5 << 11 }), verdict: Reject, rcode: 4 },
  { name: 'opcode IQUERY', message: buildQuery({ flags: 1 << 11 }), verdict: Reject, rcode: 4 },
  { name: 'opcode 15', message: buildQuery({ flags: 15 << 11 }), verdict: Reject, rcode: 4 },
  { name: 'no question', message: buildQuery({ qdcount: 0 }), verdict: Reject, rcode: 1 },
  { name: 'two questions', message: buildQuery({ qdcount: 2 }), verdict: Reject, rcode: 1 },
  {
    name: 'two answers',
    message: buildQuery({ ancount: 2, records: Buffer.concat([record([0]), record([0])]) }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'two authorities',
    message: buildQuery({ nscount: 2, records: Buffer.concat([record([0]), record([0])]) }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'three additionals',
    message: buildQuery({ arcount: 3, records: Buffer.concat([record([0]), record([0]), record([0])]) }),
    verdict: Reject,
    rcode: 1,
  },
  { name: 'an answer that is not there', message: buildQuery({ ancount: 1 }), verdict: Reject, rcode: 1 },
  {
    name: 'rdata beyond the end',
    message: buildQuery({ ancount: 1, records: record([0]).subarray(0, -1) }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'a question that points to itself',
    message: buildQuery({ rawName: Buffer.from([0xc0, 12]) }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'a question that points forward',
    message: buildQuery({ rawName: Buffer.from([1, 97, 0xc0, 16]) }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'a label of 64 octets',
    message: buildQuery({ rawName: Buffer.from([64, ...Array(64).fill(97), 0]) }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'a label type of 10',
    message: buildQuery({ rawName: Buffer.from([0x80, 97, 0]) }),
    verdict: Reject,
    rcode: 1,
  },
  { name: 'a name of 256 octets', message: buildQuery({ rawName: longName(62) }), verdict: Reject, rcode: 1 },
  { name: 'two OPTs', message: buildQuery({ arcount: 2, records: buildOpt({}), edns: {} }), verdict: Reject, rcode: 1 },
  {
    name: 'an OPT that is not at the root',
    message: buildQuery({ edns: { owner: [1, 97, 0] } }),
    verdict: Reject,
    rcode: 1,
  },
  {
    name: 'an OPT with a pointer as owner',
    message: buildQuery({ edns: { owner: [0xc0, 12] } }),
    verdict: Reject,
    rcode: 1,
  },
  { name: 'EDNS version 1', message: buildQuery({ edns: { version: 1 } }), verdict: Reject, rcode: 16 },
]

for (const { name, message, verdict, rcode } of cases) {
  void t.test(name, async t => {
    const query = new Query()
    // What an earlier message left must not matter.
    query.parse(buildQuery({ edns: { version: 1, dnssecOk: true, size: 4096 } }), 0, 40)
    t.equal(query.parse(message, 0, message.length), verdict)
    if (verdict !== Ignore) t.equal(query.rcode, rcode ?? 0)
  })
}

void t.test('a message cut anywhere is not answered as if it were whole', async t => {
  const query = new Query()
  const message = buildQuery({ edns: { dnssecOk: true } })
  for (let end = 0; end < message.length; end++) {
    t.equal(query.parse(message.subarray(0, end), 0, end), end < 12 ? Ignore : Reject, `${end} octets`)
  }
})

void t.test('the question is read', async t => {
  const query = new Query()
  const message = buildQuery({ id: 0xabcd, name: 'WwW.Example.', type: 28, class: 3 })
  query.parse(message, 0, message.length)
  t.equal(query.id, 0xabcd)
  t.equal(formatName(query.name), 'www.example.')
  t.equal(query.nameLength, 13)
  t.same(query.labels.subarray(0, query.labelCount), [0, 4])
  t.equal(query.nameHash, hashName(wire('www.example.'), 0, 13))
  t.equal(query.qtype, 28)
  t.equal(query.qclass, 3)
  t.equal(query.questionEnd, message.length)
  t.equal(query.size, message.length)
})

void t.test('a name of 127 labels is read', async t => {
  const query = new Query()
  const message = buildQuery({ name: 'a.'.repeat(127) })
  t.equal(query.parse(message, 0, message.length), Answer)
  t.equal(query.labelCount, 127)
  t.equal(query.nameLength, 255)
})

void t.test('EDNS is read', async t => {
  for (const [size, expected] of [
    [0, 512],
    [511, 512],
    [512, 512],
    [1232, 1232],
    [65_535, 65_535],
  ]) {
    const query = new Query()
    const message = buildQuery({ edns: { size, dnssecOk: true } })
    query.parse(message, 0, message.length)
    t.equal(query.hasEdns, true)
    t.equal(query.udpSize, expected)
    t.equal(query.dnssecOk, true)
  }
  const query = new Query()
  const message = buildQuery()
  query.parse(message, 0, message.length)
  t.equal(query.hasEdns, false)
  t.equal(query.udpSize, 512)
  t.equal(query.dnssecOk, false)
})

const fields = (query: Query): unknown => [
  query.rcode,
  query.questionEnd === 0 ? 'unread' : query.questionEnd - query.start,
  query.labelCount,
  query.hasEdns,
  query.udpSize,
  query.dnssecOk,
  Buffer.from(query.name.subarray(0, query.nameLength)).toString('hex'),
]

void t.test('nothing outside the message is read', async t => {
  const mutated = fc
    .tuple(
      fc.constantFrom(...cases.map(({ message }) => message)),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }),
      fc.nat(300),
    )
    .map(([message, changes, end]) => {
      const bytes = Buffer.from(message.subarray(0, Math.max(0, message.length - (end % 40))))
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), fc.nat(255), (message, filler) => {
      const alone = new Query()
      const verdict = alone.parse(message, 0, message.length)
      const within = new Query()
      const bytes = new Uint8Array(message.length + 700).fill(filler)
      bytes.set(message, 100)
      assert.equal(within.parse(bytes, 100, 100 + message.length), verdict)
      if (message.length >= 12 && verdict !== Ignore) assert.deepEqual(fields(within), fields(alone))
    }),
    { numRuns: 2_000 },
  )
  t.pass('all of them')
})
