import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Forward } from '../../src/plugins/forward/forward.ts'
import { Rcode } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { CA_FILE, HttpsServer } from '../upstream/https.ts'
import { addressAnswer, buildAnswer, record } from '../upstream/server.ts'
import { Forwarding } from './forwarding.ts'
import { ask } from './harness.ts'

const WWW = [['www.example.org. 300 A 192.0.2.1'], [], []]
const HTTP1 = true

async function serve(t: Test, ...args: Parameters<typeof HttpsServer.start>): Promise<HttpsServer> {
  const server = await HttpsServer.start(...args)
  t.teardown(() => server.stop())
  return server
}

const forwardTo = (t: Test, { port }: HttpsServer, options = ''): Promise<Forwarding> =>
  Forwarding.start(t, `forward . https://127.0.0.1:${port} {\n tls ${CA_FILE}\n ${options}\n}`)

const outstanding = ({ handler }: Forwarding): number =>
  handler instanceof Forward ? handler.upstreams.reduce((sum, upstream) => sum + upstream.outstanding, 0) : -1
const sockets = ({ handler }: Forwarding): number =>
  handler instanceof Forward ? handler.upstreams.reduce((sum, upstream) => sum + upstream.sockets, 0) : -1

void t.test('https:// asks with POST, on one connection, whatever the transport of the client', async t => {
  const server = await serve(t)
  const forwarding = await forwardTo(t, server)
  for (const transport of [Transport.UDP, Transport.TCP, Transport.UDP]) {
    t.same((await forwarding.ask({ transport })).sections, WWW)
  }
  t.equal(server.accepted, 1)
  for (const { method, path, version, headers, message, bytes } of server.requested) {
    t.equal(version, '2.0')
    t.equal(method, 'POST')
    t.equal(path, '/dns-query')
    t.equal(headers['content-type'], 'application/dns-message')
    t.equal(headers.accept, 'application/dns-message')
    t.equal(headers['content-length'], String(bytes.length))
    t.equal(headers[':authority'], `127.0.0.1:${server.port}`)
    t.equal(message.id, 0)
  }
  t.equal(forwarding.metric('coredns_proxy_conn_cache_misses_total', { proto: 'https' }), 1)
  t.equal(forwarding.metric('coredns_proxy_conn_cache_hits_total', { proto: 'https' }), 2)
  t.equal(forwarding.metric('coredns_proxy_request_duration_seconds_count', { rcode: 'NOERROR' }), 3)
})

void t.test('doh_method GET asks in the path, without padding', async t => {
  const server = await serve(t)
  const forwarding = await forwardTo(t, server, 'doh_method GET')
  // Messages of every length modulo 3, each of which would have another padding.
  for (const name of ['a.example.', 'ab.example.', 'abc.example.']) {
    t.same((await forwarding.ask({ name })).sections[0], [`${name} 300 A 192.0.2.1`])
  }
  for (const { method, path, headers, message } of server.requested) {
    t.equal(method, 'GET')
    t.match(path, /^\/dns-query\?dns=[\w-]+$/)
    t.equal(headers.accept, 'application/dns-message')
    t.notOk(headers['content-type'])
    t.equal(message.id, 0)
  }
  t.same(new Set(server.requested.map(({ path }) => path.length % 4)).size, 3)
})

void t.test('many questions are under way on one connection, answered in any order', async t => {
  const held: (() => void)[] = []
  const server = await serve(t, requested => {
    held.push(() => requested.answer())
    if (held.length === 50) for (const answer of held.toReversed()) answer()
  })
  const forwarding = await forwardTo(t, server)
  const names = Array.from({ length: 50 }, (_, i) => `n${i}.example.`)
  const answers = await Promise.all(names.map(name => forwarding.ask({ name })))
  t.same(
    answers.map(({ sections }) => sections[0][0]),
    names.map(name => `${name} 300 A 192.0.2.1`),
  )
  t.equal(server.accepted, 1)
})

