import { mock } from 'node:test'
import t from 'tap'
import { observeServer } from '../../src/plugins/prometheus/prometheus.ts'
import { formatServer } from '../../src/plugins/servername.ts'
import type { Handler } from '../../src/server/handler.ts'
import { joinChain } from '../../src/server/plugin.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Transport } from '../../src/wire/query.ts'
import { Section } from '../../src/wire/reply.ts'
import { get } from './http.ts'
import {
  ask,
  askLater,
  chain,
  listPhases,
  makeProcess,
  makeQuery,
  makeReply,
  setUp,
  setUpBlock,
  start,
  stop,
} from './harness.ts'

const ADDRESS = '127.0.0.1:0'

/** The samples of the page whose names begin with `prefix`, as they stand there. */
function samples(page: string, prefix: string): string[] {
  return page.split('\n').filter(line => line.startsWith(prefix))
}

const refusing: Handler = { serve: () => Rcode.REFUSED }

void t.test('requests are counted by zone, transport, family and type', async t => {
  const [block] = setUp('org example.org b.example.org:1053 {\n prometheus\n}')
  const handler = chain(block, refusing)
  ask(handler, { name: 'example.org.' })
  ask(handler, { name: 'A.example.org.', type: Type.AAAA })
  ask(handler, { name: 'A.example.org.', type: Type.AAAA })
  ask(handler, { name: 'b.example.org.', transport: Transport.TCP, client: '::1' })
  ask(handler, { name: 'badexample.org.', type: 29 })
  ask(handler, { name: 'badexample.org.', type: 65_535 })
  ask(handler, { name: 'badexample.org.', type: Type.ANY })
  const server = 'server="dns://:53"'
  t.same(samples(block.process.metrics.render(), 'coredns_dns_requests_total'), [
    `coredns_dns_requests_total{family="1",proto="udp",${server},type="A",view="",zone="example.org."} 1`,
    `coredns_dns_requests_total{family="1",proto="udp",${server},type="AAAA",view="",zone="example.org."} 2`,
    `coredns_dns_requests_total{family="1",proto="udp",${server},type="ANY",view="",zone="org."} 1`,
    `coredns_dns_requests_total{family="1",proto="udp",${server},type="other",view="",zone="org."} 2`,
    `coredns_dns_requests_total{family="2",proto="tcp",${server},type="A",view="",zone="b.example.org."} 1`,
  ])
})

const TYPES = 'AAAA A CNAME DNSKEY DS MX NSEC3 NSEC NS PTR RRSIG SOA SRV TXT HTTPS SVCB IXFR AXFR ANY'.split(
  ' ',
) as (keyof typeof Type)[]

void t.test('the types of CoreDNS have a label, all others share one', async t => {
  const block = setUpBlock('prometheus')
  const handler = chain(block, refusing)
  for (let type = 0; type <= 300; type++) if (type !== Type.OPT) ask(handler, { type })
  const counts = samples(block.process.metrics.render(), 'coredns_dns_requests_total').map(line =>
    line.replace(/.*type="(\w+)".* (\d+)$/, '$1 $2'),
  )
  t.same(counts.sort(), [...TYPES.map(type => `${type} 1`), `other ${300 - TYPES.length}`].sort())
})

void t.test('responses are counted by rcode and by the plugin that made them', async t => {
  const block = setUpBlock('prometheus\nloadbalance\nwhoami')
  const other = joinChain(block, 'other')
  const author = joinChain(block, 'whoami')
  const answers: [rcode: Rcode, author: number][] = [
    [Rcode.NOERROR, author],
    [Rcode.NXDOMAIN, other],
    [Rcode.NXDOMAIN, other],
    [Rcode.SERVFAIL, -1],
    [23, -1],
    [4095, other],
    [4095, other],
  ]
  let at = 0
  const handler = chain(
    { ...block, instances: block.instances.slice(0, 1) },
    {
      serve(_, reply) {
        const [rcode, author] = answers[at++]
        reply.author = author
        return rcode
      },
    },
  )
  while (at < answers.length) ask(handler)
  const rest = 'server="dns://:53",view="",zone="."'
  t.same(samples(block.process.metrics.render(), 'coredns_dns_responses_total'), [
    `coredns_dns_responses_total{plugin="",rcode="BADCOOKIE",${rest}} 1`,
    `coredns_dns_responses_total{plugin="",rcode="SERVFAIL",${rest}} 1`,
    `coredns_dns_responses_total{plugin="other",rcode="NXDOMAIN",${rest}} 2`,
    `coredns_dns_responses_total{plugin="other",rcode="RCODE4095",${rest}} 2`,
    `coredns_dns_responses_total{plugin="whoami",rcode="NOERROR",${rest}} 1`,
  ])
})

