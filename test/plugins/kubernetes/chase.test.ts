import t from 'tap'
import { PLUGINS } from '../../../src/plugins/order.ts'
import type { Handler } from '../../../src/server/handler.ts'
import type { Plugin } from '../../../src/server/plugin.ts'
import { Rcode, Type } from '../../../src/wire/constants.ts'
import { formatName, parseName } from '../../../src/wire/name.ts'
import type { Query } from '../../../src/wire/query.ts'
import { type Reply, Section } from '../../../src/wire/reply.ts'
import { TcpClient, UdpClient } from '../../server/clients.ts'
import { buildQuery } from '../../server/message.ts'
import { RunningSite, openApi } from '../../site/running.ts'

const gate = { waiting: 0, open: Promise.withResolvers<void>() }

/** An upstream server: the first label says what it answers. */
const upstream: Plugin = {
  name: 'upstream',
  repeatable: false,
  setup: () => {
    const handler: Handler = {
      serve(query, reply) {
        const label = formatName(query.name).split('.', 1)[0]
        reply.recursionAvailable = true
        if (!label.startsWith('later')) return answer(label, query, reply)
        gate.waiting++
        return gate.open.promise.then(() => answer(label.replace('later-', ''), query, reply))
      },
    }
    return { handler: () => handler }
  },
}

function answer(label: string, query: Query, reply: Reply): Rcode {
  const count = Number(/^a(\d+)$/.exec(label)?.[1] ?? 0)
  for (let i = 1; i <= count; i++) {
    const rdata = query.qtype === Type.A ? [192, 0, 2, i] : [...Array<number>(15).fill(0), i]
    reply.addRecord(Section.Answer, query.qtype, 77, Uint8Array.from(rdata))
  }
  switch (label) {
    case 'cut':
      reply.addRecord(Section.Answer, Type.A, 77, Uint8Array.of(192, 0, 2, 1))
      reply.truncated = true
      return Rcode.NOERROR
    case 'alias': {
      // The owner of the second record is a pointer into the rdata of the first.
      const target = parseName('real.example.org.')!
      reply.addRecord(Section.Answer, Type.CNAME, 60, target)
      reply.writeRecordHead(0xc000 | (reply.size - target.length), Type.A, 61, 4)
      for (const octet of [192, 0, 2, 9]) reply.write8(octet)
      reply.counts[Section.Answer]++
      return Rcode.NOERROR
    }
    case 'missing':
      return Rcode.NXDOMAIN
    case 'broken':
      return Rcode.SERVFAIL
    default:
      return Rcode.NOERROR
  }
}

/** A site whose ExternalName Services have these targets. */
async function serve(
  t: { teardown: (end: () => Promise<void>) => void },
  targets: Record<string, string>,
): Promise<RunningSite> {
  const api = openApi()
  t.teardown(() => api.close())
  for (const [name, externalName] of Object.entries(targets)) {
    const metadata = { name, namespace: 'default' }
    api.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'ExternalName', externalName } })
  }
  const site = await RunningSite.start({
    corefile: `cluster.local:0 {
    bind 127.0.0.1
    kubernetes cluster.local {
        ttl 30
    }
}
cluster.other:0 {
    bind 127.0.0.1
    kubernetes cluster.other
}
example.org:0 {
    bind 127.0.0.1
    upstream
}
`,
    plugins: [...PLUGINS, upstream],
    api: { endpoint: await api.listen() },
  })
  t.teardown(() => site.stop())
  return site
}

const name = (service: string, zone = 'cluster.local.'): string => `${service}.default.svc.${zone}`