void t.test('no more streams than the server takes at one time', async t => {
  let open = 0
  let most = 0
  const server = await serve(
    t,
    requested => {
      most = Math.max(most, ++open)
      setImmediate(() => {
        open--
        requested.answer()
      })
    },
    { settings: { maxConcurrentStreams: 2 } },
  )
  const forwarding = await forwardTo(t, server, 'max_connect_attempts 1')
  // Its settings are known from the first answer on.
  await forwarding.ask()
  const { accepted } = server
  const names = Array.from({ length: 100 }, (_, i) => `n${i}.example.`)
  for (const { rcode } of await Promise.all(names.map(name => forwarding.ask({ name })))) t.equal(rcode, Rcode.NOERROR)
  t.ok(server.accepted > accepted && server.accepted <= 16, `${server.accepted} connections`)
  t.ok(most <= 2 * server.accepted, `${most} streams`)
})

void t.test('with HTTP/1.1, connections are kept, and have one question at a time', async t => {
  const server = await serve(t, undefined, {}, HTTP1)
  const forwarding = await forwardTo(t, server)
  for (let i = 0; i < 3; i++) t.same((await forwarding.ask()).sections, WWW)
  t.equal(server.accepted, 1)
  t.equal(server.requested[0].version, '1.1')
  t.equal(server.requested[0].headers.host, `127.0.0.1:${server.port}`)
  const names = Array.from({ length: 40 }, (_, i) => `n${i}.example.`)
  const answers = await Promise.all(names.map(name => forwarding.ask({ name })))
  t.same(
    answers.map(({ sections }) => sections[0][0]),
    names.map(name => `${name} 300 A 192.0.2.1`),
  )
  t.ok(server.accepted <= 16, `${server.accepted} connections`)
  // It answers, and goes.
  server.script = requested => requested.answer(undefined, { connection: 'close' })
  for (let i = 0; i < 3; i++) t.same((await forwarding.ask()).sections, WWW)
})

void t.test('with HTTP/1.1, what the server has closed meanwhile is asked again on another connection', async t => {
  const server = await serve(t, undefined, {}, HTTP1)
  const forwarding = await forwardTo(t, server, 'max_connect_attempts 1')
  await forwarding.ask()
  server.script = requested => {
    server.script = again => again.answer()
    requested.socket.destroy()
  }
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(server.accepted, 2)
})

void t.test('what is no answer is refused, with the reason', async t => {
  const cases: Readonly<Record<string, [Parameters<typeof HttpsServer.start>[0], RegExp]>> = {
    'an error': [requested => requested.answer(undefined, {}, 500), /HTTP status 500$/],
    'a refusal': [requested => requested.answer(undefined, {}, 429), /HTTP status 429$/],
    'a redirection': [
      requested => requested.answer(undefined, { location: '/dns-query?again' }, 302),
      /HTTP status 302$/,
    ],
    'another type': [
      requested => requested.answer(undefined, { 'content-type': 'text/html' }),
      /its answer is not application\/dns-message$/,
    ],
    'no type': [requested => requested.response.end('?'), /its answer is not application\/dns-message$/],
    'a length that is too much': [
      requested => requested.answer(Buffer.alloc(65_536), { 'content-length': '65536' }),
      /its answer is too long$/,
    ],
    'too many octets': [
      requested => {
        requested.response.writeHead(200, { 'content-type': 'application/dns-message' })
        requested.response.write(Buffer.alloc(65_535))
        requested.response.end(Buffer.alloc(1))
      },
      /its answer is too long$/,
    ],
    nothing: [requested => requested.answer(Buffer.alloc(0)), /it answered another question$/],
    'a few octets': [requested => requested.answer(Buffer.alloc(11)), /it answered another question$/],
    garbage: [requested => requested.answer(Buffer.alloc(100, 0xff)), /it answered another question$/],
    'the question': [requested => requested.answer(requested.bytes), /it answered another question$/],
    'another question': [
      ({ bytes, answer }) =>
        answer(buildAnswer(bytes, { question: Buffer.from('\x01a\x00\x00\x01\x00\x01', 'latin1') })),
      /it answered another question$/,
    ],
    'records that break off': [
      ({ bytes, answer }) => answer(buildAnswer(bytes, { answers: [record(12, 1, Buffer.alloc(4)).subarray(0, 9)] })),
      /its answer is malformed$/,
    ],
    'a reset': [
      ({ response }) => response.stream?.close(2) ?? response.destroy(),
      /upstream https:\/\/127\.0\.0\.1:\d+: ./,
    ],
  }
  for (const isHttp1 of [false, HTTP1]) {
    const server = await serve(t, undefined, {}, isHttp1)
    const forwarding = await forwardTo(t, server, 'max_connect_attempts 1\n max_fails 0')
    for (const [name, [script, reason]] of Object.entries(cases)) {
      await t.test(`${name}, HTTP/${isHttp1 ? '1.1' : '2'}`, async t => {
        if (script) server.script = script
        const before = server.requested.length
        const { rcode, reply } = await forwarding.ask()
        t.equal(rcode, Rcode.SERVFAIL)
        t.match(reply.failure?.message, reason)
        t.match(reply.failure?.message, /^upstream https:\/\/127\.0\.0\.1:\d+: /)
        t.ok(server.requested.length <= before + 2)
        server.script = requested => requested.answer()
        t.same((await forwarding.ask()).sections, WWW, 'the next one is well')
      })
    }
    t.equal(outstanding(forwarding), 0)
  }
})

