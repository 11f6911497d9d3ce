import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mock } from 'node:test'
import t from 'tap'
import { Forward } from '../../src/plugins/forward/forward.ts'
import { Rcode } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { wire } from '../server/message.ts'
import { addressAnswer, buildAnswer, record } from '../upstream/server.ts'
import { Forwarding, deadPort, serve } from './forwarding.ts'
import { ask, stop } from './harness.ts'

const WWW = [['www.example.org. 300 A 192.0.2.1'], [], []]
const QUICK = 'read_timeout 100ms\n policy sequential'
const silence = (): undefined => undefined

function forwardOf({ handler }: Forwarding): Forward {
  if (!(handler instanceof Forward)) throw new Error('not a forward')
  return handler
}

const outstanding = (forwarding: Forwarding): number =>
  forwardOf(forwarding).upstreams.reduce((sum, upstream) => sum + upstream.outstanding, 0)

void t.test('the next server is asked when the first is dead or silent', async t => {
  const silent = await serve(t, silence)
  const good = await serve(t)
  for (const first of [await deadPort(), silent.port]) {
    for (const transport of [Transport.UDP, Transport.TCP]) {
      const forwarding = await Forwarding.start(
        t,
        `forward . 127.0.0.1:${first} 127.0.0.1:${good.port} {\n ${QUICK}\n}`,
      )
      t.same((await forwarding.ask({ transport })).sections, WWW)
    }
  }
})

void t.test('a server without a route to it fails at once', async t => {
  // Nothing that comes from the loopback leaves the machine.
  const options = '{\n source_address 127.0.0.1\n max_fails 0\n}'
  const forwarding = await Forwarding.start(t, `forward . 192.0.2.1 ${options}`)
  for (const transport of [Transport.UDP, Transport.TCP]) {
    const { rcode, reply } = await forwarding.ask({ transport })
    t.equal(rcode, Rcode.SERVFAIL)
    t.match(reply.failure?.message, /^upstream 192\.0\.2\.1:53: (no route to it|connect EINVAL)/)
  }
})

void t.test('no answer at all is SERVFAIL, and says which server failed and how', async t => {
  const silent = await serve(t, silence)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${silent.port} {\n ${QUICK}\n max_fails 0\n}`)
  const { rcode, reply } = await forwarding.ask()
  t.equal(rcode, Rcode.SERVFAIL)
  t.equal(reply.failure?.message, `upstream 127.0.0.1:${silent.port}: no answer within 0.1s`)
  t.equal(silent.asked.length, 2, 'twice the number of servers')
})

void t.test('a client with EDNS hears whether no server was reached, or one that gave no answer', async t => {
  const silent = await serve(t, silence)
  const broken = await serve(t, ({ bytes }) =>
    buildAnswer(bytes, { answers: [record(12, 1, Uint8Array.of(192))] }).subarray(0, -3),
  )
  for (const [servers, code] of [
    [[silent], 22],
    [[broken], 23],
    [[broken, silent], 23],
  ] as const) {
    const to = servers.map(({ port }) => `127.0.0.1:${port}`).join(' ')
    const forwarding = await Forwarding.start(t, `forward . ${to} {\n ${QUICK}\n max_fails 0\n}`)
    const { rcode, reply, query } = await forwarding.ask({ udpSize: 1232 })
    const end = reply.start + reply.finish(query, rcode)
    // The option: its code, its length, the code of the error (RFC 8914 section 2).
    t.equal(reply.bytes.toString('hex', end - 6, end), `000f000200${code.toString(16)}`)
    const plain = await forwarding.ask()
    t.equal(plain.reply.finish(plain.query, plain.rcode), plain.query.size, 'and one without hears nothing')
  }
})

void t.test('max_connect_attempts bounds the attempts', async t => {
  const silent = await serve(t, silence)
  const options = `{\n ${QUICK}\n max_fails 0\n max_connect_attempts 3\n}`
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${silent.port} ${options}`)
  await forwarding.ask()
  t.equal(silent.asked.length, 3)
})

