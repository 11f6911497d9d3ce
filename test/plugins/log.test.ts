import t from 'tap'
import { NO_HANDLER, type Handler } from '../../src/server/handler.ts'
import { Flag, Opcode, Rcode, Type } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { Section } from '../../src/wire/reply.ts'
import { ask, askLater, chain, type Question, setUpBlock } from './harness.ts'

/** The last field of the common format, which is another each time. */
const DURATION = /^0\.\d{1,9}s$/

function answering(rcode: Rcode, records: [section: Section, type: number][] = []): Handler {
  return {
    serve(_, reply) {
      reply.authoritative = true
      for (const [section, type] of records) reply.addRecord(section, type, 5, Uint8Array.of(192, 0, 2, 1))
      return rcode
    },
  }
}
const address = answering(Rcode.NOERROR, [[Section.Answer, Type.A]])

function logged(directives: string, question: Question = {}, last: Handler = address): string[] {
  const block = setUpBlock(directives)
  ask(chain(block, last), question)
  return block.process.lines
}

void t.test('the common format is CoreDNS’s line', async t => {
  const [line] = logged('log', { name: 'Example.org.', udpSize: 4096, client: '::1', port: 50_759 })
  const at = line.lastIndexOf(' ')
  t.equal(line.slice(0, at), 'info [::1]:50759 - 4242 "A IN example.org. udp 40 false 4096" NOERROR qr,aa,rd 56')
  t.match(line.slice(at + 1), DURATION)
})

const fields: { format: string; question?: Question; last?: Handler; text: string }[] = [
  { format: '{remote}:{port}', text: '192.0.2.1:40212' },
  { format: '{remote}', question: { client: '2001:db8::1' }, text: '[2001:db8::1]' },
  { format: '{local}', text: '-' },
  { format: '{>id} {>opcode}', text: '4242 0' },
  { format: '{>opcode}', question: { opcode: Opcode.NOTIFY }, text: '4' },
  { format: '{type} {class} {name}', question: { name: 'A.B.', type: 65_280 }, text: 'TYPE65280 IN a.b.' },
  { format: '{name}', question: { name: '.' }, text: '.' },
  { format: '{proto} {>bufsize}', text: 'udp 512' },
  { format: '{proto} {>bufsize}', question: { transport: Transport.TCP, udpSize: 1232 }, text: 'tcp 65535' },
  { format: '{>do} {>bufsize}', question: { udpSize: 1232, dnssecOk: true }, text: 'true 1232' },
  { format: '{>bufsize}', question: { udpSize: 100 }, text: '512' },
  { format: '{size} {rsize}', text: '33 49' },
  { format: '{size} {rsize}', question: { udpSize: 1232 }, text: '44 60' },
  { format: '{rcode} {>rflags}', last: NO_HANDLER, text: 'SERVFAIL qr,rd' },
  { format: '{rcode} {>rflags}', question: { flags: 0 }, last: answering(Rcode.NXDOMAIN), text: 'NXDOMAIN qr,aa' },
  { format: '{rcode}', last: answering(3841), text: 'RCODE3841' },
  {
    format: '{>rflags}',
    question: { flags: Flag.RD | Flag.CD | Flag.AD },
    last: {
      serve(_, reply) {
        reply.truncated = true
        reply.recursionAvailable = true
        return Rcode.NOERROR
      },
    },
    text: 'qr,tc,rd,ra,cd',
  },
  { format: '{/log/type} {/log/class} {/other/label}', text: 'NOERROR success -' },
  { format: 'a } b {nothing} { {type} } {toString}', text: 'a } b {nothing} { A } {toString}' },
]
for (const { format, question, last, text } of fields) {
  void t.test(`${format} becomes ${text}`, async t => {
    t.same(logged(`log . "${format}"`, question, last), [`info ${text}`])
  })
}

void t.test('{combined} is the common format and the opcode', async t => {
  const [line] = logged('log . "{combined} end"')
  t.match(line, / NOERROR qr,aa,rd 49 0\.\d{1,9}s "0" end$/)
})

void t.test('a format alone is for all names', async t => {
  t.same(logged('log {name}'), ['info www.example.org.'])
})

