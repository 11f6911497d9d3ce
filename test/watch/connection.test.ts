import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import {
  type ApiConnection,
  type ApiResponse,
  type ConnectionOptions,
  HttpConnection,
} from '../../src/watch/connection.ts'
import { connectEndpoint } from '../../src/watch/endpoint.ts'
import { readText } from '../../src/watch/line.ts'
import { ManualClock, ScriptedApi } from './scripted.ts'

const never = new AbortController().signal
const file = (name: string): string => join(import.meta.dirname, 'testdata', name)
const pem = (name: string): string => readFileSync(file(name), 'utf8')

async function serve(t: Test, certificate?: string): Promise<ScriptedApi> {
  const tls = { key: pem('server.key'), ca: pem('ca.crt'), requestCert: true, rejectUnauthorized: false }
  const api = await new ScriptedApi(certificate === undefined ? undefined : { ...tls, cert: pem(certificate) }).listen()
  t.teardown(() => api.close())
  return api
}

async function connect(t: Test, endpoint: string, tls = {}, options: ConnectionOptions = {}): Promise<ApiConnection> {
  const connection = await connectEndpoint({ endpoint, tls, ...options })
  t.teardown(() => connection.close())
  return connection
}

const read = (response: ApiResponse): Promise<string> => readText(response, 1 << 20)

void t.test('connections are used again, and requests go below the path of the endpoint', async t => {
  const api = await serve(t)
  const connection = await connect(t, `${api.url}/k8s/clusters/c1/`)
  t.equal(connection.baseUrl, `${api.url}/k8s/clusters/c1`)
  const ports = new Set<number | undefined>()
  for (let round = 0; round < 10; round++) {
    const asked = connection.request('/api/v1/services?limit=1', { signal: never })
    const call = await api.next()
    t.equal(call.path, '/k8s/clusters/c1/api/v1/services')
    t.match(call.headers, { accept: 'application/json', 'user-agent': 'kubezone' })
    t.equal(call.headers.authorization, undefined)
    ports.add(call.socket.remotePort)
    call.json(200, { round })
    const response = await asked
    t.equal(response.status, 200)
    t.equal(await read(response), `{"round":${round}}`)
  }
  // Node frees a connection a turn after the body has ended, so that the next request may find it busy and take a
  // second one.
  t.ok(ports.size <= 2, `${ports.size} connections for 10 requests`)
})

void t.test('host:port is http without tls, https with it', async t => {
  t.equal((await connect(t, '127.0.0.1:8080')).baseUrl, 'http://127.0.0.1:8080')
  t.equal((await connect(t, '127.0.0.1:6443', { ca: file('ca.crt') })).baseUrl, 'https://127.0.0.1:6443')
})

void t.test('a server whose certificate the given CA signed is trusted, and the client shows its own', async t => {
  const api = await serve(t, 'server.crt')
  const tls = { ca: file('ca.crt'), cert: file('client.crt'), key: file('client.key') }
  const connection = await connect(t, api.url, tls)
  const asked = connection.request('/version', { signal: never })
  const call = await api.next()
  const socket = call.socket as TLSSocket
  t.ok(socket.authorized)
  t.equal(socket.getPeerCertificate().subject.CN, 'client')
  t.equal(socket.alpnProtocol || 'http/1.1', 'http/1.1')
  call.json(200, {})
  await read(await asked)
})

for (const [name, certificate, ca, message] of [
  [
    'of a CA that was not given',
    'server.crt',
    'other-ca.crt',
    /is not signed by a CA given here \(.+\): give the CA of the cluster/,
  ],
  ['for another name', 'elsewhere.crt', 'ca.crt', /is for another name/],
  ['that is out of date', 'expired.crt', 'ca.crt', /is out of date \(CERT_HAS_EXPIRED\): renew it, or check the clock/],
] as const) {
  void t.test(`a server with a certificate ${name} is refused, with the reason`, async t => {
    const api = await serve(t, certificate)
    const connection = await connect(t, api.url, { ca: file(ca) })
    await t.rejects(connection.request('/version', { signal: never }), {
      name: 'ApiFault',
      code: 'certificate',
      message,
    })
  })
}

