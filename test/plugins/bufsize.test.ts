import t from 'tap'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { Section } from '../../src/wire/reply.ts'
import type { Handler } from '../../src/server/handler.ts'
import { type Question, ask, chain, setUpBlock } from './harness.ts'

const manyRecords: Handler = {
  serve(_, reply) {
    for (let i = 0; i < 100; i++) reply.addRecord(Section.Answer, Type.TXT, 5, new Uint8Array(88))
    return Rcode.NOERROR
  },
}

const cases: { directive: string; question: Question; told: number; records: number }[] = [
  { directive: 'bufsize', question: { udpSize: 4096 }, told: 1232, records: 11 },
  { directive: 'bufsize', question: { udpSize: 1232 }, told: 1232, records: 11 },
  { directive: 'bufsize', question: { udpSize: 600 }, told: 600, records: 5 },
  { directive: 'bufsize 512', question: { udpSize: 1232 }, told: 512, records: 4 },
  { directive: 'bufsize 4096', question: { udpSize: 65_535 }, told: 4096, records: 40 },
  { directive: 'bufsize 512', question: { udpSize: 1232, transport: Transport.TCP }, told: 512, records: 100 },
  { directive: 'bufsize 1232', question: {}, told: 512, records: 4 },
]
for (const { directive, question, told, records } of cases) {
  void t.test(`${directive}: ${JSON.stringify(question)}`, async t => {
    const { reply, query } = ask(chain(setUpBlock(directive), manyRecords), question)
    t.equal(reply.counts[Section.Answer], records)
    t.equal(query.udpSize, told)
    const length = reply.finish(query, Rcode.NOERROR)
    if (question.udpSize !== undefined) t.equal(reply.bytes.readUInt16BE(reply.start + length - 8), told)
  })
}

const mistakes: [directive: string, message: RegExp][] = [
  ['bufsize 511', /^Corefile:2:9: bad value '511'; expected an integer from 512 to 4096/],
  ['bufsize 4097', /^Corefile:2:9: /],
  ['bufsize big', /^Corefile:2:9: /],
  ['bufsize 512 513', /^Corefile:2:13: /],
  ['bufsize {\n x\n}', /^Corefile:3:2: /],
]
for (const [directive, message] of mistakes) {
  void t.test(`refused: ${directive}`, async t => {
    t.throws(() => setUpBlock(directive), message)
  })
}
