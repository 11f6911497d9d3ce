import { EventEmitter, once } from 'node:events'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Forward } from '../../src/plugins/forward/forward.ts'
import { ResolvConf, parseResolvConf } from '../../src/plugins/forward/resolvconf.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { buildAnswer, record } from '../upstream/server.ts'
import { Forwarding, serve } from './forwarding.ts'
import { setUpBlock, start, stop } from './harness.ts'

const WWW = [['www.example.org. 300 A 192.0.2.1'], [], []]
const TESTDATA = fileURLToPath(new URL('../watch/testdata/', import.meta.url))

function upstreams(directives: string): string[] {
  const { handler } = new Forwarding(directives)
  return handler instanceof Forward ? handler.upstreams.map(({ key }) => key) : []
}

void t.test('TO may be written in many ways', async t => {
  const cases: Readonly<Record<string, string[]>> = {
    '10.0.0.10': ['dns 10.0.0.10:53 '],
    '10.0.0.10:1053': ['dns 10.0.0.10:1053 '],
    'dns://10.0.0.10': ['dns 10.0.0.10:53 '],
    '2003::1': ['dns [2003::1]:53 '],
    '[2003::1]': ['dns [2003::1]:53 '],
    '[2003::1]:1053': ['dns [2003::1]:1053 '],
    'fe80::1%eth0': ['dns [fe80::1%eth0]:53 '],
    '[fe80::1%eth0]:1053': ['dns [fe80::1%eth0]:1053 '],
    'tls://9.9.9.9': ['tls 9.9.9.9:853 '],
    'tls://9.9.9.9:10853': ['tls 9.9.9.9:10853 '],
    'tls://9.9.9.9%dns.quad9.net': ['tls 9.9.9.9:853 dns.quad9.net'],
    'tls://9.9.9.9%dns.quad9.net:10853': ['tls 9.9.9.9:10853 dns.quad9.net'],
    'tls://[2620:fe::fe%dns.quad9.net]:10853': ['tls [2620:fe::fe]:10853 dns.quad9.net'],
    'https://9.9.9.9': ['https 9.9.9.9:443 '],
    'https://9.9.9.9:8443': ['https 9.9.9.9:8443 '],
    'https://[2620:fe::fe]': ['https [2620:fe::fe]:443 '],
    'https://9.9.9.9%dns.quad9.net:8443': ['https 9.9.9.9:8443 dns.quad9.net'],
    'https://9.9.9.9 tls://9.9.9.9 9.9.9.9 {\n tls_servername dns.quad9.net\n}': [
      'https 9.9.9.9:443 dns.quad9.net',
      'tls 9.9.9.9:853 dns.quad9.net',
      'dns 9.9.9.9:53 ',
    ],
    '10.0.0.1 10.0.0.2 10.0.0.1': ['dns 10.0.0.1:53 ', 'dns 10.0.0.2:53 '],
    'tls://9.9.9.9 9.9.9.9 {\n tls_servername dns.quad9.net\n}': ['tls 9.9.9.9:853 dns.quad9.net', 'dns 9.9.9.9:53 '],
  }
  for (const [to, expected] of Object.entries(cases)) t.same(upstreams(`forward . ${to}`), expected, to)
})

void t.test('every option is understood', async t => {
  const options = [
    'except example.org 10.0.0.0/8',
    'force_tcp',
    'prefer_udp',
    'expire 20s',
    'max_age 1m',
    'max_idle_conns 4',
    'max_fails 3',
    'max_connect_attempts 5',
    'read_timeout 1s',
    `tls ${TESTDATA}client.crt ${TESTDATA}client.key ${TESTDATA}ca.crt`,
    'tls_servername dns.example',
    'doh_method GET',
    'doh_method POST',
    'policy round_robin',
    'health_check 5s no_rec domain example.org',
    'max_concurrent 1000',
    'next NXDOMAIN REFUSED',
    'next_on_nodata',
    'failfast_all_unhealthy_upstreams',
    'failover SERVFAIL NOTIMPL',
    'source_address 127.0.0.1',
    'resolver 10.0.0.1 10.0.0.1:53 [fd00::1]:53 fd00::1',
  ]
  t.doesNotThrow(() => setUpBlock(`forward . 10.0.0.10 {\n${options.join('\n')}\n}`))
})

