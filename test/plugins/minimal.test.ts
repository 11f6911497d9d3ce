import t from 'tap'
import { NO_ANSWER, type Handler } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { type Reply, Section } from '../../src/wire/reply.ts'
import { type Question, ask, askLater, chain, setUpBlock } from './harness.ts'

/** Pairs of a section and a type, in the order of the sections. */
type Records = readonly (readonly [section: Section, type: number])[]

function write(reply: Reply, records: Records): void {
  for (const [section, type] of records) reply.addRecord(section, type, 5, Uint8Array.of(0))
}

const answering = (records: Records, rcode: Rcode = Rcode.NOERROR): Handler => ({
  serve(_, reply) {
    write(reply, records)
    return rcode
  },
})

const ANSWER = [Section.Answer, Type.A] as const
const NS = [Section.Authority, Type.NS] as const
const SOA = [Section.Authority, Type.SOA] as const
const EXTRA = [Section.Additional, Type.AAAA] as const

const cases: { name: string; records: Records; rcode?: Rcode; question?: Question; left: number[] }[] = [
  { name: 'an answer', records: [ANSWER, ANSWER, NS, EXTRA, EXTRA], left: [2, 0, 0] },
  { name: 'an answer with SOA', records: [ANSWER, SOA], left: [1, 0, 0] },
  { name: 'an answer alone', records: [ANSWER], left: [1, 0, 0] },
  { name: 'an empty answer with additional records', records: [EXTRA], left: [0, 0, 0] },
  { name: 'NODATA', records: [SOA, EXTRA], left: [0, 1, 1] },
  { name: 'NXDOMAIN', records: [SOA], rcode: Rcode.NXDOMAIN, left: [0, 1, 0] },
  { name: 'NXDOMAIN behind a CNAME', records: [ANSWER, SOA], rcode: Rcode.NXDOMAIN, left: [1, 1, 0] },
  { name: 'a delegation', records: [NS, NS, EXTRA], left: [0, 2, 1] },
  { name: 'SERVFAIL', records: [NS, EXTRA], rcode: Rcode.SERVFAIL, left: [0, 1, 1] },
  { name: 'REFUSED', records: [EXTRA], rcode: Rcode.REFUSED, left: [0, 0, 1] },
  { name: 'a zone transfer', records: [ANSWER, NS, EXTRA], question: { type: Type.AXFR }, left: [1, 1, 1] },
  { name: 'no answer at all', records: [], rcode: NO_ANSWER, left: [0, 0, 0] },
]
for (const { name, records, rcode, question, left } of cases) {
  void t.test(`${name}: ${left.join(', ')} records are left`, async t => {
    const handler = chain(setUpBlock('minimal'), answering(records, rcode))
    const answer = ask(handler, question)
    t.equal(answer.rcode, rcode ?? Rcode.NOERROR)
    t.same([...answer.reply.counts], left)
    t.equal(answer.reply.truncated, false)
    const length = left[0] + left[1] + left[2]
    t.equal(answer.reply.size, 12 + 17 + 4 + 13 * length)
  })
}

void t.test('an answer that had to be waited for is trimmed too', async t => {
  const handler: Handler = {
    async serve(_, reply) {
      await Promise.resolve()
      write(reply, [ANSWER, NS, EXTRA])
      return Rcode.NOERROR
    },
  }
  t.same([...(await askLater(chain(setUpBlock('minimal'), handler))).reply.counts], [1, 0, 0])
})

void t.test('what is left out neither takes room nor sets TC', async t => {
  const handler: Handler = {
    serve(_, reply) {
      reply.addRecord(Section.Answer, Type.TXT, 5, new Uint8Array(400))
      for (let i = 0; i < 10; i++) reply.addRecord(Section.Additional, Type.TXT, 5, new Uint8Array(100))
      return Rcode.NOERROR
    },
  }
  const { reply } = ask(chain(setUpBlock('minimal'), handler))
  t.same([...reply.counts], [1, 0, 0])
  t.equal(reply.truncated, false)
})

const tooMuch = (rcode: Rcode): Handler => ({
  serve(_, reply) {
    reply.setExtendedError(15, Buffer.alloc(60))
    for (let i = 0; i < 10; i++) reply.addRecord(Section.Answer, Type.TXT, 5, new Uint8Array(88))
    reply.addRecord(Section.Authority, Type.SOA, 5, new Uint8Array(4))
    return rcode
  },
})

void t.test('what is left must fit, beside an extended error too', async t => {
  for (const rcode of [Rcode.NOERROR, Rcode.NXDOMAIN]) {
    const { reply, query } = ask(chain(setUpBlock('minimal'), tooMuch(rcode)), { udpSize: 512 })
    t.same([...reply.counts], [4, 0, 0])
    t.equal(reply.truncated, true)
    t.ok(reply.finish(query, rcode) <= 512)
  }
})

void t.test('arguments and properties are refused', async t => {
  t.throws(() => setUpBlock('minimal x'), /^Corefile:2:9: /)
  t.throws(() => setUpBlock('minimal {\n x\n}'), /^Corefile:3:2: /)
})
