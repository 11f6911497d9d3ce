// The rules of docs/differences.md that random clusters do not come to, and those by which CoreDNS's departures from RFCs are kept: an example of
// each. `slices-moving` and `fallthrough-first` are about moments, and held by live.test.ts; `cluster-uncached` by cachesite.test.ts.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { type Endpoint, HTTP, clusterIP, externalName, headless, namespace, service, slice } from './objects.ts'

const S = 'ns.svc.cluster.local.'
const unready = headless('unready')
const notReady: Endpoint = { addresses: ['10.0.0.3'], conditions: { ready: false } }

const objects = [
  namespace('ns', { dns: 'yes' }),
  namespace('hidden'),
  clusterIP('web', ['10.96.0.10', 'fd00:10:96::a'], [{ port: 80 }]),
  clusterIP('named', ['10.96.0.11']),
  slice('named', ['10.0.0.1']),
  clusterIP('far', ['10.96.0.12'], [HTTP], { namespace: 'hidden' }),
  service('coming', { clusterIP: 'None', selector: { app: 'coming' } }),
  headless('empty'),
  headless('db'),
  slice('db', [{ addresses: ['10.0.0.2'], hostname: 'db-0' }]),
  {
    ...unready,
    metadata: {
      ...unready.metadata,
      annotations: { 'service.alpha.kubernetes.io/tolerate-unready-endpoints': 'true' },
    },
  },
  slice('unready', [notReady]),
  externalName('ext', `missing.${S}`),
]

const web = (weight: number): string[] => [
  `web.${S} 5 IN SRV 0 ${weight} 80 web.${S}`,
  `; web.${S} 5 IN A 10.96.0.10`,
  `; web.${S} 5 IN AAAA fd00:10:96::a`,
]

const examples: Readonly<Record<string, readonly Row[]>> = {
  'slices-to-come': [
    [`coming.${S} A`, 'NODATA'],
    [`coming-0.coming.${S} A`, 'NODATA'],
  ],
  'zonal-empty': [
    [`empty.${S} A`, 'NODATA'],
    [`a.pin._zone.empty.${S} A`, 'NODATA'],
  ],
  'additional-spelling': [[`DB.${S} SRV`, `DB.${S} 5 IN SRV 0 100 80 db-0.db.${S}`, `; db-0.DB.${S} 5 IN A 10.0.0.2`]],
  'srv-bare-name': [[`web.${S} SRV`, ...web(50)]],
  'srv-weight': [[`web.${S} SRV`, ...web(50)]],
  'port-addresses': ['_http._tcp', 'http.tcp'].map(
    (port): Row => [`${port}.named.${S} A`, `${port}.named.${S} 5 IN A 10.96.0.11`],
  ),
  'tolerate-unready': [[`10-0-0-3.unready.${S} A`, 'NXDOMAIN']],
  'external-missing': [[`ext.${S} A`, 'NODATA']],
  'ptr-all': [
    ['1.0.0.10.in-addr.arpa. PTR', `1.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-1.named.${S}`],
    ['12.0.96.10.in-addr.arpa. PTR', '12.0.96.10.in-addr.arpa. 5 IN PTR far.hidden.svc.cluster.local.'],
  ],
  'pod-labels': [
    ['x.10-1-2-3.ns.pod.cluster.local. A', 'x.10-1-2-3.ns.pod.cluster.local. 5 IN A 10.1.2.3'],
    [
      '10-1-2-3.ns.pod.cluster.local. SRV',
      '10-1-2-3.ns.pod.cluster.local. 5 IN SRV 0 100 0 10-1-2-3.ns.pod.cluster.local.',
      '; 10-1-2-3.ns.pod.cluster.local. 5 IN A 10.1.2.3',
    ],
  ],
  'any-nodata': [[`web.${S} ANY`, 'NODATA']],
}

const ELSEWHERE = ['slices-moving', 'cluster-uncached', 'fallthrough-first', 'transfer-as-answered']

void t.test('each rule that is written down has an example, and the other way round', async t => {
  const text = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8')
  const documented = [...text.matchAll(/^\* `([a-z-]+)`:/gm)].map(([, rule]) => rule)
  t.same(documented.toSorted(), [...Object.keys(examples), ...ELSEWHERE].sort())
})

void t.test('the examples are answered so', async t => {
  const options = 'pods insecure\nzonal\nnamespace_labels dns=yes'
  const cluster = await Cluster.open(t, { objects, options, zones: 'cluster.local 10.in-addr.arpa' })
  for (const [rule, rows] of Object.entries(examples)) await t.test(rule, t => cluster.hold(t, rows))
})

void t.test('external-nxdomain: what a CNAME leads to does not exist', async t => {
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), externalName('ext', 'www.example.org')],
    behind: 'template ANY ANY example.org {\n rcode NXDOMAIN\n}',
  })
  const { rcode, answer } = await cluster.site.ask(`ext.${S}`, 'A')
  t.same([rcode, answer], ['NXDOMAIN', [`ext.${S} 5 IN CNAME www.example.org.`]])
})
