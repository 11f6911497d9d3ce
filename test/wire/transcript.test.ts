import t from 'tap'
import { RecordCursor } from '../../src/wire/cursor.ts'
import { Query } from '../../src/wire/query.ts'
import { Reply, Section } from '../../src/wire/reply.ts'
import { Transcript, UNCHANGED } from '../../src/wire/transcript.ts'
import { buildQuery } from '../server/message.ts'

void t.test('rdata whose names do not fit into it breaks the copy, and nothing is written', async t => {
  const question = buildQuery({ name: 'a.' })
  const query = new Query()
  query.parse(question, 0, question.length)
  const reply = new Reply(Buffer.alloc(512))
  for (const [type, rdata] of [
    [5, [1, 0x61]],
    [15, [0]],
    [6, [0, 1, 0x61]],
    [35, [0, 1, 0, 1, 9, 1]],
  ] as const) {
    reply.begin(query)
    const { position } = reply
    const record = Buffer.from([0, 0, type, 0, 1, 0, 0, 0, 1, 0, rdata.length, ...rdata])
    const source = Buffer.concat([Buffer.alloc(12), record])
    const cursor = new RecordCursor()
    cursor.reset(source, 12, source.length, 1, 0, 0)
    t.ok(cursor.next())
    const transcript = new Transcript(query, reply)
    t.notOk(transcript.add(source, 0, cursor, Section.Answer, UNCHANGED))
    t.match(
      { isBroken: transcript.isBroken, position: reply.position, count: reply.counts[0] },
      { isBroken: true, position, count: 0 },
    )
  }
})
