import t from 'tap'
import { Rcode } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { NO_HANDLER } from '../../src/server/handler.ts'
import { ask, chain, type Question, setUpBlock } from './harness.ts'

const cases: { name: string; question: Question; additional: string[] }[] = [
  {
    name: 'an IPv4 client over UDP',
    question: { name: 'Example.org.', client: '198.51.100.7', port: 40_000 },
    additional: ['Example.org. 0 A 198.51.100.7', '_udp.Example.org. 0 SRV 0 0 40000 .'],
  },
  {
    name: 'an IPv6 client over TCP',
    question: { name: 'a.example.org.', client: '2001:db8::1', port: 65_535, transport: Transport.TCP },
    additional: ['a.example.org. 0 AAAA 2001:db8::1', '_tcp.a.example.org. 0 SRV 0 0 65535 .'],
  },
  {
    name: 'the root',
    question: { name: '.', client: '127.0.0.1', port: 1 },
    additional: ['. 0 A 127.0.0.1', '_udp. 0 SRV 0 0 1 .'],
  },
]

for (const { name, question, additional } of cases) {
  void t.test(`${name} is told its address, port and transport`, async t => {
    const block = setUpBlock('whoami')
    const { rcode, reply, sections } = ask(chain(block, NO_HANDLER), question)
    t.equal(rcode, Rcode.NOERROR)
    t.same(sections, [[], [], additional])
    t.equal(reply.authoritative, true)
    t.equal(block.chain[reply.author], 'whoami')
  })
}

void t.test('arguments and properties are refused', async t => {
  t.throws(() => setUpBlock('whoami x'), /^Corefile:2:8: /)
  t.throws(() => setUpBlock('whoami {\n x\n}'), /^Corefile:3:2: /)
})
