import t from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { Flag, Rcode } from '../../src/wire/constants.ts'
import { ask, askLater, chain, setUpBlock } from './harness.ts'

const NAMES = { AA: Flag.AA, RD: Flag.RD, RA: Flag.RA }
const describe = (flags: number): string =>
  Object.entries(NAMES)
    .filter(([, flag]) => (flags & flag) !== 0)
    .map(([name]) => name)
    .join(' ')

/** Tells the flags that the plugins behind see, and those of the reply. */
function flagsOf(lines: string, flags: number, prepare: Handler['serve'] = () => Rcode.NOERROR): [string, string] {
  let seen = 0
  const { reply, query } = ask(
    chain(setUpBlock(lines), {
      serve(query, reply) {
        seen = query.flags
        return prepare(query, reply)
      },
    }),
    { flags },
  )
  reply.finish(query, Rcode.NOERROR)
  return [describe(seen), describe(reply.bytes.readUInt16BE(reply.start + 2))]
}

const answering =
  (isAuthoritative: boolean): Handler['serve'] =>
  (_, reply) => {
    reply.authoritative = isAuthoritative
    return Rcode.NOERROR
  }

const cases: { lines: string; flags?: number; isAuthoritative?: boolean; seen: string; sent: string }[] = [
  { lines: 'response set ra', flags: 0, seen: '', sent: 'RA' },
  { lines: 'response set aa', flags: 0, seen: '', sent: 'AA' },
  { lines: 'response set aa ra rd', flags: 0, seen: '', sent: 'AA RD RA' },
  { lines: 'response clear rd', flags: Flag.RD, seen: 'RD', sent: '' },
  { lines: 'response clear aa', isAuthoritative: true, seen: 'RD', sent: 'RD' },
  { lines: 'query clear rd', flags: Flag.RD, seen: '', sent: '' },
  { lines: 'query set rd', flags: 0, seen: 'RD', sent: 'RD' },
  { lines: 'query set RA AA', flags: 0, seen: 'AA RA', sent: '' },
  { lines: 'Query Set rd\nRESPONSE CLEAR RD', flags: 0, seen: 'RD', sent: '' },
  { lines: 'response set ra\nresponse clear ra aa', isAuthoritative: true, seen: 'RD', sent: 'RD' },
  { lines: 'response clear ra\nresponse set ra', seen: 'RD', sent: 'RD RA' },
]
for (const { lines, flags = Flag.RD, isAuthoritative = false, seen, sent } of cases) {
  void t.test(lines.replaceAll('\n', ', '), async t => {
    const answer = answering(isAuthoritative)
    t.same(flagsOf(`header {\n${lines}\n}`, flags, answer), [seen, sent])
  })
}

void t.test('the first header in the chain has the last word', async t => {
  t.same(flagsOf('header {\n response set ra\n}\nheader {\n response clear ra\n}', 0), ['', 'RA'])
})

void t.test('a reply that had to be waited for is changed too', async t => {
  const handler = chain(setUpBlock('header {\n response set ra\n}'), { serve: async () => Rcode.NOERROR })
  const { reply, query } = await askLater(handler)
  t.equal(reply.headerFlags(query) & Flag.RA, Flag.RA)
})

const mistakes: [directive: string, message: RegExp][] = [
  ['header', /^Corefile:2:1: nothing after 'header'; expected a block/],
  ['header x {\n query set rd\n}', /^Corefile:2:8: /],
  ['header {\n answer set rd\n}', /^Corefile:3:2: unknown property 'answer'/],
  ['header {\n query\n}', /^Corefile:3:2: nothing after 'query'; expected set or clear/],
  ['header {\n query toggle rd\n}', /^Corefile:3:8: unknown action 'toggle'; expected set or clear/],
  ['header {\n query set\n}', /^Corefile:3:8: nothing after 'set'; expected one or more of aa, ra, rd/],
  ['header {\n query set rd tc\n}', /^Corefile:3:15: unknown flag 'tc'/],
]
for (const [directive, message] of mistakes) {
  void t.test(`refused: ${directive.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directive), message)
  })
}
