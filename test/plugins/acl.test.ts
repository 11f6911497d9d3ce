import t from 'tap'
import { NO_ANSWER } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { RunningSite } from '../site/running.ts'
import { ask, chain, setUp, setUpBlock } from './harness.ts'

const ALLOWED = 99
const OUTCOMES: Readonly<Record<string, number>> = {
  allow: ALLOWED,
  block: Rcode.REFUSED,
  filter: Rcode.NOERROR,
  drop: NO_ANSWER,
}

/** `client type name: outcome`. */
const cases: { policies: string; zones?: string; outcomes: string[] }[] = [
  {
    policies: 'block type A net 192.168.0.0/16',
    outcomes: ['192.168.0.2 A block', '192.167.0.2 A allow', '192.168.0.2 AAAA allow', '192.168.255.255 A block'],
  },
  { policies: 'block type * net 192.168.0.0/16', outcomes: ['192.168.0.2 AAAA block', '10.1.0.2 A allow'] },
  { policies: 'block type A', outcomes: ['10.1.0.2 A block', '10.1.0.2 AAAA allow', '2001:db8::1 A block'] },
  { policies: 'block type A net 192.168.1.2', outcomes: ['192.168.1.2 A block', '192.168.1.3 A allow'] },
  { policies: 'filter type A net 192.168.0.0/16', outcomes: ['192.168.0.2 A filter', '192.167.0.2 A allow'] },
  { policies: 'allow net 192.168.0.0/16\nblock', outcomes: ['192.168.0.2 A allow', '10.1.0.2 A block', '::1 A block'] },
  { policies: 'allow type * net 192.168.0.0/16\nblock', outcomes: ['192.168.0.2 A allow', '10.1.0.2 A block'] },
  { policies: 'drop net 192.168.0.0/16', outcomes: ['192.168.0.2 A drop', '10.0.0.1 A allow'] },
  {
    policies: 'block net 192.168.1.0/24\ndrop net 192.168.0.0/16',
    outcomes: ['192.168.1.2 A block', '192.168.2.2 A drop'],
  },
  { policies: 'drop net 192.168.0.0/16\nblock net 192.168.1.0/24', outcomes: ['192.168.1.1 A drop'] },
  { policies: 'drop type A\nallow net 192.168.0.0/16', outcomes: ['192.168.1.1 A drop', '192.168.1.1 AAAA allow'] },
  {
    policies: 'BLOCK TYPE A AAAA NET 10.0.0.0/8 fd00::/8',
    outcomes: ['10.1.1.1 AAAA block', 'fd00::1 A block', '10.1.1.1 MX allow'],
  },
  {
    policies: 'block type A type MX net ::1',
    outcomes: ['::1 A block', '::1 MX block', '::1 AAAA allow', '::2 A allow'],
  },
  { policies: 'block type A * net 10.0.0.1 *', outcomes: ['192.0.2.1 TXT block'] },
  {
    zones: 'a.example.org',
    policies: 'block net 192.168.1.0/24',
    outcomes: ['192.168.1.2 A block a.example.org.', '192.168.1.2 A allow', '192.168.1.2 A allow xa.example.org.'],
  },
  {
    policies: 'block net 2001:db8:abcd:0012::0/64',
    outcomes: ['2001:db8:abcd:12::1230 A block', '2001:db8:abcd:13::0 A allow'],
  },
  { policies: '', outcomes: ['192.168.0.2 A allow'] },
]
for (const { policies, zones = '', outcomes } of cases) {
  void t.test(`acl ${zones} ${policies.replaceAll('\n', ', ')}`, async t => {
    const handler = chain(setUpBlock(`acl ${zones} {\n${policies}\n}`), { serve: () => ALLOWED })
    for (const outcome of outcomes) {
      const [client, type, action, name = 'www.example.org.'] = outcome.split(' ')
      const { rcode } = ask(handler, { client, name, type: (Type as Readonly<Record<string, number>>)[type] })
      t.equal(rcode, OUTCOMES[action], outcome)
    }
  })
}

