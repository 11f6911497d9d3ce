// `rewrite` in a whole server: what the plugins before and behind it see, and what goes to other servers.

import t, { type Test } from 'tap'
import { wire } from '../server/message.ts'
import { UpstreamServer, buildAnswer, record } from '../upstream/server.ts'
import { RunningSite } from './running.ts'

async function serve(t: Test, rules: string, upstream: UpstreamServer): Promise<RunningSite> {
  t.teardown(() => upstream.stop())
  const corefile = `.:0 {\n bind 127.0.0.1\n log . "{name} {type} {rcode}"\n errors\n cache\n ${rules}\n forward . 127.0.0.1:${upstream.port}\n}`
  const site = await RunningSite.start({ corefile })
  t.teardown(() => site.stop())
  return site
}

void t.test(
  'the log has the question of the client, the upstream the new one; the answer is cached under that',
  async t => {
    const upstream = await UpstreamServer.start()
    const rules = 'rewrite name a.example b.example\n rewrite name suffix .c.example b.example answer auto'
    const site = await serve(t, rules, upstream)
    for (const name of ['a.example', 'A.example', 'b.example']) {
      const { rcode, answer } = await site.ask(name, 'A')
      t.same([rcode, answer], ['NOERROR', [`${name}. 300 IN A 192.0.2.1`]])
    }
    t.same(
      upstream.asked.map(({ question }) => question),
      ['b.example. 1'],
    )
    t.same(
      site.log.filter(line => line.includes('example')).map(line => line.replace(/^.*?(\S+ A )/, '$1')),
      ['a.example. A NOERROR', 'a.example. A NOERROR', 'b.example. A NOERROR'],
    )
  },
)

void t.test('EDNS options go to the upstream', async t => {
  const upstream = await UpstreamServer.start()
  const site = await serve(t, 'rewrite edns0 local set 0xffee 0x01020304', upstream)
  await site.ask('www.example', 'A')
  const [{ bytes }] = upstream.asked
  t.ok(bytes.includes(Buffer.of(0xff, 0xee, 0, 4, 1, 2, 3, 4)))
})

void t.test('a CNAME that is rewritten is followed through the whole server', async t => {
  const upstream = await UpstreamServer.start(({ bytes, message: { questions } }) =>
    buildAnswer(bytes, {
      answers:
        questions[0].name === 'app.example.'
          ? [record(12, 5, wire('cdn.example.')), record('cdn.example.', 1, Buffer.of(192, 0, 2, 9))]
          : [record(12, 1, Buffer.of(192, 0, 2, 1))],
    }),
  )
  const site = await serve(t, 'rewrite continue cname exact cdn.example own.example', upstream)
  const { answer } = await site.ask('app.example', 'A')
  t.same(answer, ['app.example. 300 IN CNAME own.example.', 'own.example. 300 IN A 192.0.2.1'])
})

void t.test('a rule that leaves no name is SERVFAIL, and errors tells why', async t => {
  const upstream = await UpstreamServer.start()
  const site = await serve(t, 'rewrite name suffix .example ..', upstream)
  t.equal((await site.ask('www.example', 'A')).rcode, 'SERVFAIL')
  t.ok(site.log.some(line => line.includes('2 www.example. A: invalid name after rewrite: www..')))
  t.equal(upstream.asked.length, 0)
})
