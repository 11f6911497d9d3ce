// ExternalName Services whose target is in the same zone.

import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const S = 'ns.svc.cluster.local.'
const cname = (from: string, to: string): string => `${from}.${S} 5 IN CNAME ${to}.${S}`

/** `chain-1` leads to `web`, each further one to the one before. */
const chain = Array.from({ length: 13 }, (_, i) =>
  externalName(`chain-${i + 1}`, i === 0 ? `web.${S}` : `chain-${i}.${S}`),
)

const objects = [
  namespace('ns'),
  clusterIP('web', ['10.96.0.10']),
  headless('db'),
  slice('db', [{ addresses: ['10.0.0.1'], hostname: 'db-0' }, '10.0.0.2']),
  externalName('to-web', `web.${S}`),
  externalName('to-db', `db.${S}`),
  externalName('to-endpoint', `db-0.db.${S}`),
  externalName('to-missing', `missing.${S}`),
  externalName('to-empty', S),
  externalName('to-apex', 'cluster.local'),
  externalName('to-itself', `to-itself.${S}`),
  externalName('to-below', `x.to-below.${S}`),
  externalName('loop-a', `loop-b.${S}`),
  externalName('loop-b', `loop-a.${S}`),
  externalName('into-loop', `loop-a.${S}`),
  externalName('outside', 'www.example.org'),
  externalName('to-outside', `outside.${S}`),
  externalName('beside', 'xcluster.local'),
  ...chain,
]

/** The CNAMEs from `chain-n` to `web`. */
const links = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => cname(`chain-${i + 1}`, i === 0 ? 'web' : `chain-${i}`)).sort()

const web = `web.${S} 5 IN A 10.96.0.10`

// A CNAME with more than ten before it is not followed.
const followed: Row[] = []
for (const n of [1, 2, 10, 11]) followed.push([`chain-${n}.${S} A`, ...links(n).concat(web).sort()])

const rows: Row[] = [
  [`to-web.${S} A`, cname('to-web', 'web'), web],
  [`to-web.${S} AAAA`, 'NODATA'],
  [`to-web.${S} CNAME`, cname('to-web', 'web')],
  ...['SRV', 'TXT', 'MX', 'ANY'].map((type): Row => [`to-web.${S} ${type}`, 'NODATA']),
  [`to-db.${S} A`, `db.${S} 5 IN A 10.0.0.1`, `db.${S} 5 IN A 10.0.0.2`, cname('to-db', 'db')],
  [`to-endpoint.${S} A`, `db-0.db.${S} 5 IN A 10.0.0.1`, cname('to-endpoint', 'db-0.db')],
  // CoreDNS drops the CNAME too, where there is nothing behind it (coredns#6088).
  ...['to-missing', 'to-empty', 'to-apex', 'to-itself', 'to-below', 'loop-a', 'loop-b', 'into-loop'].flatMap(
    (name): Row[] => [
      [`${name}.${S} A`, 'NODATA'],
      [`${name}.${S} AAAA`, 'NODATA'],
    ],
  ),
  [`loop-a.${S} CNAME`, cname('loop-a', 'loop-b')],
  // What leaves the zone is for the client to follow.
  [`outside.${S} A`, `outside.${S} 5 IN CNAME www.example.org.`],
  [`to-outside.${S} A`, `outside.${S} 5 IN CNAME www.example.org.`, cname('to-outside', 'outside')],
  [`beside.${S} AAAA`, `beside.${S} 5 IN CNAME xcluster.local.`],
  ...followed,
  ...[12, 13].map((n): Row => [`chain-${n}.${S} A`, 'NODATA']),
]

void t.test('an alias within the zone brings what its target holds, or nothing', async t => {
  const cluster = await Cluster.open(t, { objects })
  await cluster.hold(t, rows)
})

void t.test('an alias follows its target as that changes', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), externalName('to-web', `web.${S}`)] })
  await cluster.hold(t, [[`to-web.${S} A`, 'NODATA']])
  cluster.api.apply(clusterIP('web', ['10.96.0.10']))
  await cluster.become(t, [`to-web.${S} A`, cname('to-web', 'web'), web])
  cluster.remove('Service', 'web')
  await cluster.become(t, [`to-web.${S} A`, 'NODATA'])
})