void t.test('without a bound, a server that refuses is asked until there is no time left, with pauses', async t => {
  const dead = await deadPort()
  const forwarding = await Forwarding.start(
    t,
    `forward . 127.0.0.1:${dead} {\n max_connect_attempts 0\n max_fails 0\n}`,
  )
  const pending = forwarding.ask()
  const now = performance.now.bind(performance)
  const clock = mock.method(performance, 'now', () => now() + 6_000)
  t.teardown(() => clock.mock.restore())
  t.equal((await pending).rcode, Rcode.SERVFAIL)
})

void t.test('lies are left alone, and counted: the right answer is awaited', async t => {
  const server = await serve(t, asked => {
    const { bytes, message } = asked
    const lies = [
      buildAnswer(bytes, { id: message.id ^ 1, answers: [record(12, 1, Uint8Array.of(6, 6, 6, 6))] }),
      buildAnswer(bytes, { question: Buffer.concat([wire('evil.example.org.'), Buffer.from([0, 1, 0, 1])]) }),
      buildAnswer(bytes, { question: Buffer.concat([wire('www.example.org.'), Buffer.from([0, 28, 0, 1])]) }),
      buildAnswer(bytes, { question: Buffer.concat([wire('www.example.org.'), Buffer.from([0, 1, 0, 3])]) }),
      buildAnswer(bytes, { flags: 0x0180 }),
      buildAnswer(bytes, { flags: 0xa180 }),
      bytes.subarray(0, 12),
      Buffer.from('nonsense'),
      Buffer.alloc(0),
    ]
    for (const lie of lies) asked.send(lie)
    return addressAnswer([192, 0, 2, 1], {
      question: Buffer.concat([wire('wWw.eXample.ORG.'), Buffer.from([0, 1, 0, 1])]),
    })(asked)
  })
  for (const transport of [Transport.UDP, Transport.TCP]) {
    const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
    const { sections } = await forwarding.ask({ transport })
    t.same(sections, WWW, 'in the spelling of the client')
    t.equal(forwarding.metric('kubezone_proxy_ignored_answers_total', { to: `127.0.0.1:${server.port}` }), 9)
  }
})

void t.test('what comes from another port does not count', async t => {
  const other = createSocket('udp4')
  t.teardown(() => other.close())
  const server = await serve(t, asked => {
    // To the right port, with the right id and question, and before the right answer.
    other.send(buildAnswer(asked.bytes, { rcode: Rcode.NXDOMAIN }), asked.port, '127.0.0.1', () => {
      const answer = addressAnswer()(asked)
      if (answer) asked.send(answer)
    })
    return undefined
  })
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  t.same((await forwarding.ask()).sections, WWW)
})

void t.test('records that are malformed are SERVFAIL, after the next server was tried', async t => {
  const broken = await serve(t, ({ bytes }) => {
    const answer = buildAnswer(bytes, { answers: [record(12, 1, Uint8Array.of(192, 0, 2, 1))] })
    return answer.subarray(0, answer.length - 3)
  })
  const good = await serve(t)
  const alone = await Forwarding.start(t, `forward . 127.0.0.1:${broken.port} {\n ${QUICK}\n}`)
  const { rcode, reply, sections } = await alone.ask()
  t.equal(rcode, Rcode.SERVFAIL)
  t.same(sections, [[], [], []])
  t.equal(reply.failure?.message, `upstream 127.0.0.1:${broken.port}: its answer is malformed`)
  const both = await Forwarding.start(t, `forward . 127.0.0.1:${broken.port} 127.0.0.1:${good.port} {\n ${QUICK}\n}`)
  t.same((await both.ask()).sections, WWW)
})