void t.test('a type with parameters, another case, another 2xx and another id are no mistakes', async t => {
  const server = await serve(t, ({ bytes, message, answer }) => {
    const whole = addressAnswer()({ bytes, message } as never) ?? Buffer.alloc(0)
    const other = Buffer.from(whole)
    other.writeUInt16BE(4_711, 0)
    answer(other, { 'content-type': 'Application/DNS-Message ; charset=utf-8' }, 203)
  })
  const forwarding = await forwardTo(t, server)
  t.same((await forwarding.ask()).sections, WWW)
})

void t.test('the age of an answer is taken from its TTLs, not from OPT', async t => {
  const ages: Readonly<Record<string, number>> = {
    '100': 200,
    '0': 300,
    '300': 0,
    '999': 0,
    x: 300,
    '-1': 300,
    '1e2': 300,
  }
  let age = ''
  const server = await serve(t, requested => requested.answer(undefined, { age }))
  const forwarding = await forwardTo(t, server)
  for (const [field, ttl] of Object.entries(ages)) {
    age = field
    const { sections, rcode } = await forwarding.ask({ udpSize: 1_232 })
    t.same(sections[0], [`www.example.org. ${ttl} A 192.0.2.1`], field)
    t.equal(rcode, Rcode.NOERROR)
  }
})

void t.test('a session that the server ends takes no more questions, and loses none', async t => {
  const server = await serve(t)
  const forwarding = await forwardTo(t, server, 'max_connect_attempts 1')
  await forwarding.ask()
  // A graceful end, while a question is under way: it is answered, and the next one goes elsewhere.
  server.script = requested => {
    requested.stream.session?.close()
    setTimeout(() => requested.answer(), 20)
  }
  t.same((await forwarding.ask()).sections, WWW)
  server.script = requested => requested.answer()
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(server.accepted, 2)
  // It says that it has looked at the first stream only: once more, on another one.
  server.script = requested => {
    server.script = again => again.answer()
    requested.stream.session?.goaway(0, 1)
  }
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(server.accepted, 3)
  // It breaks off without a word.
  server.script = requested => {
    server.script = again => again.answer()
    requested.socket.destroy()
  }
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(server.accepted, 4)
  // It refuses the stream, and goes on with the session (RFC 9113 section 8.7).
  server.script = requested => {
    server.script = again => again.answer()
    requested.stream.close(7)
  }
  t.same((await forwarding.ask()).sections, WWW)
  // An error of its own ends all.
  server.script = requested => {
    server.script = again => again.answer()
    requested.stream.session?.goaway(2)
  }
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(outstanding(forwarding), 0)
})