void t.test('a query has to pass each acl, in the zones of the block', async t => {
  const [block] = setUp('example.org {\n acl {\n block net 10.0.0.1\n}\n acl {\n filter type MX\n}\n}')
  const handler = chain(block, { serve: () => ALLOWED })
  t.equal(ask(handler, { client: '10.0.0.1' }).rcode, Rcode.REFUSED)
  t.equal(ask(handler, { type: Type.MX }).rcode, Rcode.NOERROR)
  t.equal(ask(handler, { client: '10.0.0.1', name: 'example.net.' }).rcode, ALLOWED)
})

void t.test('the extended error tells what has happened', async t => {
  for (const [action, infoCode] of [
    ['block', '0006000f0002000f'],
    ['filter', '0006000f00020011'],
  ]) {
    const block = setUpBlock(`acl {\n${action}\n}`)
    const { reply, query, rcode } = ask(chain(block, { serve: () => ALLOWED }), { udpSize: 1232 })
    const end = reply.start + reply.finish(query, rcode)
    t.equal(reply.bytes.toString('hex', end - 8, end), infoCode)
    t.equal(block.chain[reply.author], 'acl')
  }
})

const labels = (zone: string): string => `{server="dns://:53",view="",zone="${zone}"}`

void t.test('everything is counted', async t => {
  const block = setUp('example.org . {\n acl {\n block net 10.0.0.1\n filter net 10.0.0.2\n drop net 10.0.0.3\n}\n}')[0]
  const handler = chain(block, { serve: () => ALLOWED })
  for (const last of [1, 1, 2, 3, 4, 4, 4]) ask(handler, { client: `10.0.0.${last}` })
  ask(handler, { client: '10.0.0.3', name: 'example.net.' })
  const page = block.process.metrics.render()
  for (const line of [
    'coredns_acl_allowed_requests_total{server="dns://:53",view=""} 3',
    `coredns_acl_blocked_requests_total${labels('example.org.')} 2`,
    `coredns_acl_filtered_requests_total${labels('example.org.')} 1`,
    `coredns_acl_dropped_requests_total${labels('example.org.')} 1`,
    `coredns_acl_dropped_requests_total${labels('.')} 1`,
    '# HELP coredns_acl_blocked_requests_total Counter of DNS requests being blocked.',
  ]) {
    t.ok(page.includes(`${line}\n`), line)
  }
})

void t.test('what is dropped gets no answer, and is logged and counted', async t => {
  const site = await RunningSite.start({
    corefile: '.:0 {\n bind 127.0.0.1\n prometheus 127.0.0.1:0\n log\n acl {\n drop type MX\n}\n whoami\n}',
  })
  const client = new UdpClient(site.port)
  await client.send(buildQuery({ id: 1, type: Type.MX }))
  const [bytes] = await Promise.all([client.receive(), client.send(buildQuery({ id: 2 }))])
  t.equal(decode(bytes).id, 2)
  t.match(
    site.log.find(line => line.includes('"MX ')),
    /" - - 0 [\d.]+s$/,
  )
  t.match(site.site.metrics.render(), /coredns_dns_responses_total\{plugin="acl",rcode="NOERROR",.*\} 1\n/)
  client.close()
  await site.stop()
})

const mistakes: [directive: string, message: RegExp][] = [
  ['acl {\n blok\n}', /^Corefile:3:2: unknown property 'blok' \(did you mean 'block'\?\)/],
  ['acl {\n block A\n}', /^Corefile:3:8: unexpected 'A'; expected type or net/],
  ['acl {\n block type\n}', /^Corefile:3:8: nothing after 'type'; expected record types, or \*/],
  ['acl {\n block type A net\n}', /^Corefile:3:15: nothing after 'net'/],
  ['acl {\n block type net 10.0.0.1\n}', /^Corefile:3:8: nothing after 'type'/],
  ['acl {\n block type ABC\n}', /^Corefile:3:13: 'ABC' is no record type/],
  ['acl {\n block type a\n}', /^Corefile:3:13: 'a' is no record type/],
  ['acl {\n block net 192.168.0.0/33\n}', /^Corefile:3:12: bad network '192.168.0.0\/33'/],
  ['acl {\n block net 192.168.0\n}', /^Corefile:3:12: /],
]
for (const [directive, message] of mistakes) {
  void t.test(`refused: ${directive.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directive), message)
  })
}
