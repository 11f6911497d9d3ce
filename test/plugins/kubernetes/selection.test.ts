// Options that choose which objects have names.

import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { HTTP, clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const Z = 'cluster.local.'

const objects = [
  namespace('a', { tier: 'front', dns: '' }),
  namespace('b', { tier: 'back' }),
  clusterIP('web', ['10.96.0.1'], [HTTP], { namespace: 'a', labels: { app: 'web' } }),
  slice('web', [{ addresses: ['10.0.0.1'], hostname: 'h' }], { namespace: 'a', labels: { app: 'web' } }),
  clusterIP('idle', ['10.96.0.2'], [HTTP], { namespace: 'a' }),
  slice('idle', [{ addresses: ['10.0.0.2'], conditions: { ready: false } }], { namespace: 'a' }),
  headless('db', { namespace: 'b', labels: { app: 'db' } }),
  slice('db', [{ addresses: ['10.0.0.3'], targetRef: { kind: 'Pod', name: 'db-pod', namespace: 'b' } }], {
    namespace: 'b',
    labels: { app: 'db' },
  }),
  externalName('ext', 'example.org', { namespace: 'b', labels: { app: 'web' } }),
]

/** What there is, by name; each option leaves some of it. */
const ANSWERS = {
  web: [`web.a.svc.${Z} A`, `web.a.svc.${Z} 5 IN A 10.96.0.1`],
  'web endpoint': [`h.web.a.svc.${Z} A`, `h.web.a.svc.${Z} 5 IN A 10.0.0.1`],
  idle: [`idle.a.svc.${Z} A`, `idle.a.svc.${Z} 5 IN A 10.96.0.2`],
  db: [`db.b.svc.${Z} A`, `db.b.svc.${Z} 5 IN A 10.0.0.3`],
  'db endpoint': [`10-0-0-3.db.b.svc.${Z} A`, `10-0-0-3.db.b.svc.${Z} 5 IN A 10.0.0.3`],
  'db pod': [`db-pod.db.b.svc.${Z} A`, `db-pod.db.b.svc.${Z} 5 IN A 10.0.0.3`],
  ext: [`ext.b.svc.${Z} A`, `ext.b.svc.${Z} 5 IN CNAME example.org.`],
  a: [`a.svc.${Z} A`, 'NODATA'],
  b: [`b.svc.${Z} A`, 'NODATA'],
} as const satisfies Record<string, Row>

type Name = keyof typeof ANSWERS
const everything: Name[] = ['web', 'web endpoint', 'idle', 'db', 'db endpoint', 'ext', 'a', 'b']
const but = (...names: Name[]): Name[] => everything.filter(name => !names.includes(name))
const ofA: Name[] = ['web', 'web endpoint', 'idle', 'a']
const ofB: Name[] = ['db', 'db endpoint', 'ext', 'b']

const cases: [options: string, there: Name[]][] = [
  ['', everything],
  ['namespaces a', ofA],
  ['namespaces a b', everything],
  ['namespaces a\nnamespaces B', everything],
  ['namespaces none', []],
  ['namespace_labels tier=front', ofA],
  ['namespace_labels dns', ofA],
  ['namespace_labels !dns', ofB],
  ['namespace_labels tier in (front, back)', everything],
  ['namespace_labels tier notin (front, back),dns', []],
  ['namespace_labels "tier!=front, !dns"', ofB],
  ['labels app=web', ['web', 'web endpoint', 'ext', 'a', 'b']],
  ['labels app in (web, db)', but('idle')],
  ['labels app=web\nnamespaces a', ['web', 'web endpoint', 'a']],
  ['endpoint_pod_names', [...but('db endpoint'), 'db pod']],
  ['noendpoints', but('web endpoint', 'db', 'db endpoint')],
  ['ignore empty_service', but('idle')],
  ['noendpoints\nignore empty_service', ['ext', 'a', 'b']],
]

for (const [options, there] of cases) {
  void t.test(`${options.replaceAll('\n', ', ') || 'no option'}: ${there.join(', ') || 'nothing'}`, async t => {
    const cluster = await Cluster.open(t, { objects, options })
    const rows = Object.entries(ANSWERS).map(
      ([name, answer]): Row => (there.includes(name as Name) ? answer : [answer[0], 'NXDOMAIN']),
    )
    await cluster.hold(t, rows)
  })
}
