import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildQuery, decode, type Message, type QueryOptions } from '../server/message.ts'
import { Query, Transport } from '../../src/wire/query.ts'
import { Reply, Section } from '../../src/wire/reply.ts'

const reply = new Reply(Buffer.alloc(65_537))

/** Begins a reply to the query, lets `write` fill it, and decodes what comes out. */
function replyTo(
  options: QueryOptions,
  write: (reply: Reply) => void,
  transport: Transport = Transport.UDP,
): Message & { size: number } {
  const query = new Query()
  const message = buildQuery(options)
  query.transport = transport
  query.parse(message, 0, message.length)
  const start = transport === Transport.TCP ? 2 : 0
  reply.begin(query, start)
  write(reply)
  const size = reply.finish(query, query.rcode)
  return { ...decode(reply.bytes.subarray(start, start + size)), size }
}

void t.test('header: id, RD, CD and opcode are copied, AD and RA are not', async t => {
  const message = replyTo({ id: 0xbeef, flags: (4 << 11) | 0x01b0 }, () => {})
  t.match(message, { id: 0xbeef, qr: true, opcode: 4, rd: true, cd: true, ad: false, ra: false, aa: false, tc: false })
  t.match(
    replyTo({}, () => {}),
    { rd: false, cd: false },
  )
})

void t.test("the question keeps the client's spelling", async t => {
  t.same(replyTo({ name: 'wWw.eXample.' }, () => {}).questions, [{ name: 'wWw.eXample.', type: 1, class: 1 }])
})

void t.test('a question that could not be read is left out', async t => {
  t.match(
    replyTo({ qdcount: 2 }, () => {}),
    { rcode: 1, questions: [] },
  )
})

void t.test('BADVERS carries OPT of version 0', async t => {
  const message = replyTo({ edns: { version: 1, size: 4096, dnssecOk: true } }, () => {})
  t.match(message, { rcode: 16, edns: { size: 4096, version: 0, dnssecOk: true } })
})

void t.test('OPT comes back when the query has one, and only then', async t => {
  t.equal(replyTo({}, () => {}).edns, undefined)
  t.same(replyTo({ edns: { size: 1232 } }, () => {}).edns, { size: 1232, version: 0, dnssecOk: false })
})

const sizes: [string, number | undefined, Transport, number][] = [
  ['no EDNS', undefined, Transport.UDP, 512],
  ['EDNS 0', 0, Transport.UDP, 512],
  ['EDNS 511', 511, Transport.UDP, 512],
  ['EDNS 512', 512, Transport.UDP, 512],
  ['EDNS 1232', 1232, Transport.UDP, 1232],
  ['EDNS 65535, which no datagram can carry', 65_535, Transport.UDP, 65_507],
  ['TCP without EDNS', undefined, Transport.TCP, 65_535],
  ['TCP with EDNS 512', 512, Transport.TCP, 65_535],
]
for (const [name, size, transport, limit] of sizes) {
  const edns = size === undefined ? undefined : { size }
  const room = limit - 12 - 17 - (edns ? 11 : 0) - 12
  void t.test(`${name}: what fits to the octet is sent whole`, async t => {
    const message = replyTo({ edns }, reply => reply.addRecord(Section.Answer, 16, 5, new Uint8Array(room)), transport)
    t.equal(message.size, limit)
    t.equal(message.tc, false)
    t.equal(message.answers.length, 1)
    t.equal(message.answers[0].owner, 'www.example.')
    t.equal(message.edns !== undefined, edns !== undefined)
  })
  void t.test(`${name}: one octet more is left out, TC is set, OPT stays`, async t => {
    const message = replyTo(
      { edns },
      reply => reply.addRecord(Section.Answer, 16, 5, new Uint8Array(room + 1)),
      transport,
    )
    t.equal(message.tc, true)
    t.equal(message.answers.length, 0)
    t.equal(message.edns !== undefined, edns !== undefined)
  })
}

/** `count` encoded records with `length` octets of rdata each. */
function encoded(count: number, length: number): Buffer {
  const record = Buffer.alloc(12 + length, 7)
  record.set([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, length >> 8, length & 255])
  return Buffer.concat(Array.from({ length: count }, () => record))
}

void t.test('as many encoded records go in as fit, whole, and TC tells of the rest', async t => {
  fc.assert(
    fc.property(
      fc.nat(60),
      fc.integer({ min: 0, max: 80 }),
      fc.constantFrom(undefined, 512, 1232),
      (count, length, size) => {
        const edns = size === undefined ? undefined : { size }
        const source = Buffer.concat([Buffer.alloc(3), encoded(count, length)])
        let written = 0
        const message = replyTo({ edns }, reply => {
          written = reply.addRecords(Section.Answer, source, 3, source.length - 3, count)
        })
        const room = (size ?? 512) - 12 - 17 - (edns ? 11 : 0)
        assert.equal(written, Math.min(count, Math.floor(room / (12 + length))))
        assert.equal(message.answers.length, written)
        assert.equal(message.tc, written < count)
        assert.ok(message.size <= (size ?? 512))
        assert.equal(message.edns !== undefined, edns !== undefined)
      },
    ),
  )
  t.pass('all of them')
})

void t.test('each section has its own count', async t => {
  const message = replyTo({ edns: {} }, reply => {
    reply.authoritative = true
    reply.addRecords(Section.Answer, encoded(2, 4), 0, 32, 2)
    reply.addRecord(Section.Authority, 6, 5, new Uint8Array(22))
    reply.addRecords(Section.Additional, encoded(3, 4), 0, 48, 3)
  })
  t.equal(message.aa, true)
  t.same([message.answers.length, message.authorities.length, message.additionals.length], [2, 1, 3])
})

