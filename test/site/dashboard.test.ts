// What the dashboards that people have for CoreDNS ask Prometheus for is there, under the labels that they group by, once kubeadm's Corefile
// has answered a few questions.

import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { type PageSample, parsePage } from '../metrics/page.ts'
import { clusterIP, namespace, slice } from '../plugins/kubernetes/objects.ts'
import { get } from '../plugins/http.ts'
import { UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { UpstreamServer } from '../upstream/server.ts'
import { RunningSite, openApi } from './running.ts'

/** Metric and labels, as the expressions of the community's dashboards (Grafana 5926, 14981, 15762; kubernetes-mixin) name them. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  coredns_build_info: ['version', 'goversion', 'revision'],
  coredns_panics_total: [],
  coredns_plugin_enabled: ['server', 'zone', 'name'],
  coredns_dns_requests_total: ['server', 'zone', 'proto', 'family', 'type'],
  coredns_dns_request_duration_seconds_bucket: ['server', 'zone', 'le'],
  coredns_dns_request_duration_seconds_sum: ['server', 'zone'],
  coredns_dns_request_duration_seconds_count: ['server', 'zone'],
  coredns_dns_request_size_bytes_bucket: ['server', 'zone', 'proto', 'le'],
  coredns_dns_response_size_bytes_bucket: ['server', 'zone', 'proto', 'le'],
  coredns_dns_do_requests_total: ['server', 'zone'],
  coredns_dns_responses_total: ['server', 'zone', 'rcode', 'plugin'],
  coredns_cache_entries: ['server', 'type'],
  coredns_cache_hits_total: ['server', 'type'],
  coredns_cache_misses_total: ['server'],
  coredns_cache_requests_total: ['server'],
  coredns_proxy_request_duration_seconds_bucket: ['proxy_name', 'to', 'rcode', 'le'],
  coredns_proxy_request_duration_seconds_count: ['proxy_name', 'to', 'rcode'],
  coredns_proxy_conn_cache_misses_total: ['proxy_name', 'to', 'proto'],
  coredns_forward_healthcheck_broken_total: [],
  coredns_forward_max_concurrent_rejects_total: [],
  coredns_health_request_duration_seconds_bucket: ['le'],
  coredns_health_request_failures_total: [],
  coredns_kubernetes_dns_programming_duration_seconds_bucket: ['service_kind', 'le'],
  coredns_kubernetes_rest_client_requests_total: ['code', 'method', 'host'],
  coredns_kubernetes_rest_client_request_duration_seconds_bucket: ['verb', 'host', 'le'],
  coredns_reload_failed_total: [],
  process_cpu_seconds_total: [],
  process_resident_memory_bytes: [],
  process_open_fds: [],
  process_start_time_seconds: [],
}

const COREFILE = (upstream: string): string => `.:0 {
    bind 127.0.0.1
    errors
    health 127.0.0.1:0 {
        lameduck 0s
    }
    ready 127.0.0.1:0
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus 127.0.0.1:0
    forward . ${upstream} {
        max_concurrent 1000
    }
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loop
    reload
    loadbalance
}`

void t.test('every expression of the dashboards finds its series', async t => {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  for (const object of [namespace('shop'), clusterIP('web', ['10.96.1.5'], undefined, { namespace: 'shop' })])
    api.apply(object)
  const upstream = await UpstreamServer.start()
  t.teardown(() => upstream.stop())
  const site = await RunningSite.start({
    corefile: COREFILE(`127.0.0.1:${upstream.port}`),
    api: { endpoint: await api.listen() },
  })
  t.teardown(() => site.stop())
  const scrape = async (): Promise<PageSample[]> => {
    const { body } = await get(site.site.http.port('127.0.0.1:0'), '/metrics')
    return [...parsePage(body).values()].flatMap(family => family.samples)
  }
  for (const name of ['web.shop.svc.cluster.local.', 'none.shop.svc.cluster.local.', 'www.example.', 'www.example.']) {
    await site.ask(name, 'A')
    await site.askTcp(name, 'AAAA')
  }
  const client = new UdpClient(site.port)
  t.teardown(() => client.close())
  await client.ask(buildQuery({ name: 'web.shop.svc.cluster.local.', edns: { dnssecOk: true } }))
  const before = await scrape()
  const count = (name: string, labels: Record<string, string>): number =>
    before
      .filter(
        sample => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
      )
      .reduce((sum, { value }) => sum + value, 0)
  t.equal(count('coredns_dns_requests_total', { proto: 'udp', type: 'A' }), 5)
  t.equal(count('coredns_dns_requests_total', { proto: 'tcp', type: 'AAAA' }), 4)
  t.equal(count('coredns_dns_responses_total', { rcode: 'NXDOMAIN', plugin: 'kubernetes' }), 2)
  t.equal(count('coredns_cache_hits_total', { type: 'success' }), 1)

  // A change that says when it began, as the slice controller writes it.
  const change = slice('web', ['10.244.0.5'], { namespace: 'shop' })
  const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() }
  api.apply({ ...change, metadata: { ...change.metadata, annotations } })
  while ((await site.ask('5.0.244.10.in-addr.arpa.', 'PTR')).answer.length === 0) await setImmediate()
  const samples = await scrape()
  for (const [name, labels] of Object.entries(ASKED)) {
    const series = samples.filter(sample => sample.name === name)
    t.ok(series.length > 0, name)
    for (const sample of series)
      t.ok(
        labels.every(label => label in sample.labels),
        `${name} by ${labels.join(', ')}`,
      )
  }
})
