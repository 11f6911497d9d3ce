import t from 'tap'
import { Opcode, Rcode, Type } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { wire } from '../server/message.ts'
import { RunningSite } from '../site/running.ts'
import { addressAnswer, buildAnswer, opt, record } from '../upstream/server.ts'
import { Forwarding, PASSED_ON, deadPort, serve } from './forwarding.ts'
import { ask, makeQuery, makeReply } from './harness.ts'

const WWW = [['www.example.org. 300 A 192.0.2.1'], [], []]

void t.test('a query goes to the server and its answer comes back, records and flags', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  const { rcode, sections, reply } = await forwarding.ask({ name: 'WWW.Example.org.', udpSize: 1232, dnssecOk: true })
  t.equal(rcode, Rcode.NOERROR)
  t.same(sections, [['WWW.Example.org. 300 A 192.0.2.1'], [], []])
  t.same([reply.authoritative, reply.recursionAvailable, reply.authenticData], [false, true, false])
  t.equal(reply.truncated, false)
  t.equal(forwarding.block.chain[reply.author], 'forward')
  const [{ message, transport }] = server.asked
  t.equal(transport, 'udp')
  t.equal(message.questions[0].name, 'WWW.Example.org.')
  t.ok(message.rd)
  t.match(message.edns, { size: 1232, dnssecOk: true })
})

void t.test('AA, AD, the rcode and all sections come back as they are', async t => {
  const soa = Buffer.concat([wire('ns.example.org.'), wire('root.example.org.'), Buffer.alloc(20, 1)])
  const server = await serve(t, ({ bytes }) =>
    buildAnswer(bytes, {
      flags: 0x85a0,
      rcode: Rcode.NXDOMAIN,
      answers: [record(12, Type.CNAME, wire('a.example.net.'))],
      authorities: [record('example.org.', Type.SOA, soa), record('example.org.', Type.NS, wire('ns.example.org.'))],
      additionals: [record('ns.example.org.', Type.A, Uint8Array.of(192, 0, 2, 53))],
    }),
  )
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  const { rcode, sections, reply } = await forwarding.ask()
  t.equal(rcode, Rcode.NXDOMAIN)
  t.same([reply.authoritative, reply.recursionAvailable, reply.authenticData], [true, true, true])
  t.same(
    sections.map(section => section.map(line => line.split(' ').slice(0, 3).join(' '))),
    [['www.example.org. 300 CNAME'], ['example.org. 300 SOA', 'example.org. 300 NS'], ['ns.example.org. 300 A']],
  )
})

void t.test('a client by TCP makes it TCP, and force_tcp makes it TCP for all', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  await forwarding.ask({ transport: Transport.TCP })
  await forwarding.ask({ transport: Transport.UDP })
  const forced = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n force_tcp\n prefer_udp\n}`)
  await forced.ask({ transport: Transport.UDP })
  t.same(
    server.asked.map(({ transport }) => transport),
    ['tcp', 'udp', 'tcp'],
  )
})

void t.test('TC over UDP goes on to the client; prefer_udp asks again over TCP', async t => {
  const server = await serve(t, asked =>
    addressAnswer([192, 0, 2, 1], asked.transport === 'udp' ? { flags: 0x8380, answers: [] } : {})(asked),
  )
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  t.ok((await forwarding.ask()).reply.truncated)
  const preferring = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n prefer_udp\n}`)
  const { reply, sections } = await preferring.ask({ transport: Transport.TCP })
  t.notOk(reply.truncated)
  t.same(sections, WWW)
  t.same(
    server.asked.map(({ transport }) => transport),
    ['udp', 'udp', 'tcp'],
  )
})

void t.test('names outside FROM and names in except go to the next plugin', async t => {
  const server = await serve(t)
  const to = `127.0.0.1:${server.port}`
  const { handler } = await Forwarding.start(t, `forward example.org ${to} {\n except www.example.org example.org\n}`)
  for (const name of [
    'example.net.',
    'org.',
    '.',
    'notexample.org.',
    'www.example.org.',
    'a.www.Example.org.',
    'b.example.org.',
  ]) {
    t.equal(ask(handler, { name }).rcode, PASSED_ON, name)
  }
  t.same(server.asked, [])
})