void t.test('an answer begun anew leaves nothing of the first', async t => {
  const query = new Query()
  const bytes = buildQuery({ edns: {} })
  query.parse(bytes, 0, bytes.length)
  reply.begin(query)
  reply.author = 3
  reply.authoritative = true
  reply.addRecord(Section.Answer, 1, 5, new Uint8Array(4_000))
  reply.addRecord(Section.Answer, 1, 5, new Uint8Array(4))
  t.equal(reply.truncated, true)
  reply.clear(query)
  t.equal(reply.author, 3)
  const message = decode(reply.bytes.subarray(0, reply.finish(query, 5)))
  t.match(message, { rcode: 5, aa: false, tc: false, answers: [], edns: { size: 1232 } })
})

const EXTENDED_ERROR = { edns: { size: 512 } }
const encodeOption = (infoCode: number, text: string): string => {
  const option = Buffer.alloc(6)
  option.writeUInt16BE(15, 0)
  option.writeUInt16BE(2 + text.length, 2)
  option.writeUInt16BE(infoCode, 4)
  return option.toString('hex') + Buffer.from(text).toString('hex')
}

void t.test('an extended error is the option of OPT', async t => {
  const message = replyTo(EXTENDED_ERROR, reply => reply.setExtendedError(15, Buffer.from('why')))
  t.equal(message.edns?.size, 512)
  t.ok(reply.bytes.toString('hex', 0, message.size).endsWith(`0009${encodeOption(15, 'why')}`))
  const plain = replyTo(EXTENDED_ERROR, reply => reply.setExtendedError(17))
  t.ok(reply.bytes.toString('hex', 0, plain.size).endsWith(`0006${encodeOption(17, '')}`))
})

void t.test('no extended error without EDNS, and none is left for the next reply', async t => {
  const { size } = replyTo({}, () => {})
  t.equal(replyTo({}, reply => reply.setExtendedError(15)).size, size)
  replyTo(EXTENDED_ERROR, reply => reply.setExtendedError(15, Buffer.from('why')))
  t.equal(replyTo(EXTENDED_ERROR, () => {}).size, size + 11)
})

void t.test('an extended error has room beside as many records as fit, and its text gives way', async t => {
  const rdata = new Uint8Array(100)
  const fill = (reply: Reply): void => {
    for (let i = 0; i < 6; i++) reply.addRecord(Section.Answer, 16, 5, rdata)
  }
  const before = replyTo(EXTENDED_ERROR, reply => {
    reply.setExtendedError(15, Buffer.alloc(200))
    fill(reply)
  })
  t.match(before, { tc: true })
  t.equal(before.answers.length, 2)
  t.ok(before.size <= 512)
  const long = replyTo(EXTENDED_ERROR, reply => {
    reply.setExtendedError(15, Buffer.alloc(500))
    fill(reply)
  })
  t.equal(long.answers.length, 4)
  t.ok(long.size <= 512)
  t.ok(reply.bytes.toString('hex', 0, long.size).endsWith(encodeOption(15, '')))
})

void t.test('the size is known before the end', async t => {
  let expected = 0
  const { size } = replyTo(EXTENDED_ERROR, reply => {
    reply.setExtendedError(15, Buffer.from('why'))
    reply.addRecord(Section.Answer, 1, 5, Uint8Array.of(1, 2, 3, 4))
    expected = reply.finishedSize
  })
  t.equal(size, expected)
})

void t.test('a reply that outgrows a short room goes on in a longer one, with everything at its place', async t => {
  const rdata = new Uint8Array(200)
  const query = new Query()
  const message = buildQuery({ edns: { size: 1_232 } })
  query.parse(message, 0, message.length)
  for (const [size, count] of [
    [1_232, 5],
    [65_535, 5],
    [900, 4],
  ]) {
    let moves = 0
    const short = Buffer.alloc(512)
    const growing = new Reply(short, () => (moves++, Buffer.alloc(65_537)))
    growing.begin(query, 2)
    growing.lowerLimit(size)
    growing.addRecord(Section.Answer, 16, 5, rdata)
    t.equal(growing.bytes, short)
    for (let i = 1; i < 20; i++) growing.addRecord(Section.Answer, 16, 5, rdata)
    const length = growing.finish(query, 0)
    const { answers, edns, tc } = decode(growing.bytes.subarray(2, 2 + length))
    t.equal(answers.length, count)
    t.ok(tc)
    t.match(edns, { size: 1_232 })
    t.equal(moves, 1)
  }
})

void t.test('an extended error and a set of records make room for themselves', async t => {
  const query = new Query()
  const message = buildQuery({ edns: { size: 4_096 } })
  query.parse(message, 0, message.length)
  const growing = new Reply(Buffer.alloc(64), () => Buffer.alloc(65_537))
  growing.begin(query)
  growing.setExtendedError(15, Buffer.alloc(600))
  const records = Buffer.concat(Array.from({ length: 10 }, () => Buffer.from('c00c00100001000000050002abcd', 'hex')))
  t.equal(growing.addRecords(Section.Answer, records, 0, records.length, 10), 10)
  const length = growing.finish(query, 0)
  t.equal(decode(growing.bytes.subarray(0, length)).answers.length, 10)
  t.ok(length > 600)
})
