import t from 'tap'
import { NO_HANDLER } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { ask, chain, setUpBlock } from './harness.ts'

void t.test('ANY is answered with HINFO', async t => {
  const block = setUpBlock('any')
  const { rcode, reply, sections } = ask(chain(block, NO_HANDLER), { name: 'Example.org.', type: Type.ANY })
  const rdata = Buffer.from('\rANY obsoleted\fSee RFC 8482').toString('hex')
  t.equal(rcode, Rcode.NOERROR)
  t.same(sections, [[`Example.org. 8482 HINFO ${rdata}`], [], []])
  t.equal(reply.authoritative, false)
  t.equal(block.chain[reply.author], 'any')
})

void t.test('every other type goes on', async t => {
  for (const type of [Type.A, Type.HINFO, Type.AXFR]) {
    t.equal(ask(chain(setUpBlock('any'), { serve: () => Rcode.REFUSED }), { type }).rcode, Rcode.REFUSED)
  }
})

void t.test('arguments and properties are refused', async t => {
  t.throws(() => setUpBlock('any x'), /^Corefile:2:5: /)
  t.throws(() => setUpBlock('any {\n x\n}'), /^Corefile:3:2: /)
})