void t.test('FROM itself is forwarded even if except names it', async t => {
  const server = await serve(t)
  const to = `127.0.0.1:${server.port}`
  const forwarding = await Forwarding.start(t, `forward example.org ${to} {\n except example.org\n}`)
  t.equal((await forwarding.ask({ name: 'example.org.' })).rcode, Rcode.NOERROR)
  t.equal(ask(forwarding.handler, { name: 'a.example.org.' }).rcode, PASSED_ON)
})

void t.test('the first forward in the file that matches has the query', async t => {
  const [a, b] = [await serve(t), await serve(t)]
  const forwarding = await Forwarding.start(
    t,
    `forward lab.example.org 127.0.0.1:${a.port}\nforward . 127.0.0.1:${b.port} {\n except local\n}`,
  )
  await forwarding.ask({ name: 'x.lab.example.org.' })
  await forwarding.ask({ name: 'x.example.org.' })
  t.same([a.asked.length, b.asked.length], [1, 1])
  t.equal(ask(forwarding.handler, { name: 'x.local.' }).rcode, PASSED_ON)
})

void t.test('NOTIFY and transfers are not forwarded', async t => {
  const server = await serve(t)
  const { handler } = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  for (const question of [{ opcode: Opcode.NOTIFY }, { type: Type.AXFR }, { type: Type.IXFR }]) {
    t.equal(ask(handler, question).rcode, Rcode.NOTIMP)
  }
  t.same(server.asked, [])
})

void t.test(
  'policy: sequential begins with the first, round_robin with one after the other, random with any',
  async t => {
    const servers = [await serve(t), await serve(t), await serve(t)]
    const to = servers.map(({ port }) => `127.0.0.1:${port}`).join(' ')
    const count = async (policy: string): Promise<number[]> => {
      const before = servers.map(({ asked }) => asked.length)
      const forwarding = await Forwarding.start(t, `forward . ${to} {\n policy ${policy}\n}`)
      for (let i = 0; i < 60; i++) await forwarding.ask()
      return servers.map(({ asked }, i) => asked.length - before[i])
    }
    t.same(await count('sequential'), [60, 0, 0])
    t.same(await count('round_robin'), [20, 20, 20])
    const random = await count('random')
    t.ok(
      random.every(n => n > 0),
      String(random),
    )
  },
)

const to = (...servers: { port: number }[]): string => servers.map(({ port }) => `127.0.0.1:${port}`).join(' ')

void t.test('failover asks the next server; the answer of the last counts', async t => {
  const servfail = await serve(t, ({ bytes }) => buildAnswer(bytes, { rcode: Rcode.SERVFAIL }))
  const refused = await serve(t, ({ bytes }) => buildAnswer(bytes, { rcode: Rcode.REFUSED }))
  const good = await serve(t)
  const options = '{\n policy sequential\n failover servfail REFUSED\n}'
  const lucky = await Forwarding.start(t, `forward . ${to(servfail, refused, good)} ${options}`)
  t.same((await lucky.ask()).sections, WWW)
  const unlucky = await Forwarding.start(t, `forward . ${to(servfail, refused)} ${options}`)
  t.equal((await unlucky.ask()).rcode, Rcode.REFUSED)
})

void t.test('next and next_on_nodata lead to the next forward, and nowhere without one', async t => {
  const nxdomain = await serve(t, ({ bytes }) => buildAnswer(bytes, { rcode: Rcode.NXDOMAIN }))
  const nodata = await serve(t, ({ bytes }) => buildAnswer(bytes))
  const good = await serve(t)
  const forwarding = await Forwarding.start(
    t,
    [
      `forward . 127.0.0.1:${nxdomain.port} {\n next NXDOMAIN\n}`,
      `forward . 127.0.0.1:${nodata.port} {\n next_on_nodata\n}`,
      `forward . 127.0.0.1:${good.port}`,
    ].join('\n'),
  )
  t.same((await forwarding.ask()).sections, WWW)
  const alone = await Forwarding.start(t, `forward . 127.0.0.1:${nxdomain.port} {\n next NXDOMAIN\n}`)
  t.equal((await alone.ask()).rcode, Rcode.NXDOMAIN)
})