void t.test('mistakes are told with their position', async t => {
  const cases: Readonly<Record<string, RegExp>> = {
    forward: /^Corefile:2:1: nothing after 'forward'/,
    'forward .': /^Corefile:2:9: nothing after '\.'/,
    'forward . https://9.9.9.9/dns-query': /^Corefile:2:11: a path in 'https:\/\/9\.9\.9\.9\/dns-query'/,
    'forward . https://9.9.9.9/': /^Corefile:2:11: a path in 'https:\/\/9\.9\.9\.9\/': \/dns-query is always asked for/,
    'forward . https://9.9.9.256': /^Corefile:2:11: 'https:\/\/9\.9\.9\.256' is not an IP address/,
    'forward . quic://9.9.9.9':
      /^Corefile:2:11: quic:\/\/ is not supported: .*; expected tls:\/\/9\.9\.9\.9 or https:\/\/9\.9\.9\.9, /,
    'forward . https3://9.9.9.9': /^Corefile:2:11: unknown scheme/,
    'forward . ftp://9.9.9.9': /^Corefile:2:11: unknown scheme/,
    'forward . 10.0.0.256': /^Corefile:2:11: '10\.0\.0\.256' is not an IP address, a file or a host name/,
    'forward . 10.0.0.1:0': /^Corefile:2:11: bad port/,
    'forward . 10.0.0.1:70000': /^Corefile:2:11: bad port/,
    'forward . /nowhere/resolv.conf': /^Corefile:2:11: there is no file '\/nowhere\/resolv\.conf'/,
    'forward . /dev/null': /^Corefile:2:11: nobody to forward to/,
    [`forward . ${'10.0.0.1 '.repeat(16)}`]: /^Corefile:2:146: 16 servers are too many; expected at most 15/,
    'forward . 10.0.0.1 {\n max_fail 2\n}': /^Corefile:3:2: unknown property 'max_fail' \(did you mean 'max_fails'\?\)/,
    'forward . https://9.9.9.9 {\n doh_method PUT\n}': /^Corefile:3:13: bad method 'PUT'; expected POST or GET/,
    'forward . https://9.9.9.9 {\n doh_method get\n}': /^Corefile:3:13: bad method 'get'/,
    'forward . https://9.9.9.9 {\n doh_method\n}': /^Corefile:3:2: nothing after 'doh_method'/,
    'forward . https://9.9.9.9 {\n doh_method GET POST\n}': /^Corefile:3:17: 'POST' is one argument too many/,
    'forward . https://9.9.9.9%a.example {\n tls_servername b.example\n}': /^Corefile:2:11: a server name in/,
    'forward . 10.0.0.1 {\n policy best\n}':
      /^Corefile:3:9: unknown policy 'best'; expected random, round_robin or sequential/,
    'forward . 10.0.0.1 {\n expire 10s\n max_age 5s\n}': /^Corefile:4:10: max_age is less than expire/,
    'forward . 10.0.0.1 {\n max_age 5s\n}': /^Corefile:3:10: max_age is less than expire/,
    'forward . 10.0.0.1 {\n except\n}': /^Corefile:3:2: nothing after 'except'/,
    'forward . 10.0.0.1 {\n failover NOERROR\n}': /^Corefile:3:11: NOERROR is no failure/,
    'forward . 10.0.0.1 {\n next FINE\n}': /^Corefile:3:7: 'FINE' is no rcode/,
    'forward . 10.0.0.1 {\n read_timeout 0\n}': /^Corefile:3:15: bad value '0'/,
    'forward . 10.0.0.1 {\n force_tcp yes\n}': /^Corefile:3:12: 'yes' is one argument too many/,
    'forward . 10.0.0.1 {\n health_check 1s often\n}': /^Corefile:3:18: unknown option 'often'/,
    'forward . 10.0.0.1 {\n source_address eth0\n}': /^Corefile:3:17: 'eth0' is no IP address/,
    'forward . 10.0.0.1 {\n resolver ns.example\n}': /^Corefile:3:11: 'ns\.example' is no resolver/,
    'forward . 10.0.0.1 {\n tls a b c d\n}': /^Corefile:3:2: tls has 4 arguments/,
    'forward . 10.0.0.1 {\n tls /nowhere/ca.crt\n}': /^Corefile:3:6: cannot read it: ENOENT/,
    'forward . tls://9.9.9.9%a.example {\n tls_servername b.example\n}': /^Corefile:2:11: a server name in/,
  }
  for (const [directives, message] of Object.entries(cases))
    t.throws(() => setUpBlock(directives), { message }, directives)
})

void t.test('max_age counts as it stands at the end, whichever comes first', async t => {
  t.doesNotThrow(() => setUpBlock('forward . 10.0.0.1 {\n max_age 5s\n expire 5s\n}'))
  t.throws(() => setUpBlock('forward . 10.0.0.1 {\n max_age 15s\n expire 20s\n}'), { message: /^Corefile:4:/ })
})

void t.test('of resolv.conf the nameserver lines count', async t => {
  const text =
    '# nameserver 10.0.0.1\nsearch example.org\n  nameserver\t10.0.0.2 # first\r\nnameserver fe80::1%eth0\nnameserver nobody\noptions ndots:5\nnameserver'
  t.same(parseResolvConf(text), ['10.0.0.2', 'fe80::1%eth0'])
})