void t.test('sizes are those of the messages, OPT included', async t => {
  const block = setUpBlock('prometheus')
  const handler = chain(block, {
    serve(_, reply) {
      reply.addRecord(Section.Answer, Type.A, 5, Uint8Array.of(192, 0, 2, 1))
      return Rcode.NOERROR
    },
  })
  ask(handler, { udpSize: 1232, dnssecOk: true })
  ask(handler, { udpSize: 1232 })
  ask(handler)
  const page = block.process.metrics.render()
  const rest = 'server="dns://:53",view="",zone="."'
  t.same(samples(page, 'coredns_dns_request_size_bytes_sum'), [
    `coredns_dns_request_size_bytes_sum{proto="udp",${rest}} 121`,
  ])
  t.same(samples(page, 'coredns_dns_response_size_bytes_sum'), [
    `coredns_dns_response_size_bytes_sum{proto="udp",${rest}} 169`,
  ])
  t.same(samples(page, 'coredns_dns_do_requests_total'), [`coredns_dns_do_requests_total{${rest}} 1`])
  const bounds = samples(page, 'coredns_dns_response_size_bytes_bucket').map(line => /le="([^"]*)"/.exec(line)?.[1])
  t.same(bounds.join(' '), '0 100 200 300 400 511 1023 2047 4095 8291 16000 32000 48000 64000 +Inf')
})

void t.test('durations have the buckets of CoreDNS', async t => {
  const block = setUpBlock('prometheus')
  ask(chain(block, refusing))
  const page = block.process.metrics.render()
  const bounds = samples(page, 'coredns_dns_request_duration_seconds_bucket').map(
    line => /le="([^"]*)"/.exec(line)?.[1],
  )
  t.same(
    bounds.join(' '),
    '0.00025 0.0005 0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 8.192 +Inf',
  )
  t.match(page, 'coredns_dns_request_duration_seconds_count{server="dns://:53",view="",zone="."} 1\n')
})

void t.test('durations are in seconds', async t => {
  const clock = [1_000.25, 1_003.5]
  const now = mock.method(performance, 'now', () => clock.shift() ?? 0)
  t.teardown(() => now.mock.restore())
  const block = setUpBlock('prometheus')
  ask(chain(block, refusing))
  const page = block.process.metrics.render()
  t.match(page, 'coredns_dns_request_duration_seconds_sum{server="dns://:53",view="",zone="."} 0.00325\n')
})

void t.test('an answer that comes later is counted when it is there', async t => {
  const block = setUpBlock('prometheus')
  await askLater(chain(block, { serve: async () => Rcode.NXDOMAIN }))
  t.match(block.process.metrics.render(), 'coredns_dns_responses_total{plugin="",rcode="NXDOMAIN"')
})

void t.test('what fails is left to the server’s observer', async t => {
  const block = setUpBlock('prometheus')
  const handler = chain(block, {
    serve() {
      throw new Error('boom')
    },
  })
  t.throws(() => ask(handler), { message: 'boom' })
  await t.rejects(askLater(chain(block, { serve: () => Promise.reject(new Error('later')) })), { message: 'later' })
  t.same(samples(block.process.metrics.render(), 'coredns_dns_'), [])
})

