import fc from 'fast-check'
import t from 'tap'
import { Answer } from '../../src/upstream/answer.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Query, Transport } from '../../src/wire/query.ts'
import { Reply } from '../../src/wire/reply.ts'
import { type Message, buildQuery, decode, wire } from '../server/message.ts'
import { type AnswerOptions, buildAnswer, opt, record } from './server.ts'

interface Asking {
  name?: string
  size?: number
  transport?: Transport
}

const answer = new Answer()

/** What the client of `name` gets of the message; undefined when it is malformed. */
function relay(
  message: Buffer,
  { name = 'www.example.', size, transport = Transport.UDP }: Asking = {},
): Message | undefined {
  // Neither message nor reply begins where its buffer does.
  const bytes = Buffer.concat([Buffer.alloc(3, 0xff), message, Buffer.alloc(5, 0xff)])
  if (!answer.read(bytes, 3, 3 + message.length)) return undefined
  const query = new Query()
  query.transport = transport
  const asked = buildQuery({ id: 7, flags: 0x0100, name, edns: size === undefined ? undefined : { size } })
  query.parse(asked, 0, asked.length)
  const reply = new Reply(Buffer.alloc(70_000))
  reply.begin(query, 2)
  if (!answer.relay(query, reply)) {
    t.equal(reply.position, 2 + query.questionEnd, 'the reply is as it was')
    return undefined
  }
  const length = reply.finish(query, answer.rcode)
  return decode(reply.bytes.subarray(2, 2 + length))
}

const build = (options: AnswerOptions, name = 'www.example.'): Buffer => buildAnswer(buildQuery({ name }), options)
const A = Uint8Array.of(192, 0, 2, 1)
const pointer = (offset: number): Buffer => Buffer.from([0xc0 | (offset >> 8), offset & 255])
/** The offset of the first record behind the question `www.example.` */
const FIRST = 12 + 13 + 4

const owners = (message: Message | undefined): (string[] | undefined)[] =>
  [message?.answers, message?.authorities, message?.additionals].map(section => section?.map(({ owner }) => owner))

void t.test('records with pointers into the question and into each other are copied', async t => {
  const cname = record(12, Type.CNAME, Buffer.concat([Buffer.from([1, 0x61]), pointer(16)]))
  const message = build({ answers: [cname, record(FIRST + 12, Type.A, A)], additionals: [opt()] })
  const relayed = relay(message, { name: 'WWW.Example.', size: 1232 })
  t.same(owners(relayed), [['WWW.Example.', 'a.Example.'], [], []])
  t.same(relayed?.edns, { size: 1232, version: 0, dnssecOk: false })
  t.equal(relayed?.questions[0].name, 'WWW.Example.')
})

void t.test('pointers stay right when OPT is not the last record', async t => {
  const ns = record('example.', Type.NS, Buffer.concat([Buffer.from([2, 0x6e, 0x73]), pointer(16)]))
  const first = record('a.ns.example.', Type.A, A)
  const before = FIRST + ns.length + opt().length
  const additionals = [opt(), first, record(before, Type.AAAA, new Uint8Array(16))]
  const relayed = relay(build({ authorities: [ns], additionals }), { size: 1232 })
  t.same(owners(relayed), [[], ['example.'], ['a.ns.example.', 'a.ns.example.']])
  t.same(relayed?.authorities[0].rdata, wire('ns.example.'))
})

void t.test('names in rdata are written in full when records move', async t => {
  const back = pointer(16)
  const records = [
    record(12, Type.SOA, Buffer.concat([pointer(12), back, Buffer.alloc(20, 7)])),
    record(12, Type.MX, Buffer.concat([Buffer.from([0, 10]), pointer(12)])),
    record(12, Type.SRV, Buffer.concat([Buffer.alloc(6, 1), back])),
    record(12, Type.TXT, Uint8Array.of(3, 0x61, 0xc0, 0x0c)),
  ]
  const relayed = relay(build({ additionals: [opt(), ...records] }), { size: 1232 })
  t.same(
    relayed?.additionals.map(({ rdata }) => rdata.toString('hex')),
    [
      Buffer.concat([wire('www.example.'), wire('example.'), Buffer.alloc(20, 7)]).toString('hex'),
      Buffer.concat([Buffer.from([0, 10]), wire('www.example.')]).toString('hex'),
      Buffer.concat([Buffer.alloc(6, 1), wire('example.')]).toString('hex'),
      '0361c00c',
    ],
  )
})

void t.test('a pointer that leads forward, into the header or in a circle makes the answer malformed', async t => {
  for (const offset of [FIRST, FIRST + 2, 400, 0, 11]) {
    t.equal(relay(build({ answers: [record(offset, Type.A, A)] })), undefined, String(offset))
  }
  t.equal(relay(build({ answers: [record(12, Type.CNAME, pointer(FIRST + 12))] })), undefined, 'rdata to itself')
  t.equal(relay(build({ answers: [record(12, Type.CNAME, Buffer.from([1, 0x61]))] })), undefined, 'no end')
  const long = wire(`${'a'.repeat(60)}.`.repeat(4))
  const growing = record('x.', Type.CNAME, Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 0x61), pointer(FIRST)]))
  t.equal(
    relay(build({ answers: [record('', Type.CNAME, long)], additionals: [opt(), growing] }), { size: 1232 })?.tc,
    false,
  )
})