void t.test('what the target holds stands behind the CNAME', async t => {
  const site = await serve(t, { two: 'a2.example.org', alias: 'alias.example.org', none: 'none.example.org' })
  for (const ask of ['ask', 'askTcp'] as const) {
    t.match(await site[ask](name('two'), 'A'), {
      rcode: 'NOERROR',
      aa: true,
      tc: false,
      answer: [
        'a2.example.org. 77 IN A 192.0.2.1',
        'a2.example.org. 77 IN A 192.0.2.2',
        `${name('two')} 30 IN CNAME a2.example.org.`,
      ],
      extra: [],
    })
    t.match(await site[ask](name('two'), 'AAAA'), {
      answer: ['a2.example.org. 77 IN AAAA ::1', 'a2.example.org. 77 IN AAAA ::2', /CNAME/],
    })
    t.same((await site[ask](name('alias'), 'A')).answer, [
      `${name('alias')} 30 IN CNAME alias.example.org.`,
      'alias.example.org. 60 IN CNAME real.example.org.',
      'real.example.org. 61 IN A 192.0.2.9',
    ])
    t.match(await site[ask](name('none'), 'A'), { rcode: 'NOERROR', answer: [/CNAME none/], ns: [] })
    t.match(await site[ask](name('two'), 'CNAME'), { answer: [/CNAME a2/] })
  }
  const client = new UdpClient(site.port)
  t.equal((await client.ask(buildQuery({ name: name('two') }))).ra, false, 'who recursed was another')
  client.close()
})

void t.test('a target that does not exist is told, one that nobody knows of is left to the client', async t => {
  const site = await serve(t, { gone: 'missing.example.org', ill: 'broken.example.org', far: 'www.example.com' })
  t.match(await site.ask(name('gone'), 'A'), { rcode: 'NXDOMAIN', aa: true, answer: [/CNAME missing/] })
  t.match(await site.ask(name('ill'), 'A'), { rcode: 'NOERROR', aa: true, answer: [/CNAME broken/] })
  t.match(await site.ask(name('far'), 'A'), { rcode: 'NOERROR', aa: true, answer: [/CNAME www/] })
})

void t.test('what was cut there is cut here, and so is what does not fit', async t => {
  const site = await serve(t, { cut: 'cut.example.org', many: 'a100.example.org' })
  t.match(await site.ask(name('cut'), 'A'), { tc: true, answer: [/CNAME|192/, /CNAME|192/] })
  const udp = new UdpClient(site.port)
  const short = await udp.ask(buildQuery({ name: name('many') }))
  t.equal(short.tc, true)
  t.ok(short.answers.length > 20 && short.answers.length < 100, `${short.answers.length} records in 512 octets`)
  udp.close()
  t.match(await site.askTcp(name('many'), 'A'), { tc: false })
  t.equal((await site.askTcp(name('many'), 'A')).answer.length, 101)
})

void t.test('answers that are waited for do not mix', async t => {
  const site = await serve(t, { one: 'later-a1.example.org', two: 'later-a2.example.org' })
  const tcp = await TcpClient.connect(site.port)
  const ids = Array.from({ length: 40 }, (_, id) => id)
  tcp.send(...ids.map(id => buildQuery({ id, name: name(id % 2 === 0 ? 'one' : 'two') })))
  while (gate.waiting < ids.length) await new Promise(setImmediate)
  gate.open.resolve()
  for (const { id, answers } of await tcp.receive(ids.length)) {
    t.same(
      answers.map(({ owner }) => owner),
      id % 2 === 0
        ? [name('one'), 'later-a1.example.org.']
        : [name('two'), 'later-a2.example.org.', 'later-a2.example.org.'],
    )
  }
  tcp.socket.destroy()
})

void t.test('targets in another zone of this server, and in a circle of them', async t => {
  const site = await serve(t, {
    across: 'kubernetes.default.svc.cluster.other',
    ping: 'pong.default.svc.cluster.other',
    pong: 'ping.default.svc.cluster.local',
    'to-gone': 'gone.default.svc.cluster.other',
    gone: 'missing.example.org',
    'to-cut': 'cut.default.svc.cluster.other',
    cut: 'cut.example.org',
  })
  t.same((await site.ask(name('across'), 'A')).answer, [
    `${name('across')} 30 IN CNAME ${name('kubernetes', 'cluster.other.')}`,
    `${name('kubernetes', 'cluster.other.')} 5 IN A 10.96.0.1`,
  ])
  // What the last of them says counts: TC, and that it does not exist (RFC 6604 section 3).
  t.match(await site.ask(name('to-gone'), 'A'), {
    rcode: 'NXDOMAIN',
    tc: false,
    answer: [/CNAME missing/, /CNAME gone/],
  })
  t.match(await site.ask(name('to-cut'), 'A'), { rcode: 'NOERROR', tc: true })
  const { rcode, answer } = await site.ask(name('ping'), 'A')
  t.equal(rcode, 'NOERROR')
  t.ok(answer.length > 1 && answer.length <= 11, `${answer.length} records`)
})
