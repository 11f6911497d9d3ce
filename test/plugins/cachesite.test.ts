// The cache in a whole server: over the in-process API, and over an upstream server that the test counts the questions of.

import type { Test } from 'tap'
import t from 'tap'
import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import type { Plugin } from '../../src/server/plugin.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Section } from '../../src/wire/reply.ts'
import { RunningSite, openApi } from '../site/running.ts'
import { clusterIP, externalName, namespace } from './kubernetes/objects.ts'

/** Below the 30 s that an answer would be kept for. */
const PATIENCE_MS = 10_000

class Upstream {
  asked = 0
  readonly plugin: Plugin = {
    name: 'upstream',
    repeatable: false,
    setup: () => ({
      handler: () => ({
        serve: async (_, reply) => {
          const count = ++this.asked
          await new Promise(setImmediate)
          reply.recursionAvailable = true
          reply.addRecord(Section.Answer, Type.A, 300, Uint8Array.of(192, 0, 2, count))
          return Rcode.NOERROR
        },
      }),
    }),
  }
}

interface Served {
  readonly api: FakeApi
  readonly site: RunningSite
  readonly upstream: Upstream
}

async function serve(t: Test, directives: string): Promise<Served> {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  api.apply(namespace('ns'))
  const upstream = new Upstream()
  const site = await RunningSite.start({
    corefile: `.:0 {\n bind 127.0.0.1\n kubernetes cluster.local {\n ttl 30\n }\n${directives}\n upstream\n}`,
    plugins: [...PLUGINS, upstream.plugin],
    api: { endpoint: await api.listen() },
  })
  t.teardown(() => site.stop())
  return { api, site, upstream }
}

/** Asks until the answer has this record, or until it is NXDOMAIN. */
async function become({ site }: Served, name: string, record?: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const { rcode, answer } = await site.ask(name, 'A')
    if (record ? answer.includes(`${name} 30 IN ${record}`) : rcode === 'NXDOMAIN') return
    if (Date.now() > deadline) throw new Error(`${name} is still ${rcode} ${answer.join(', ')}`)
  }
}

/** The values of a metric, by the labels that it may have. */
function metrics({ site }: Served): Record<string, number> {
  const lines = site.site.metrics.render().split('\n')
  const series = lines.flatMap(line => /^coredns_cache_(\w+)\{.*?(?:type="(\w+)")?,view.*\} (\S+)$/.exec(line) ?? [])
  const values: Record<string, number> = {}
  for (let i = 0; i < series.length; i += 4)
    values[`${series[i + 1]} ${series[i + 2] ?? ''}`.trim()] = Number(series[i + 3])
  return values
}

void t.test('under a plain `cache 30`, what the API says shows at once', async t => {
  const served = await serve(t, 'cache 30')
  const web = 'web.ns.svc.cluster.local.'
  for (const address of ['10.96.0.10', '10.96.0.11']) {
    await become(served, web)
    await become(served, web)
    served.api.apply(clusterIP('web', [address]))
    await become(served, web, `A ${address}`)
    served.api.store.delete(served.api.store.resource('Service'), 'ns', 'web')
  }
  await become(served, web)
  const { requests_total, ...others } = metrics(served)
  t.ok(requests_total >= 7, 'they are requests')
  t.same([...new Set(Object.values(others))], [0], 'and neither hits nor misses, nor kept')
  t.equal(served.upstream.asked, 0)
})

void t.test('an ExternalName is as new as the zone, too; what it leads to is asked for once at most', async t => {
  const served = await serve(t, 'cache 30')
  const web = 'web.ns.svc.cluster.local.'
  for (const target of ['www.example.org.', 'web.example.org.', 'www.example.org.', 'web.example.org.']) {
    served.api.apply(externalName('web', target.slice(0, -1)))
    await become(served, web, `CNAME ${target}`)
  }
  t.ok(served.upstream.asked <= 2)
})

const ALIASES: readonly [how: string, directive: string][] = [
  ['template', 'template IN A alias.test {\n answer "{{ .Name }} 30 IN CNAME web.ns.svc.cluster.local."\n}'],
  [
    'template behind rewrite cname',
    'rewrite cname exact elsewhere.test. web.ns.svc.cluster.local.\n' +
      'template IN A alias.test {\n answer "{{ .Name }} 30 IN CNAME next.test."\n}\n' +
      'template IN A next.test {\n answer "{{ .Name }} 30 IN CNAME elsewhere.test."\n}',
  ],
  ['rewrite name', 'rewrite name exact alias.test web.ns.svc.cluster.local answer auto'],
]

for (const [how, directive] of ALIASES) {
  void t.test(`what an alias by ${how} leads to in the cluster is as new as the zone`, async t => {
    const served = await serve(t, `cache 30\n${directive}`)
    for (const address of ['10.96.0.10', '10.96.0.11']) {
      served.api.apply(clusterIP('web', [address]))
      await become(served, 'web.ns.svc.cluster.local.', `A ${address}`)
      const { answer } = await served.site.ask('alias.test.', 'A')
      t.same(
        answer.map(line => / A (\S+)$/.exec(line)?.[1]).filter(found => found !== undefined),
        [address],
      )
    }
  })
}

void t.test('what comes from elsewhere is asked for once, with any spelling and transport', async t => {
  const served = await serve(t, 'prometheus 127.0.0.1:0\n loadbalance\n cache 30')
  const { site, upstream } = served
  const first = await site.ask('www.example.org.', 'A')
  t.same(first.answer, ['www.example.org. 30 IN A 192.0.2.1'])
  t.equal(first.aa, false)
  const second = await site.ask('WWW.example.org.', 'A')
  t.match(second.answer[0], /^WWW\.example\.org\. (30|29|28) IN A 192\.0\.2\.1$/)
  t.equal(second.aa, false)
  t.match((await site.askTcp('www.Example.org.', 'A')).answer[0], /^www\.Example\.org\. \d+ IN A 192\.0\.2\.1$/)
  t.equal(upstream.asked, 1)
  t.same((await site.ask('web.example.org.', 'A')).answer, ['web.example.org. 30 IN A 192.0.2.2'])
  t.same(metrics(served), {
    drops_total: 0,
    'entries denial': 0,
    'entries success': 2,
    'evictions_total denial': 0,
    'evictions_total success': 0,
    'hits_total denial': 0,
    'hits_total success': 2,
    misses_total: 2,
    prefetch_total: 0,
    requests_total: 4,
    served_stale_total: 0,
  })
  t.match(site.site.metrics.render(), /coredns_dns_responses_total\{plugin="cache",rcode="NOERROR",.*\} 2\n/)
})

void t.test("the cluster's zone may be left out as in the Corefile of kubeadm", async t => {
  const served = await serve(t, 'cache 30 {\n disable success cluster.local\n disable denial cluster.local\n}')
  await become(served, 'web.ns.svc.cluster.local.')
  await served.site.ask('www.example.org.', 'A')
  await served.site.ask('www.example.org.', 'A')
  t.equal(served.upstream.asked, 1)
})