void t.test('an answer that is too large for the client is cut between records', async t => {
  const answers = Array.from({ length: 100 }, (_, i) => record(12, 1, Uint8Array.of(10, 0, 0, i)))
  const server = await serve(t, ({ bytes }) => buildAnswer(bytes, { answers }))
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  const { reply, sections } = await forwarding.ask()
  t.ok(reply.truncated)
  t.equal(sections[0].length, 29)
  t.ok(reply.size <= 512)
  t.equal((await forwarding.ask({ udpSize: 4096 })).sections[0].length, 100)
})

void t.test('a server that has failed is checked until it is well, and not asked while it is down', async t => {
  let isWell = false
  const flapping = await serve(t, asked => (isWell ? addressAnswer()(asked) : undefined))
  const good = await serve(t)
  const options = `{\n ${QUICK}\n max_fails 1\n health_check 10ms no_rec domain Health.example\n}`
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${flapping.port} 127.0.0.1:${good.port} ${options}`)
  const [upstream] = forwardOf(forwarding).upstreams
  t.same((await forwarding.ask()).sections, WWW)
  // The query, and checks until more than one has failed.
  await flapping.receive(4)
  t.ok(upstream.isDown(1))
  const check = flapping.asked[1]
  t.equal(check.question, 'health.example. 2')
  t.equal(check.message.rd, false)
  const before = good.asked.length
  await forwarding.ask()
  t.equal(good.asked.length, before + 1)
  t.notOk(
    flapping.asked.slice(1).some(({ question }) => question.startsWith('www')),
    'down: not asked',
  )
  const to = { to: `127.0.0.1:${flapping.port}` }
  t.ok(forwarding.metric('coredns_proxy_healthcheck_failures_total', to) >= 2)
  isWell = true
  const { length } = flapping.asked
  await flapping.receive(length + 1)
  while (upstream.isDown(1)) await new Promise(setImmediate)
  await forwarding.ask()
  t.ok(flapping.asked.at(-1)?.question.startsWith('www'), 'well: asked again')
})

void t.test('when all are down one is asked all the same, or none with failfast', async t => {
  const dead = await deadPort()
  const run = async (extra: string): Promise<Forwarding> => {
    const options = `{\n ${QUICK}\n max_fails 1\n health_check 1ms\n ${extra}\n}`
    const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${dead} ${options}`)
    await forwarding.ask()
    while (!forwardOf(forwarding).upstreams[0].isDown(1)) await new Promise(resolve => void setTimeout(resolve, 10))
    return forwarding
  }
  const stubborn = await run('')
  const broken = stubborn.metric('coredns_forward_healthcheck_broken_total')
  t.match((await stubborn.ask()).reply.failure?.message, /ECONNREFUSED/)
  t.equal(stubborn.metric('coredns_forward_healthcheck_broken_total'), broken + 1)
  const failfast = await run('failfast_all_unhealthy_upstreams')
  const { rcode, reply } = await failfast.ask()
  t.equal(rcode, Rcode.SERVFAIL)
  t.equal(reply.failure?.message, 'no healthy proxies')
})

