import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Rcode } from '../../src/wire/constants.ts'
import { Forwarding, serve } from './forwarding.ts'

const WWW = [['www.example.org. 300 A 192.0.2.1'], [], []]
const folder = fileURLToPath(new URL('../watch/testdata/', import.meta.url))
const read = (name: string): Buffer => readFileSync(`${folder}${name}`)
const server = { cert: read('server.crt'), key: read('server.key') }

void t.test('tls:// asks over TLS, on one connection, whatever the transport of the client', async t => {
  const upstream = await serve(t, undefined, server)
  const forwarding = await Forwarding.start(t, `forward . tls://127.0.0.1:${upstream.port} {\n tls ${folder}ca.crt\n}`)
  for (let i = 0; i < 3; i++) t.same((await forwarding.ask()).sections, WWW)
  t.equal(upstream.accepted, 1)
  t.equal(upstream.asked[0].transport, 'tls')
  t.equal(forwarding.metric('coredns_proxy_conn_cache_hits_total', { proto: 'tcp-tls' }), 2)
})

void t.test('the certificate must be for the name that the Corefile gives, or for the address', async t => {
  const upstream = await serve(t, undefined, server)
  const elsewhere = await serve(t, undefined, { cert: read('elsewhere.crt'), key: read('server.key') })
  const ca = `tls ${folder}ca.crt\n max_fails 0`
  const cases: readonly [string, Rcode][] = [
    [`forward . tls://127.0.0.1%kubernetes:${upstream.port} {\n ${ca}\n}`, Rcode.NOERROR],
    [`forward . tls://127.0.0.1:${upstream.port} {\n ${ca}\n tls_servername localhost\n}`, Rcode.NOERROR],
    [`forward . tls://127.0.0.1%other.example:${upstream.port} {\n ${ca}\n}`, Rcode.SERVFAIL],
    [`forward . tls://127.0.0.1:${elsewhere.port} {\n ${ca}\n}`, Rcode.SERVFAIL],
    [`forward . tls://127.0.0.1:${upstream.port} {\n max_fails 0\n}`, Rcode.SERVFAIL],
    [`forward . tls://127.0.0.1:${upstream.port} {\n tls ${folder}other-ca.crt\n max_fails 0\n}`, Rcode.SERVFAIL],
  ]
  for (const [directives, expected] of cases) {
    const forwarding = await Forwarding.start(t, directives)
    const { rcode, reply } = await forwarding.ask()
    t.equal(rcode, expected, directives)
    if (expected === Rcode.SERVFAIL) t.match(reply.failure?.message, /^upstream tls:\/\/127\.0\.0\.1:\d+: /)
  }
})

void t.test('a certificate of our own is shown where one is asked for', async t => {
  const upstream = await serve(t, undefined, {
    ...server,
    ca: read('ca.crt'),
    requestCert: true,
    rejectUnauthorized: true,
  })
  const files = `${folder}client.crt ${folder}client.key ${folder}ca.crt`
  const forwarding = await Forwarding.start(t, `forward . tls://127.0.0.1:${upstream.port} {\n tls ${files}\n}`)
  t.same((await forwarding.ask()).sections, WWW)
  const without = await Forwarding.start(
    t,
    `forward . tls://127.0.0.1:${upstream.port} {\n tls ${folder}ca.crt\n max_fails 0\n}`,
  )
  t.equal((await without.ask()).rcode, Rcode.SERVFAIL)
})