void t.test('https to a port that speaks http is told so', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url.replace('http:', 'https:'), { ca: file('ca.crt') })
  await t.rejects(connection.request('/version', { signal: never }), {
    code: 'certificate',
    message: /check that it is an https port/,
  })
})

for (const [name, endpoint, tls, message] of [
  ['no URL', 'http://', {}, /the API endpoint .* is not http:\/\/host:port or https:\/\/host:port/],
  ['another scheme', 'ftp://host', {}, /the API endpoint ftp:\/\/host is not/],
  ['a certificate without its key', 'https://host', { cert: 'x' }, /a client certificate without its key/],
  [
    'a file that is not there',
    'https://host',
    { ca: '/nowhere/ca.crt' },
    /cannot read the CA of the API connection, \/nowhere\/ca\.crt \(ENOENT\): check the tls option/,
  ],
  ['a file that is no PEM', 'https://host', { ca: file('README.md') }, /README\.md, is not PEM: check the order/],
] as const) {
  void t.test(`an endpoint with ${name} is refused before anything is asked`, async t => {
    await t.rejects(connectEndpoint({ endpoint, tls }), { name: 'ApiFault', code: 'configuration', message })
  })
}

void t.test('user and password of an endpoint are in no message', async t => {
  const api = await new ScriptedApi().listen()
  const connection = await connect(t, api.url.replace('//', '//someone:hunter2@'))
  await api.close()
  t.notMatch(connection.baseUrl, /hunter2/)
  const fault = await connection.request('/version', { signal: never }).catch((error: unknown) => error)
  t.match(fault, { code: 'unreachable', message: /^http:\/\/127\.0\.0\.1:\d+ refuses connections \(ECONNREFUSED\)/ })
})

for (const [name, certificate, ca] of [
  ['http', undefined, undefined],
  ['https', 'server.crt', 'ca.crt'],
] as const) {
  void t.test(`over ${name}, a long body comes as it is, and nothing is kept of a piece when it was taken`, async t => {
    const api = await serve(t, certificate)
    const connection = await connect(t, api.url, ca ? { ca: file(ca) } : {})
    const sent = Buffer.from(Uint32Array.from({ length: 1 << 20 }, (_, i) => i).buffer)
    // The second over the connection of the first, where that is free again.
    for (let round = 0; round < 2; round++) {
      const asked = connection.request('/api', { signal: never })
      ;(await api.next()).open().write(sent).end()
      const taken: Uint8Array[] = []
      const copies: Uint8Array[] = []
      await (await asked).read(piece => {
        taken.push(piece)
        copies.push(Buffer.from(piece))
        return true
      })
      t.ok(Buffer.concat(copies).equals(sent))
      t.ok(taken.every(({ buffer }) => (buffer as ArrayBuffer).detached))
    }
  })
}

void t.test('who has had enough of a body closes the connection', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url)
  const asked = connection.request('/api', { signal: never })
  const call = (await api.next()).open().write('one')
  let pieces = 0
  await (await asked).read(() => {
    pieces++
    return false
  })
  t.equal(pieces, 1)
  await call.closed
})

void t.test('what is thrown at a piece of a body closes the connection, and is told', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url)
  const asked = connection.request('/api', { signal: never })
  const call = (await api.next()).open().write('one')
  const error = new SyntaxError('no JSON')
  const reading = (await asked).read(() => {
    throw error
  })
  await t.rejects(reading, error)
  await call.closed
})

void t.test('the signal ends a request that waits for its headers, and a body that has not ended', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url)
  const waiting = new AbortController()
  const asked = connection.request('/api', { signal: waiting.signal })
  const call = await api.next()
  waiting.abort()
  await t.rejects(asked, { name: 'ApiFault' })
  await call.closed
  const reading = new AbortController()
  const opened = connection.request('/api', { signal: reading.signal })
  const second = (await api.next()).open().write('half')
  const response = await opened
  const body = read(response)
  reading.abort()
  await t.rejects(body, { name: 'ApiFault' })
  await second.closed
})

