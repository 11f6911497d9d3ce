import t, { type Test } from 'tap'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { UpstreamServer, addressAnswer, buildAnswer, opt, record } from '../upstream/server.ts'
import { type Question, type TestBlock, askLater, chain, setUpBlock, start, stop } from './harness.ts'
import type { Handler } from '../../src/server/handler.ts'

const WWW = ['www.example.org. 300 A 192.0.2.1']
const FALLEN = 9
/** What stands behind `forward`. */
const last: Handler = { serve: () => FALLEN }

export interface Running {
  readonly block: TestBlock
  readonly handler: Handler
  ask(question?: Question): ReturnType<typeof askLater>
}

async function serve(t: Test, ...args: Parameters<typeof UpstreamServer.start>): Promise<UpstreamServer> {
  const server = await UpstreamServer.start(...args)
  t.teardown(() => server.stop())
  return server
}

async function run(t: Test, directives: string): Promise<Running> {
  const block = setUpBlock(directives)
  const handler = chain(block, last)
  await start(block)
  t.teardown(() => stop(block))
  return { block, handler, ask: question => askLater(handler, question) }
}

void t.test('a query goes to the server and its answer comes back, records and flags', async t => {
  const server = await serve(t)
  const { ask, block } = await run(t, `forward . 127.0.0.1:${server.port}`)
  const { rcode, sections, reply } = await ask({ name: 'WWW.Example.org.', udpSize: 1232, dnssecOk: true })
  t.equal(rcode, Rcode.NOERROR)
  t.same(sections, [['WWW.Example.org. 300 A 192.0.2.1'], [], []])
  t.same([reply.authoritative, reply.recursionAvailable, reply.authenticData, reply.truncated], [false, true, false, false])
  t.equal(block.chain[reply.author], 'forward')
  const [{ message, transport }] = server.asked
  t.equal(transport, 'udp')
  t.equal(message.questions[0].name, 'WWW.Example.org.')
  t.ok(message.rd)
  t.match(message.edns, { size: 1232, dnssecOk: true })
})