void t.test('what the server answers by itself is counted as dropped', async t => {
  const { metrics } = makeProcess()
  const observer = observeServer(metrics, formatServer('dns', '', 53))
  t.match(metrics.render(), 'coredns_panics_total 0\n')
  const query = makeQuery({ dnssecOk: true, udpSize: 512 })
  const reply = makeReply(query)
  reply.finish(query, Rcode.REFUSED)
  observer.refused?.(query, reply, Rcode.REFUSED)
  observer.panicked?.(new Error('boom'))
  const page = metrics.render()
  const rest = 'server="dns://:53",view="",zone="dropped"'
  t.same(samples(page, 'coredns_dns_responses_total'), [
    `coredns_dns_responses_total{plugin="",rcode="REFUSED",${rest}} 1`,
  ])
  t.match(page, `coredns_dns_do_requests_total{${rest}} 1\n`)
  t.match(page, `coredns_dns_response_size_bytes_sum{proto="udp",${rest}} 44\n`)
  t.match(page, 'coredns_panics_total 1\n')
})

const servers: [directives: string, server: string][] = [
  ['', 'dns://:53'],
  ['bind 127.0.0.1', 'dns://127.0.0.1:53'],
  ['bind ::1', 'dns://[::1]:53'],
  ['bind 127.0.0.1 ::1', 'dns://:53'],
]
for (const [directives, server] of servers) {
  void t.test(`the server of '${directives}' is ${server}`, async t => {
    const block = setUpBlock(`${directives}\nprometheus`)
    ask(chain(block, refusing))
    t.match(block.process.metrics.render(), `rcode="REFUSED",server="${server}"`)
  })
}

void t.test('/metrics shows the build, the plugins and the process', async t => {
  const context = makeProcess()
  const blocks = setUp(
    `one. two. {\n health ${ADDRESS}\n prometheus ${ADDRESS}\n whoami\n}\nthree. {\n prometheus ${ADDRESS}\n}`,
    context,
  )
  await start(...blocks)
  const { status, type, body } = await get(context.http.port(ADDRESS), '/metrics')
  t.equal(status, 200)
  t.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
  t.match(body, `coredns_build_info{goversion="${process.version}",revision="",version="1.2.3"} 1\n`)
  t.match(body, 'coredns_panics_total 0\n')
  t.match(body, /^process_cpu_seconds_total \d/m)
  t.match(body, /^process_resident_memory_bytes \d/m)
  t.same(samples(body, 'coredns_plugin_enabled'), [
    'coredns_plugin_enabled{name="prometheus",server="dns://:53",view="",zone="one."} 1',
    'coredns_plugin_enabled{name="prometheus",server="dns://:53",view="",zone="three."} 1',
    'coredns_plugin_enabled{name="prometheus",server="dns://:53",view="",zone="two."} 1',
    'coredns_plugin_enabled{name="whoami",server="dns://:53",view="",zone="one."} 1',
    'coredns_plugin_enabled{name="whoami",server="dns://:53",view="",zone="two."} 1',
  ])
  await stop(...blocks)
})

void t.test('a block that takes the place of another keeps its series', async t => {
  const context = makeProcess()
  const corefile = `. {\n prometheus ${ADDRESS}\n}`
  const [before] = setUp(corefile, context)
  await start(before)
  const [after] = setUp(corefile, context)
  await start(after)
  for (const phase of listPhases(before)) await phase.stop?.()
  t.equal(samples(context.metrics.render(), 'coredns_plugin_enabled').length, 1)
  await stop(after)
  t.equal(samples(context.metrics.render(), 'coredns_plugin_enabled').length, 0)
})

const mistakes: [directives: string, message: RegExp][] = [
  ['prometheus 9153', /^Corefile:2:12: bad value '9153'; expected an address/],
  ['prometheus :9153 x', /^Corefile:2:18: /],
  ['prometheus {\n tls web.yml\n}', /^Corefile:3:2: metrics over TLS are not supported/],
  ['prometheus {\n runtime_metrics x\n}', /^Corefile:3:18: /],
  ['prometheus {\n runtime_metric\n}', /^Corefile:3:2: .*did you mean 'runtime_metrics'/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