void t.test('a body that breaks off is told as a fault, not as an end', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url)
  const asked = connection.request('/api', { signal: never })
  ;(await api.next()).open().write('half').cut()
  await t.rejects(read(await asked), {
    name: 'ApiFault',
    code: 'unreachable',
    message: /the connection to http:.* failed/,
  })
})

void t.test('each request is observed once: its wait, its code, its duration', async t => {
  const api = await new ScriptedApi().listen()
  const host = `127.0.0.1:${api.port}`
  const seen: unknown[] = []
  const connection = await connect(
    t,
    api.url,
    {},
    {
      observer: {
        requestDone: (verb, host, seconds) => seen.push(['done', verb, host, seconds >= 0 && seconds < 60]),
        requestCounted: (code, method, host) => seen.push(['counted', code, method, host]),
        rateLimited: (verb, host, seconds) => seen.push(['limited', verb, host, seconds >= 0 && seconds < 60]),
      },
    },
  )
  const asked = connection.request('/api', { signal: never })
  ;(await api.next()).refuse(404, 'NotFound')
  await read(await asked)
  await api.close()
  await t.rejects(connection.request('/api', { signal: never }))
  const around = (code: string): unknown[] => [
    ['limited', 'GET', host, true],
    ['counted', code, 'GET', host],
    ['done', 'GET', host, true],
  ]
  t.strictSame(seen, [...around('404'), ...around('<error>')])
})

void t.test('limits hold requests back, not the watches that are open', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url, {}, { limits: { maxInflight: 1 } })
  const first = connection.request('/one', { signal: never })
  const second = connection.request('/two', { signal: never })
  const one = await api.next()
  t.equal(one.path, '/one')
  t.equal(api.calls.length, 0)
  one.open()
  const two = await api.next()
  t.equal(two.path, '/two', 'goes when the headers of the first have come')
  two.open()
  const bodies = (await Promise.all([first, second])).map(read)
  one.end()
  two.end()
  await Promise.all(bodies)
})

void t.test('requests that start together ask for credentials once', async t => {
  const api = await serve(t)
  let runs = 0
  const credentials = async () => {
    runs++
    await new Promise(setImmediate)
    return { headers: { authorization: `Bearer ${runs}` }, tls: {} }
  }
  const connection = new HttpConnection({ baseUrl: api.url, credentials })
  t.teardown(() => connection.close())
  const asked = [1, 2, 3].map(() => connection.request('/api', { signal: never }))
  for (const response of asked) {
    const call = await api.next()
    t.equal(call.headers.authorization, 'Bearer 1')
    call.json(200, {})
    await read(await response)
  }
  t.equal(runs, 1)
})

void t.test('a host that does not answer is given up after ten seconds', async t => {
  const clock = new ManualClock()
  const agent = new Agent()
  agent.createConnection = () => Object.assign(new Socket(), { connecting: true })
  const credentials = async () => ({ headers: {}, tls: {}, agent })
  const connection = new HttpConnection({ baseUrl: 'http://192.0.2.1', credentials }, { clock })
  t.teardown(() => connection.close())
  const asked = connection.request('/api', { signal: never })
  await clock.waits(10_000)
  clock.advance(10_000)
  await t.rejects(asked, {
    code: 'unreachable',
    message: /^the connection to http:\/\/192\.0\.2\.1 failed \(ETIMEDOUT: no connection within 10 s\)/,
  })
  t.strictSame(clock.delays, [])
})

void t.test('a body that nobody reads may break off', async t => {
  const api = await serve(t)
  const connection = await connect(t, api.url)
  const asked = connection.request('/api', { signal: never })
  const call = (await api.next()).open()
  const response = await asked
  call.write('half').cut()
  await call.closed
  await new Promise(setImmediate)
  await t.rejects(read(response), { code: 'unreachable' })
})
