import t from 'tap'
import { Rcode } from '../../src/wire/constants.ts'
import { Query } from '../../src/wire/query.ts'
import { Reply, Section } from '../../src/wire/reply.ts'
import { addSoa } from '../../src/zones/soa.ts'
import { type Message, buildQuery, decode } from '../server/message.ts'
import { describe } from '../site/zonefile.ts'

interface Written {
  readonly message: Message
  readonly bytes: Buffer
}

function write(name: string, zoneAt: number, ttlSeconds: number, serial: number, room = 512): Written {
  const query = new Query()
  const question = buildQuery({ name, type: 6 })
  query.parse(question, 0, question.length)
  const reply = new Reply(Buffer.alloc(room))
  reply.begin(query)
  addSoa(reply, Section.Authority, zoneAt, ttlSeconds, serial)
  const bytes = reply.bytes.subarray(0, reply.finish(query, Rcode.NXDOMAIN))
  return { message: decode(bytes), bytes }
}

void t.test('the SOA names the zone as the question spells it, with a TTL of at most 300 seconds', async t => {
  const rows: [name: string, zoneAt: number, ttl: number, record: string][] = [
    [
      'cluster.local.',
      0,
      5,
      'cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. * 7200 1800 86400 5',
    ],
    ['a.B.Local.', 4, 30, 'Local. 30 IN SOA ns.dns.Local. hostmaster.Local. * 7200 1800 86400 30'],
    ['b.', 0, 0, 'b. 0 IN SOA ns.dns.b. hostmaster.b. * 7200 1800 86400 0'],
    ['b.', 0, 3600, 'b. 300 IN SOA ns.dns.b. hostmaster.b. * 7200 1800 86400 3600'],
    ['b.', 2, 300, '. 300 IN SOA ns.dns. hostmaster. * 7200 1800 86400 300'],
  ]
  for (const [name, zoneAt, ttl, record] of rows) {
    const { message, bytes } = write(name, zoneAt, ttl, 1)
    t.same(describe(message, bytes).ns, [record])
  }
})

void t.test('its names may be others', async t => {
  const query = new Query()
  const question = buildQuery({ name: 'a.b.', type: 6 })
  query.parse(question, 0, question.length)
  const reply = new Reply(Buffer.alloc(512))
  reply.begin(query)
  const names = { mname: Buffer.from('\x01m'), rname: Buffer.from('\x02rr') }
  addSoa(reply, Section.Answer, 2, 5, 1, names)
  const bytes = reply.bytes.subarray(0, reply.finish(query, Rcode.NOERROR))
  t.same(describe(decode(bytes), bytes).answer, ['b. 5 IN SOA m.b. rr.b. * 7200 1800 86400 5'])
})

void t.test('the serial is 32 bits without a sign', async t => {
  for (const serial of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const { rdata } = write('b.', 0, 5, serial).message.authorities[0]
    t.equal(rdata.readUInt32BE(rdata.length - 20), serial)
  }
})

void t.test('where it does not fit it is left out, and the reply says that it is cut', async t => {
  const { bytes } = write('b.', 0, 5, 1)
  t.equal(write('b.', 0, 5, 1, bytes.length).message.tc, false)
  const { message } = write('b.', 0, 5, 1, bytes.length - 1)
  t.same([message.tc, message.authorities], [true, []])
})