void t.test('a server that refuses every stream fails after one more try', async t => {
  const server = await serve(t, requested => requested.stream.close(7))
  const forwarding = await forwardTo(t, server, 'max_connect_attempts 1\n max_fails 0')
  const { rcode, reply } = await forwarding.ask()
  t.equal(rcode, Rcode.SERVFAIL)
  t.match(reply.failure?.message, /^upstream https:/)
  t.equal(server.requested.length, 2)
})

void t.test('a late question gives up its stream, the others go on', async t => {
  const server = await serve(t)
  const forwarding = await forwardTo(t, server, 'max_connect_attempts 1\n max_fails 0')
  await forwarding.ask()
  let reset: Promise<unknown> | undefined
  server.script = ({ message, stream, answer }) => {
    if (message.questions[0].name.startsWith('late')) reset = once(stream, 'close').then(() => stream.rstCode)
    else answer()
  }
  const late = forwarding.ask({ name: 'late.example.' })
  await server.receive(2)
  t.same((await forwarding.ask()).sections, WWW)
  const now = performance.now.bind(performance)
  const clock = mock.method(performance, 'now', () => now() + 2_000)
  t.teardown(() => clock.mock.restore())
  const { rcode, reply } = await late
  t.equal(rcode, Rcode.SERVFAIL)
  t.match(reply.failure?.message, /no answer within 2s$/)
  t.equal(await reset, 8, 'CANCEL')
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(server.accepted, 1)
})

void t.test(
  'the certificate must be for the name that the Corefile gives, which is the host of the request, too',
  async t => {
    const server = await serve(t)
    const { port } = server
    const ca = `tls ${CA_FILE}\n max_fails 0`
    const cases: readonly [string, string | undefined][] = [
      [`forward . https://127.0.0.1:${port} {\n ${ca}\n}`, `127.0.0.1:${port}`],
      [`forward . https://127.0.0.1:${port} {\n ${ca}\n tls_servername localhost\n}`, `localhost:${port}`],
      [`forward . https://127.0.0.1%kubernetes:${port} {\n ${ca}\n}`, `kubernetes:${port}`],
      [`forward . https://127.0.0.1:${port} {\n ${ca}\n tls_servername other.example\n}`, undefined],
      [`forward . https://127.0.0.1:${port} {\n max_fails 0\n}`, undefined],
    ]
    for (const [directives, host] of cases) {
      server.requested.length = 0
      const forwarding = await Forwarding.start(t, directives)
      const { rcode, reply } = await forwarding.ask()
      t.equal(rcode, host === undefined ? Rcode.SERVFAIL : Rcode.NOERROR, directives)
      t.equal(server.requested[0]?.headers[':authority'], host)
      if (host === undefined) t.match(reply.failure?.message, /certificate|altnames/)
    }
  },
)

void t.test('a certificate of our own is shown where one is asked for', async t => {
  const demand = { ca: readFileSync(CA_FILE), requestCert: true, rejectUnauthorized: true }
  const folder = dirname(CA_FILE)
  for (const isHttp1 of [false, HTTP1]) {
    const server = await serve(t, undefined, demand, isHttp1)
    const directives = (files: string): string =>
      `forward . https://127.0.0.1:${server.port} {\n tls ${files}\n max_fails 0\n}`
    const forwarding = await Forwarding.start(t, directives(`${folder}/client.crt ${folder}/client.key ${CA_FILE}`))
    t.same((await forwarding.ask()).sections, WWW)
    const without = await Forwarding.start(t, directives(CA_FILE))
    const { rcode, reply } = await without.ask()
    t.equal(rcode, Rcode.SERVFAIL)
    // What the server says of it; with TLS 1.3 only after the handshake (RFC 8446 section 4.4.2.4).
    t.match(reply.failure?.message, /^upstream https:\/\/127\.0\.0\.1:\d+: .*certificate required/)
    t.equal(server.requested.length, 1)
  }
})

void t.test('round_robin goes from server to server', async t => {
  const servers = [await serve(t), await serve(t), await serve(t)]
  const targets = servers.map(({ port }) => `https://127.0.0.1:${port}`).join(' ')
  const forwarding = await Forwarding.start(t, `forward . ${targets} {\n tls ${CA_FILE}\n policy round_robin\n}`)
  for (let i = 0; i < 9; i++) t.same((await forwarding.ask()).sections, WWW)
  t.same(
    servers.map(({ requested, accepted }) => [requested.length, accepted]),
    [
      [3, 1],
      [3, 1],
      [3, 1],
    ],
  )
})

