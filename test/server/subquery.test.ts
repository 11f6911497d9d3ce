import t from 'tap'
import { Subquery } from '../../src/server/subquery.ts'
import { Class, Rcode, Type } from '../../src/wire/constants.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { decodeOptions, encodeOptions, findOptions } from '../../src/wire/option.ts'
import { Query, Transport, Verdict } from '../../src/wire/query.ts'
import { buildQuery } from './message.ts'

const name = (text: string): Uint8Array => parseName(text) ?? new Uint8Array(1)

/** A client's query; with `options`, encoded, in its OPT. */
function parse(flags: number, options?: Uint8Array): Query {
  const bytes = buildQuery({ id: 7, flags, name: 'Www.example.', edns: options && { size: 1400, dnssecOk: true } })
  const message = Buffer.concat([bytes, options ?? Buffer.alloc(0)])
  if (options) message.writeUInt16BE(options.length, bytes.length - 2)
  const query = new Query()
  query.transport = Transport.TCP
  query.clientAddress = Uint8Array.of(192, 0, 2, 1)
  query.clientPort = 4_000
  t.equal(query.parse(message, 0, message.length), Verdict.Answer)
  return query
}

const COOKIE = { code: 10, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }
const NSID = { code: 3, data: new Uint8Array(0) }

void t.test('a question goes on with the id, flags, EDNS options and client of the one that it is for', async t => {
  const parent = parse(0x0130, encodeOptions([COOKIE, NSID]))
  const { query, reply } = new Subquery(parent, { name: name('other.example.'), qtype: Type.SRV, qclass: Class.IN })
  t.equal(formatName(query.name), 'other.example.')
  t.match(query, {
    id: 7,
    flags: 0x0130,
    qtype: Type.SRV,
    qclass: Class.IN,
    hasEdns: true,
    udpSize: 1400,
    dnssecOk: true,
    transport: Transport.TCP,
    clientPort: 4_000,
    depth: 1,
  })
  t.same(decodeOptions(findOptions(query)), [COOKIE, NSID])
  t.equal(reply.size, 12 + name('other.example.').length + 4)
})

void t.test('it keeps the address of the client when the transport goes on to the next message', async t => {
  const parent = parse(0)
  const { query } = new Subquery(parent, { name: name('a.'), qtype: Type.A, qclass: Class.IN })
  parent.clientAddress.fill(0)
  t.same([...query.clientAddress], [192, 0, 2, 1])
})

void t.test('options of its own make an OPT where the client sent none; without any there is none', async t => {
  const question = { name: name('a.'), qtype: Type.A, qclass: Class.IN }
  t.match(new Subquery(parse(0), question).query, { hasEdns: false, udpSize: 512 })
  const { query } = new Subquery(parse(0), { ...question, options: encodeOptions([NSID]) })
  t.match(query, { hasEdns: true, udpSize: 4096, dnssecOk: false })
  t.same(decodeOptions(findOptions(query)), [NSID])
})

void t.test('questions that lead to questions come to an end', async t => {
  let asked = 0
  const question = { name: name('a.'), qtype: Type.A, qclass: Class.IN }
  const handler = {
    serve(query: Query): Rcode {
      asked++
      return new Subquery(query, question).ask(handler) as Rcode
    },
  }
  t.equal(handler.serve(parse(0)), Rcode.SERVFAIL)
  t.equal(asked, 17)
})

void t.test('options that do not end where they say are left out with all that follows', async t => {
  t.same(decodeOptions(Uint8Array.of(0, 3, 0, 0, 0, 10, 0, 9, 1)), [NSID])
  t.same(decodeOptions(Uint8Array.of(0, 3, 0)), [])
})
