import { once } from 'node:events'
import t from 'tap'
import { buildQuery } from '../server/message.ts'
import { TcpClient } from '../server/clients.ts'
import { RunningSite } from '../site/running.ts'
import { setUpBlock } from './harness.ts'

void t.test('the limits are those of the block', async t => {
  t.same(setUpBlock('whoami').tcp, {})
  t.same(setUpBlock('timeouts {\n read 1s\n write 24h\n idle 1m30s\n}').tcp, {
    readTimeoutMs: 1_000,
    writeTimeoutMs: 86_400_000,
    idleTimeoutMs: 90_000,
  })
  t.same(setUpBlock('timeouts {\n maxtcpqueries -1\n}').tcp, { maxQueries: Infinity })
})

const serve = (a: string, b: string): Promise<RunningSite> =>
  RunningSite.start({ corefile: `a.:0 {\nbind 127.0.0.1\nwhoami\n${a}\n}\nb.:0 {\nbind 127.0.0.1\nwhoami\n${b}\n}` })

void t.test('a connection is closed behind the answer to its last query', async t => {
  const site = await serve('timeouts {\n maxtcpqueries 3\n}', '')
  const client = await TcpClient.connect(site.port)
  client.send(...[1, 2, 3, 4, 5].map(id => buildQuery({ id, name: 'a.' })))
  await client.closed
  t.same(
    client.messages.map(message => message.readUInt16BE(0)),
    [1, 2, 3],
  )
  await site.stop()
})

void t.test('of two blocks of a listener the last one counts, limit by limit', async t => {
  const site = await serve('timeouts {\n maxtcpqueries 1\n idle 1s\n}', 'timeouts {\n maxtcpqueries 2\n}')
  const client = await TcpClient.connect(site.port)
  await client.ask(buildQuery({ name: 'a.' }))
  await client.ask(buildQuery({ name: 'b.' }))
  await client.closed
  const idle = await TcpClient.connect(site.port)
  await once(idle.socket, 'close')
  t.equal(idle.messages.length, 0)
  await site.stop()
})

const mistakes: [directives: string, message: RegExp][] = [
  ['timeouts', /^Corefile:2:1: nothing after 'timeouts'; expected a block with at least one of read, write, idle/],
  ['timeouts {\n}', /^Corefile:2:1: nothing after 'timeouts'/],
  ['timeouts 5s', /^Corefile:2:10: '5s' is one argument too many/],
  ['timeouts {\n read 10ms\n}', /^Corefile:3:7: bad value '10ms'; .* from 1s to 24h/],
  ['timeouts {\n read 5s 6s\n}', /^Corefile:3:10: '6s' is one argument too many/],
  ['timeouts {\n wait 5s\n}', /^Corefile:3:2: unknown property 'wait'/],
  ['timeouts {\n maxtcpqueries 0\n}', /^Corefile:3:16: no query at all; expected a number above 0, or -1/],
  ['timeouts {\n maxtcpqueries -2\n}', /^Corefile:3:16: bad value '-2'/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