void t.test('above max_concurrent queries are refused, and counted', async t => {
  const held: (() => void)[] = []
  const server = await serve(t, requested => void held.push(() => requested.answer()))
  const forwarding = await forwardTo(t, server, 'max_concurrent 2')
  const waiting = [forwarding.ask(), forwarding.ask()]
  t.equal(ask(forwarding.handler).rcode, Rcode.REFUSED)
  await server.receive(2)
  for (const answer of held) answer()
  for (const { sections } of await Promise.all(waiting)) t.same(sections, WWW)
  t.equal(forwarding.metric('coredns_forward_max_concurrent_rejects_total'), 1)
  server.script = requested => requested.answer()
  t.same((await forwarding.ask()).sections, WWW, 'there is room again')
})

void t.test('another server is asked when one fails, and one that is well again, too', async t => {
  let isWell = false
  const sick = await serve(t, requested => requested.answer(undefined, {}, isWell ? 200 : 503))
  const well = await serve(t)
  const forwarding = await Forwarding.start(
    t,
    `forward . https://127.0.0.1:${sick.port} https://127.0.0.1:${well.port} {\n tls ${CA_FILE}\n policy sequential\n health_check 10ms domain health.example\n max_fails 1\n}`,
  )
  t.same((await forwarding.ask()).sections, WWW)
  // The question, and checks until it is down.
  await sick.receive(4)
  t.equal(sick.requested[1].message.questions[0].name, 'health.example.')
  const to = `127.0.0.1:${sick.port}`
  t.ok(forwarding.metric('coredns_proxy_healthcheck_failures_total', { to }) >= 2)
  const asked = well.requested.length
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(well.requested.length, asked + 1)
  isWell = true
  await sick.receive(sick.requested.length + 1)
  while (outstanding(forwarding) > 0) await new Promise(resolve => void setImmediate(resolve))
  t.same((await forwarding.ask()).sections, WWW)
  t.equal(well.requested.length, asked + 1)
})

void t.test('expire and max_age close connections', async t => {
  const server = await serve(t)
  const expiring = await forwardTo(t, server, 'expire 10ms')
  await expiring.ask()
  const [socket] = server.connections.keys()
  await once(socket, 'close')
  await expiring.ask()
  t.equal(server.accepted, 2)
  const aging = await forwardTo(t, server, 'expire 1ms\n max_age 1ms')
  await aging.ask()
  await aging.ask()
  t.equal(server.accepted, 4)
})

void t.test('after hundreds of failures nothing is left', async t => {
  // Node's own server does not survive all of this at one time when it resets streams, too.
  const ways: readonly NonNullable<Parameters<typeof HttpsServer.start>[0]>[] = [
    requested => requested.answer(undefined, {}, 500),
    requested => requested.answer(Buffer.alloc(70_000)),
    requested => requested.socket.destroy(),
    requested => requested.stream.session?.destroy(),
    requested => requested.answer(),
    () => {},
  ]
  let count = 0
  const server = await serve(t, requested => ways[count++ % ways.length](requested))
  const forwarding = await forwardTo(
    t,
    server,
    'read_timeout 100ms\n max_fails 0\n expire 100ms\n max_connect_attempts 2',
  )
  let asked = 0
  const askOn = async (): Promise<void> => {
    while (asked++ < 500) await forwarding.ask({ name: `n${asked}.example.` })
  }
  await Promise.all(Array.from({ length: 50 }, askOn))
  t.equal(outstanding(forwarding), 0)
  t.ok(sockets(forwarding) <= 16, `${sockets(forwarding)} connections`)
  for (const socket of server.connections.keys()) await once(socket, 'close')
  t.equal(sockets(forwarding), 0)
  t.equal(forwarding.handler instanceof Forward && forwarding.handler.wheel.count, 0)
  t.equal(server.sessions.size, 0)
})