void t.test('10,000 queries wait at one time, and each gets its own answer', async t => {
  const COUNT = 10_000
  /** Fits into the receive buffer of any socket: nothing is lost. */
  const BATCH = 50
  const server = await serve(t, silence)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n read_timeout 1m\n}`)
  const pending: ReturnType<typeof forwarding.ask>[] = []
  while (pending.length < COUNT) {
    for (let i = 0; i < BATCH; i++) {
      pending.push(forwarding.ask({ name: `abc${String(pending.length).padStart(5, '0')}.example.` }))
    }
    await server.receive(pending.length)
  }
  t.equal(outstanding(forwarding), COUNT)
  t.ok(forwardOf(forwarding).upstreams[0].sockets <= 64)
  for (let i = COUNT; i > 0; i -= BATCH) {
    for (const asked of server.asked.slice(i - BATCH, i)) {
      asked.send(buildAnswer(asked.bytes, { answers: [record(12, 1, asked.bytes.subarray(17, 21))] }))
    }
    while (outstanding(forwarding) > i - BATCH) await new Promise(setImmediate)
  }
  const wrong = (await Promise.all(pending)).filter(({ rcode, sections, query }) => {
    const rdata = query.name.subarray(5, 9).join('.')
    return rcode !== Rcode.NOERROR || !sections[0][0].endsWith(` A ${rdata}`)
  })
  t.equal(wrong.length, 0)
  t.equal(forwardOf(forwarding).concurrent, 0)
})

void t.test('questions that are late at one time are each asked again, and each second answer is awaited', async t => {
  const asked = new Set<string>()
  const server = await serve(t, query => {
    const isFirst = !asked.has(query.question)
    asked.add(query.question)
    return isFirst ? undefined : addressAnswer()(query)
  })
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n max_fails 0\n}`)
  const pending = Promise.all(Array.from({ length: 200 }, (_, i) => forwarding.ask({ name: `a${i}.example.` })))
  await server.receive(200)
  // All 2 s of the first attempts are over, and none of the second.
  const now = performance.now.bind(performance)
  const clock = mock.method(performance, 'now', () => now() + 2_000)
  t.teardown(() => clock.mock.restore())
  const answers = await pending
  t.same(
    answers.filter(({ rcode }) => rcode !== Rcode.NOERROR).map(({ reply }) => reply.failure?.message),
    [],
  )
  t.equal(server.asked.length, 400)
})

void t.test('above max_concurrent queries are refused, and counted', async t => {
  const server = await serve(t, silence)
  const forwarding = await Forwarding.start(
    t,
    `forward . 127.0.0.1:${server.port} {\n max_concurrent 100\n read_timeout 1m\n}`,
  )
  const waiting = Array.from({ length: 100 }, () => forwarding.ask())
  for (let i = 0; i < 9_900; i++) {
    const { rcode, reply } = ask(forwarding.handler)
    if (rcode !== Rcode.REFUSED || reply.failure?.message !== 'concurrent queries exceeded maximum 100') t.fail(`${i}`)
  }
  t.equal(forwarding.metric('coredns_forward_max_concurrent_rejects_total'), 9_900)
  await server.receive(100)
  for (const asked of server.asked) asked.send(buildAnswer(asked.bytes))
  t.ok((await Promise.all(waiting)).every(({ rcode }) => rcode === Rcode.NOERROR))
  server.script = addressAnswer()
  t.same((await forwarding.ask()).sections, WWW, 'there is room again')
})

void t.test('lookups that fail leave nothing behind', async t => {
  const silent = await serve(t, silence)
  const dead = await deadPort()
  const options = `{\n ${QUICK}\n max_fails 0\n}`
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${dead} 127.0.0.1:${silent.port} ${options}`)
  const { wheel } = forwardOf(forwarding)
  for (let round = 0; round < 3; round++) {
    const transport = round === 1 ? Transport.TCP : Transport.UDP
    await Promise.all(Array.from({ length: 500 }, () => forwarding.ask({ transport })))
    t.equal(outstanding(forwarding), 0)
    t.equal(forwardOf(forwarding).concurrent, 0)
    const sockets = forwardOf(forwarding).upstreams.reduce((sum, upstream) => sum + upstream.sockets, 0)
    t.ok(sockets <= 2 * (64 + 16), `${sockets} sockets`)
    t.ok(wheel.count <= sockets, 'what the wheel holds are sockets that will expire')
  }
  await stop(forwarding.block)
  t.equal(wheel.count, 0)
  t.equal(
    forwardOf(forwarding).upstreams.reduce((sum, upstream) => sum + upstream.sockets, 0),
    0,
  )
})

void t.test('stop ends what waits with SERVFAIL, and every check', async t => {
  const silent = await serve(t, silence)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${silent.port}`)
  const pending = [forwarding.ask(), forwarding.ask({ transport: Transport.TCP })]
  await silent.receive(2)
  await stop(forwarding.block)
  for (const { rcode } of await Promise.all(pending)) t.equal(rcode, Rcode.SERVFAIL)
  t.equal(forwardOf(forwarding).wheel.count, 0)
  t.equal(ask(forwarding.handler).rcode, Rcode.SERVFAIL)
})