void t.test('a file is read again when it changes, and believed for ever when it goes', async t => {
  const path = join(t.testdir(), 'resolv.conf')
  /** A file that nobody reads half. */
  const writing = (text: string): string => {
    writeFileSync(`${path}.new`, text)
    return `${path}.new`
  }
  writeFileSync(path, 'nameserver 127.0.0.1\n')
  const file = new ResolvConf(path)
  // The file does not keep the process from ending.
  const awake = setInterval(() => {}, 1_000)
  t.teardown(() => {
    file.stop()
    clearInterval(awake)
  })
  const addresses = (): string => file.endpoints.map(({ address }) => address).join()
  // Before anybody has looked: what was known is what the constructor has read.
  writeFileSync(path, 'nameserver 127.0.0.2\nnameserver 127.0.0.3\n')
  const happened = new EventEmitter()
  const next = async (): Promise<unknown> => (await once(happened, 'next'))[0]
  file.watch(
    () => happened.emit('next', addresses()),
    what => happened.emit('next', what.slice(path.length + 1)),
    10,
  )
  t.equal(await next(), '127.0.0.2,127.0.0.3')
  const kept = '; the servers that it named are still asked'
  writeFileSync(path, '# nobody is left here at all, it seems\n')
  t.equal(await next(), `names no server any more${kept}`)
  rmSync(path)
  t.equal(await next(), `is gone${kept}`, 'once for each')
  mkdirSync(path)
  t.match(await next(), new RegExp(`^cannot be read: .*${kept}$`))
  t.equal(addresses(), '127.0.0.2,127.0.0.3')
  rmSync(path, { recursive: true })
  t.equal(await next(), `is gone${kept}`)
  renameSync(writing('nameserver 127.0.0.4\n'), path)
  t.equal(await next(), '127.0.0.4')
})

const endpoint = (address: string): Endpoint => ({ address, port: 53, scheme: 'dns' })

void t.test('servers that stay in a list keep their connections; those that go are not asked any more', async t => {
  const forwarding = new Forwarding('forward . 127.0.0.1 127.0.0.2')
  const { handler } = forwarding
  if (!(handler instanceof Forward)) throw new Error('not a forward')
  const [first, second] = handler.upstreams
  handler.setEndpoints([endpoint('127.0.0.3'), endpoint('127.0.0.2')])
  t.equal(handler.upstreams[1], second)
  t.notOk(handler.upstreams.includes(first))
  t.equal(handler.upstreams[0].to, '127.0.0.3:53')
})

void t.test('a host name is looked up at the start, and keeps the server from starting when it cannot be', async t => {
  const good = await serve(t)
  const resolver = await serve(t, ({ bytes, message }) => {
    const isA = message.questions[0].type === Type.A && message.questions[0].name === 'ns.example.'
    if (message.questions[0].name !== 'ns.example.') return buildAnswer(bytes, { rcode: Rcode.NXDOMAIN })
    return buildAnswer(bytes, { answers: isA ? [record(12, Type.A, Uint8Array.of(127, 0, 0, 1))] : [] })
  })
  const options = `{\n resolver 127.0.0.1:${resolver.port}\n}`
  const forwarding = await Forwarding.start(t, `forward . ns.example:${good.port} ${options}`)
  t.same((await forwarding.ask()).sections, WWW)
  const failing = new Forwarding(`forward . gone.example ${options}`)
  await t.rejects(start(failing.block), { message: /^plugin\/forward: failed to resolve "gone\.example": / })
  await stop(failing.block)
})

void t.test('the name of a host is not the name in its certificate', async t => {
  const resolver = await serve(t, ({ bytes, message }) => {
    const answers = message.questions[0].type === Type.A ? [record(12, Type.A, Uint8Array.of(127, 0, 0, 1))] : []
    return buildAnswer(bytes, { answers })
  })
  const forwarding = await Forwarding.start(
    t,
    `forward . https://dns.example:8443 https://dns.example%other.example {\n resolver 127.0.0.1:${resolver.port}\n}`,
  )
  t.same(forwarding.handler instanceof Forward && forwarding.handler.upstreams.map(({ key }) => key), [
    'https 127.0.0.1:8443 ',
    'https 127.0.0.1:443 other.example',
  ])
})

void t.test('source_address is where questions come from', async t => {
  const server = await serve(t)
  const forwarding = await Forwarding.start(t, `forward . 127.0.0.1:${server.port} {\n source_address 127.0.0.77\n}`)
  // The answer goes back to the address that the query came from.
  t.same((await forwarding.ask()).sections, WWW)
  const foreign = await Forwarding.start(
    t,
    `forward . 127.0.0.1:${server.port} {\n source_address 192.0.2.1\n max_fails 0\n}`,
  )
  const { rcode, reply } = await foreign.ask()
  t.equal(rcode, Rcode.SERVFAIL)
  t.match(reply.failure?.message, /EADDRNOTAVAIL/)
})