void t.test('names bound what is logged; the first rule that fits decides', async t => {
  const directives = 'log example.org EXAMPLE.net. "first {name}" {\n class denial\n}\nlog . "second {name}"'
  t.same(logged(directives), [], 'the first rule fits, and leaves the class out')
  t.same(logged(directives, {}, answering(Rcode.NXDOMAIN)), ['info first www.example.org.'])
  t.same(logged(directives, { name: 'example.net.' }, answering(Rcode.NXDOMAIN)), ['info first example.net.'])
  t.same(logged(directives, { name: 'badexample.org.' }), ['info second badexample.org.'])
  t.same(logged('log example.org', { name: 'example.net.' }), [])
})

const SOA: [Section, number] = [Section.Authority, Type.SOA]
const NS: [Section, number] = [Section.Authority, Type.NS]
const classes: { name: string; question?: Question; last: Handler; type: string; class: string }[] = [
  { name: 'an answer', last: address, type: 'NOERROR', class: 'success' },
  { name: 'an empty answer without SOA', last: answering(0), type: 'NOERROR', class: 'success' },
  { name: 'a delegation', last: answering(0, [NS]), type: 'DELEGATION', class: 'success' },
  { name: 'no data', last: answering(0, [NS, SOA]), type: 'NODATA', class: 'denial' },
  { name: 'no such name', last: answering(Rcode.NXDOMAIN, [SOA]), type: 'NXDOMAIN', class: 'denial' },
  {
    name: 'no such name at the end of an alias',
    last: answering(Rcode.NXDOMAIN, [[Section.Answer, Type.CNAME], SOA]),
    type: 'OTHERERROR',
    class: 'error',
  },
  { name: 'a server failure', last: NO_HANDLER, type: 'SERVERERROR', class: 'error' },
  { name: 'not implemented', last: answering(Rcode.NOTIMP), type: 'SERVERERROR', class: 'error' },
  { name: 'a refusal', last: answering(Rcode.REFUSED), type: 'OTHERERROR', class: 'error' },
  { name: 'a zone transfer', question: { type: Type.AXFR }, last: address, type: 'META', class: 'error' },
  { name: 'a notification', question: { opcode: Opcode.NOTIFY }, last: answering(0), type: 'META', class: 'error' },
]
for (const { name, question, last, type, class: expected } of classes) {
  void t.test(`${name} is ${type}, of class ${expected}`, async t => {
    t.same(logged('log . "{/log/type} {/log/class}"', question, last), [`info ${type} ${expected}`])
    for (const selected of ['success', 'denial', 'error', 'all']) {
      const lines = logged(`log . {type} {\n class ${selected}\n}`, question, last)
      t.equal(lines.length, selected === expected || selected === 'all' ? 1 : 0, selected)
    }
  })
}

void t.test('classes add up, on one line and on several', async t => {
  for (const block of ['{\n class denial error\n}', '{\n class denial\n class error\n}']) {
    t.equal(logged(`log . ${block}`, {}, NO_HANDLER).length, 1)
    t.equal(logged(`log . ${block}`, {}, answering(Rcode.NXDOMAIN)).length, 1)
    t.equal(logged(`log . ${block}`).length, 0)
  }
})

void t.test('an answer that comes later is logged when it is there', async t => {
  const block = setUpBlock('log . "{rcode} {rsize}"')
  const { promise, resolve } = Promise.withResolvers<void>()
  const handler = chain(block, {
    async serve(query, reply) {
      await promise
      return address.serve(query, reply)
    },
  })
  const pending = askLater(handler)
  t.same(block.process.lines, [])
  resolve()
  t.equal((await pending).rcode, Rcode.NOERROR)
  t.same(block.process.lines, ['info NOERROR 49'])
})

void t.test('what fails is logged as SERVFAIL and passes on', async t => {
  const block = setUpBlock('log . {rcode}')
  const thrown = chain(block, {
    serve() {
      throw new Error('at once')
    },
  })
  t.throws(() => ask(thrown), { message: 'at once' })
  const rejected = chain(block, { serve: () => Promise.reject(new Error('later')) })
  await t.rejects(askLater(rejected), { message: 'later' })
  t.same(block.process.lines, ['info SERVFAIL', 'info SERVFAIL'])
})

const mistakes: [directives: string, message: RegExp][] = [
  ['log a..b', /^Corefile:2:5: bad name 'a..b'/],
  ['log . {\n klass all\n}', /^Corefile:3:2: unknown property 'klass' \(did you mean 'class'\?\)/],
  ['log . {\n class\n}', /^Corefile:3:2: nothing after 'class'; expected one or more of all, success, denial, error/],
  ['log . {\n class success failure\n}', /^Corefile:3:16: unknown class 'failure'/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