void t.test('a connection that the server has closed while it was idle is opened anew', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n max_connect_attempts 1\n}`)
  await forwarding.ask({ transport: Transport.TCP })
  await forwarding.ask({ transport: Transport.TCP })
  t.equal(server.accepted, 1)
  // It takes the next question, and only then hangs up.
  server.script = asked => {
    server.script = addressAnswer()
    asked.hangUp()
    return undefined
  }
  t.same((await forwarding.ask({ transport: Transport.TCP })).sections, WWW)
  t.equal(server.accepted, 2)
  for (const socket of server.connections) {
    socket.end()
    await once(socket, 'close')
  }
  t.same((await forwarding.ask({ transport: Transport.TCP })).sections, WWW)
  t.equal(server.accepted, 3)
})

void t.test('what a server hangs up on is asked again on one connection, not on one each', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n max_connect_attempts 1\n}`)
  await forwarding.ask({ transport: Transport.TCP })
  const [first] = server.asked
  server.script = asked => {
    if (asked.connection !== first.connection) return addressAnswer()(asked)
    if (server.asked.length === 13) first.hangUp()
    return undefined
  }
  const names = Array.from({ length: 12 }, (_, i) => `n${i}.example.`)
  const answers = await Promise.all(names.map(name => forwarding.ask({ name, transport: Transport.TCP })))
  for (const { rcode } of answers) t.equal(rcode, Rcode.NOERROR)
  t.equal(server.accepted, 2)
})

void t.test('a server that hangs up on every question fails after one more try', async t => {
  const server = await serve(t, asked => {
    asked.hangUp()
    return undefined
  })
  const options = '{\n max_connect_attempts 1\n max_fails 0\n}'
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} ${options}`)
  const { rcode, reply } = await forwarding.ask({ transport: Transport.TCP })
  t.equal(rcode, Rcode.SERVFAIL)
  t.match(reply.failure?.message, /^upstream 127\.0\.0\.1:\d+: /)
  t.equal(server.asked.length, 1, 'the connection was new: that is no idle one that was closed')
})

void t.test('many questions are under way on one connection, answered in any order', async t => {
  const held: (() => void)[] = []
  const server = await serve(t, asked => {
    held.push(() => asked.send(addressAnswer()(asked) ?? Buffer.alloc(0)))
    if (held.length === 10) for (const send of held.toReversed()) send()
    return undefined
  })
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port}`)
  const names = Array.from({ length: 10 }, (_, i) => `n${i}.example.`)
  const answers = await Promise.all(names.map(name => forwarding.ask({ name, transport: Transport.TCP })))
  t.same(
    answers.map(({ sections }) => sections[0][0]),
    names.map(name => `${name} 300 A 192.0.2.1`),
  )
  t.equal(server.accepted, 1)
})

void t.test('expire and max_age close connections; max_idle_conns bounds those that are kept', async t => {
  const server = await serve(t)
  const expiring = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n expire 10ms\n}`)
  await expiring.ask({ transport: Transport.TCP })
  await expiring.ask()
  const [upstream] = forwardOf(expiring).upstreams
  while (upstream.sockets > 0) await new Promise(resolve => void setTimeout(resolve, 10))
  t.equal(forwardOf(expiring).wheel.count, 0)
  const aging = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n expire 1ms\n max_age 1ms\n}`)
  const before = server.accepted
  for (let i = 0; i < 3; i++) {
    await aging.ask({ transport: Transport.TCP })
    await new Promise(resolve => void setTimeout(resolve, 5))
  }
  t.equal(server.accepted, before + 3)
  const sparing = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n max_idle_conns 1\n}`)
  await Promise.all(Array.from({ length: 60 }, () => sparing.ask({ transport: Transport.TCP })))
  t.equal(forwardOf(sparing).upstreams[0].sockets, 1)
})