void t.test('what does not fit is cut between records, and what comes behind it too', async t => {
  const answers = Array.from({ length: 40 }, (_, i) => record(12, Type.A, Uint8Array.of(10, 0, 0, i)))
  const authorities = [record('example.', Type.NS, wire('ns.example.'))]
  const cut = relay(build({ answers, authorities }))
  t.equal(cut?.tc, true)
  t.same([cut?.answers.length, cut?.authorities.length], [30, 0])
  const whole = relay(build({ answers, authorities }), { transport: Transport.TCP })
  t.equal(whole?.tc, false)
  t.same([whole?.answers.length, whole?.authorities.length], [40, 1])
  const moved = relay(build({ answers, additionals: [opt(), ...answers] }), { size: 1000 })
  t.equal(moved?.tc, true)
  t.same([moved?.answers.length, moved?.additionals.length], [40, 20])
})

void t.test('an answer with TC has the records that are whole, wherever it breaks off', async t => {
  const message = build({ flags: 0x8380, answers: [record(12, Type.A, A), record(12, Type.A, A)] })
  for (let length = FIRST; length < message.length; length++) {
    const relayed = relay(message.subarray(0, length))
    t.equal(relayed?.tc, true)
    t.equal(relayed?.answers.length, length < FIRST + 16 ? 0 : 1)
  }
})

void t.test('flags and rcode come over, the upper bits of the rcode from OPT', async t => {
  const relayed = relay(build({ flags: 0x85b0, rcode: 0, additionals: [opt(1)] }), { size: 1232 })
  t.match(relayed, { aa: true, ra: true, ad: true, rd: true, rcode: Rcode.BADVERS })
  t.match(relay(build({ flags: 0x8000, rcode: 3 })), { aa: false, ra: false, ad: false, rcode: 3 })
})

/** The records; compressed names in rdata aside, which are written in full. */
const text = (message: Message | undefined): string =>
  JSON.stringify(
    [message?.answers, message?.authorities, message?.additionals].map(section =>
      section?.map(({ owner, type, rdata }) => [owner, type, type === Type.CNAME ? '' : rdata.toString('hex')]),
    ),
  )

void t.test('every answer that a decoder reads is relayed as it was read', async () => {
  const label = fc.stringMatching(/^[a-z]{1,5}$/)
  const name = fc.array(label, { maxLength: 4 }).map(labels => labels.map(text => `${text}.`).join('') || '.')
  const rdata = fc.oneof(
    fc.tuple(fc.constant(Type.A), fc.constant(Buffer.from(A))),
    fc.tuple(fc.constantFrom(Type.NS, Type.CNAME, Type.PTR), name.map(wire)),
    fc.tuple(
      fc.constant(Type.CNAME),
      fc.constantFrom(pointer(12), pointer(16), Buffer.concat([wire('x').subarray(0, 2), pointer(16)])),
    ),
    fc.tuple(
      fc.constant(Type.TXT),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map(text => Buffer.from([text.length, ...text])),
    ),
  )
  const owner = fc.oneof(name, fc.constantFrom(12, 16))
  const records = fc.array(
    fc.tuple(owner, rdata).map(([at, [type, bytes]]) => record(at, type, bytes)),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(records, records, records, fc.option(fc.nat(4)), (answers, authorities, rest, optAt) => {
      const additionals = optAt === null ? rest : [...rest.slice(0, optAt), opt(), ...rest.slice(optAt)]
      const message = build({ answers, authorities, additionals })
      const relayed = relay(message, { transport: Transport.TCP, size: 1232 })
      const expected = decode(message)
      return text(relayed) === text(expected)
    }),
  )
})

void t.test('no message, however broken, throws or makes a reply that cannot be read', async () => {
  const base = build({
    answers: [record(12, Type.CNAME, wire('a.b.example.')), record('a.b.example.', Type.A, A)],
    authorities: [record(16, Type.NS, pointer(12))],
    additionals: [opt(), record(12, Type.MX, Buffer.concat([Buffer.from([0, 1]), pointer(12)]))],
  })
  const changes = fc.array(fc.tuple(fc.integer({ min: FIRST, max: base.length - 1 }), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(changes, fc.integer({ min: FIRST, max: base.length }), (list, length) => {
      const message = Buffer.from(base)
      for (const [at, octet] of list) message[at] = octet
      // The decoder throws for what cannot be read, but for pointers that the client would have to follow in a circle.
      try {
        relay(message.subarray(0, length), { size: 1232 })
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'pointer loop') throw error
      }
      return true
    }),
  )
})