void t.test('an rcode above 15 comes back whole, and is SERVFAIL to a client without EDNS', async t => {
  const server = await serve(t, ({ bytes }) => buildAnswer(bytes, { rcode: 7, additionals: [opt(1)] }))
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  t.equal((await forwarding.ask({ udpSize: 1232 })).rcode, 23)
  t.equal((await forwarding.ask()).rcode, Rcode.SERVFAIL)
})

void t.test('every query has another id and few have the same port', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  for (let i = 0; i < 300; i++) await forwarding.ask()
  const ids = new Set(server.asked.map(({ message }) => message.id))
  t.ok(ids.size > 290, `${ids.size} ids of 300`)
  const uses = new Map<number, number>()
  for (const { port } of server.asked) uses.set(port, (uses.get(port) ?? 0) + 1)
  t.ok(uses.size >= 16, `${uses.size} ports`)
  // A port may be drawn again after it was closed.
  t.ok(Math.max(...uses.values()) <= 64)
})

void t.test('metrics: durations by rcode, sockets that were there and that were opened', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  for (let i = 0; i < 40; i++) await forwarding.ask()
  for (let i = 0; i < 3; i++) await forwarding.ask({ transport: Transport.TCP })
  const to = { proxy_name: 'forward', to: `127.0.0.1:${server.port}` }
  t.equal(forwarding.metric('coredns_proxy_request_duration_seconds_count', { ...to, rcode: 'NOERROR' }), 43)
  const page = forwarding.block.process.metrics.render()
  const bounds = [...page.matchAll(/request_duration_seconds_bucket\{.*le="([^"]+)"/g)].map(([, bound]) => bound)
  t.same([bounds.length, bounds[0], bounds.at(-2)], [17, '0.00025', '8.192'])
  const hits = forwarding.metric('coredns_proxy_conn_cache_hits_total', { ...to, proto: 'udp' })
  const misses = forwarding.metric('coredns_proxy_conn_cache_misses_total', { ...to, proto: 'udp' })
  t.equal(hits + misses, 40)
  t.ok(misses >= 2 && misses <= 17, `${misses} opened`)
  t.equal(forwarding.metric('coredns_proxy_conn_cache_hits_total', { ...to, proto: 'tcp' }), 2)
  t.equal(forwarding.metric('coredns_proxy_conn_cache_misses_total', { ...to, proto: 'tcp' }), 1)
})

void t.test('tells loop of its servers: asks one alone, and never one that was switched off', async t => {
  const [a, b] = [await serve(t), await serve(t)]
  const to = `127.0.0.1:${a.port} 127.0.0.1:${b.port}`
  const forwarding = await Forwarding.start(t, `forward . ${to} {\n policy sequential\n}`)
  const instance = forwarding.block.instances.find(({ name }) => name === 'forward')?.instance
  const [first, second] = instance?.upstreams ?? []
  t.match([first, second], [{ address: `127.0.0.1:${a.port}`, source: undefined }, { address: `127.0.0.1:${b.port}` }])
  const query = makeQuery()
  t.equal(await second.ask(query, makeReply(query)), Rcode.NOERROR)
  t.same([a.asked.length, b.asked.length], [0, 1])
  first.switchOff()
  await forwarding.ask()
  t.same([a.asked.length, b.asked.length], [0, 2])
  second.switchOff()
  const { rcode, reply } = ask(forwarding.handler)
  t.equal(rcode, Rcode.SERVFAIL)
  t.equal(reply.failure?.message, 'no healthy proxies')
})

void t.test('a whole server forwards over both transports, and says in its log which server failed', async t => {
  const server = await serve(t)
  const dead = await deadPort()
  const site = await RunningSite.start({
    corefile: `. {\n errors\n forward dead.example 127.0.0.1:${dead}\n forward . 127.0.0.1:${server.port}\n}`,
  })
  t.teardown(() => site.stop())
  t.match(await site.ask('www.example.org.', 'A'), {
    rcode: 'NOERROR',
    answer: ['www.example.org. 300 IN A 192.0.2.1'],
  })
  t.match(await site.askTcp('www.example.org.', 'A'), { rcode: 'NOERROR' })
  t.match(await site.ask('dead.example.', 'A'), { rcode: 'SERVFAIL' })
  t.match(site.log, [`plugin/errors: 2 dead.example. A: upstream 127.0.0.1:${dead}: ECONNREFUSED`])
})
