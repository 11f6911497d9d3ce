// Corefiles as distributions ship them, each served as it is and asked what its clients ask.

import t from 'tap'
import { setUp } from '../plugins/harness.ts'
import type { Answer } from '../site/zonefile.ts'
import { Deployment, listCorefiles, readCorefile } from './deployment.ts'

/** `NAME TYPE`, the response code, and the records of the answer without owner and class: `TTL TYPE RDATA`. */
type Row = readonly [question: string, rcode: string, ...records: string[]]

interface Expected {
  /** TTL of the cluster's own records; 5 where the Corefile says nothing. */
  readonly ttl?: number
  /** TTL of what comes from outside with 600. */
  readonly outsideTtl?: number
  readonly rows?: readonly Row[]
  /** Questions of the common table that this Corefile leaves out. */
  readonly except?: readonly string[]
}

/** What every cluster answers, whoever made its Corefile. Upstreams are numbered in the order of the files. */
const common = ({ ttl = 5, outsideTtl = 30 }: Expected): Row[] => [
  ['web.shop.svc.cluster.local A', 'NOERROR', `${ttl} A 10.96.1.5`],
  ['WEB.Shop.svc.cluster.local A', 'NOERROR', `${ttl} A 10.96.1.5`],
  ['web.shop.svc.cluster.local AAAA', 'NOERROR'],
  ['db-0.db.shop.svc.cluster.local A', 'NOERROR', `${ttl} A 10.244.0.5`],
  ['_http._tcp.web.shop.svc.cluster.local SRV', 'NOERROR', `${ttl} SRV 0 100 80 web.shop.svc.cluster.local.`],
  ['10-244-0-9.shop.pod.cluster.local A', 'NOERROR', `${ttl} A 10.244.0.9`],
  ['www.example.net.shop.svc.cluster.local A', 'NXDOMAIN'],
  ['www.example.net.svc.cluster.local A', 'NXDOMAIN'],
  ['www.example.net.cluster.local A', 'NXDOMAIN'],
  ['www.example.net A', 'NOERROR', `${outsideTtl} A 203.0.113.1`],
  ['www.example.net AAAA', 'NOERROR'],
  ['missing.example.net A', 'NXDOMAIN'],
  ['5.1.96.10.in-addr.arpa PTR', 'NOERROR', `${ttl} PTR web.shop.svc.cluster.local.`],
  ['5.0.244.10.in-addr.arpa PTR', 'NOERROR', `${ttl} PTR db-0.db.shop.svc.cluster.local.`],
  ['8.8.8.8.in-addr.arpa PTR', 'NOERROR', `${outsideTtl} PTR host.upstream1.`],
]

const deployments: Readonly<Record<string, Expected>> = {
  'kubeadm-1.18': { ttl: 30 },
  'kubeadm-1.28': { ttl: 30 },
  'kubeadm-1.32': { ttl: 30 },
  kind: { ttl: 30 },
  k3s: {
    rows: [
      ['node-1 A', 'NOERROR', '30 A 192.168.1.10'],
      ['node-2 AAAA', 'NOERROR', '30 AAAA fd00::11'],
      ['node-1 AAAA', 'NOERROR'],
      ['10.1.168.192.in-addr.arpa PTR', 'NOERROR', '30 PTR node-1.'],
      ['nas.lab.internal A', 'NOERROR', '30 A 203.0.113.2'],
      ['old.example.org A', 'NOERROR', '5 A 10.96.1.5'],
    ],
  },
  aks: {
    ttl: 30,
    rows: [
      ['a.b.c.d.internal.cloudapp.net A', 'NXDOMAIN'],
      ['vm.internal.cloudapp.net A', 'NOERROR', '30 A 203.0.113.1'],
      ['vm.reddog.microsoft.com A', 'NXDOMAIN'],
      ['hostname.example.org A', 'NOERROR', '30 A 10.0.0.1'],
      ['dog.puglife.local A', 'NOERROR', '30 A 203.0.113.2'],
      ['web.contoso.com A', 'NOERROR', '600 A 203.0.113.3'],
    ],
  },
  eks: {},
  openshift: {
    outsideTtl: 600,
    rows: [
      ['host.corp.example.com A', 'NOERROR', '600 A 203.0.113.1'],
      ['www.example.net A', 'NOERROR', '600 A 203.0.113.2'],
      ['8.8.8.8.in-addr.arpa PTR', 'NOERROR', '600 PTR host.upstream2.'],
    ],
    except: ['www.example.net A', '8.8.8.8.in-addr.arpa PTR'],
  },
  'stub-domains': { rows: [['consul.service.consul.local A', 'NOERROR', '30 A 203.0.113.2']] },
  kubespray: {
    rows: [
      ['website.example.io A', 'NOERROR', '5 A 10.96.1.5'],
      ['other.example.io A', 'NOERROR', '5 A 203.0.113.1'],
      ['other.example.com A', 'NOERROR', '5 A 203.0.113.1'],
      ['registry.local A', 'NOERROR', '30 A 10.5.0.1'],
      ['1.0.5.10.in-addr.arpa PTR', 'NOERROR', '30 PTR registry.local.'],
      ['www.example.net A', 'NOERROR', '30 A 203.0.113.2'],
      ['8.8.8.8.in-addr.arpa PTR', 'NOERROR', '30 PTR host.upstream2.'],
    ],
    except: ['www.example.net A', '8.8.8.8.in-addr.arpa PTR'],
  },
  deployment: {
    rows: [
      ['10-244-0-9.shop.pod.cluster.local A', 'NXDOMAIN'],
      ['www.my.cluster.local A', 'NOERROR', '30 A 203.0.113.2'],
    ],
    except: ['10-244-0-9.shop.pod.cluster.local A'],
  },
  talos: { ttl: 30 },
  microk8s: {},
  kops: { ttl: 30 },
  'kops-gossip': {
    ttl: 30,
    rows: [
      ['api.internal.demo.k8s.local A', 'NOERROR', '30 A 172.20.1.5'],
      ['other.k8s.local A', 'NOERROR', '30 A 203.0.113.1'],
    ],
  },
  gardener: {
    ttl: 30,
    rows: [
      ['web.shop.svc.cluster.local.svc.cluster.local A', 'NOERROR', '30 A 10.96.1.5'],
      ['www.garden.example A', 'NOERROR', '7 A 203.0.113.1'],
    ],
  },
  nodelocaldns: {
    rows: [
      ['web.shop.svc.cluster.local A', 'NOERROR', '30 A 203.0.113.1'],
      ['5.1.96.10.in-addr.arpa PTR', 'NOERROR', '30 PTR host.upstream1.'],
      ['1.0.0.2.ip6.arpa PTR', 'NOERROR', '30 PTR host.upstream1.'],
      ['missing.shop.svc.cluster.local A', 'NXDOMAIN'],
      ['www.example.net A', 'NOERROR', '30 A 203.0.113.2'],
    ],
    except: common({}).map(([question]) => question),
  },
  homelab: {
    ttl: 5,
    rows: [
      ['nas.home.arpa A', 'NOERROR', '60 A 192.168.0.2'],
      ['nas.home.arpa AAAA', 'NOERROR'],
      ['www.example.net A', 'NOERROR', '60 A 203.0.113.1'],
      ['www.example.net ANY', 'REFUSED'],
      ['web.apps.example.net A', 'NOERROR', '5 A 10.96.1.5'],
    ],
    except: common({}).flatMap(([question]) =>
      / AAAA$|arpa PTR|pod\.cluster|^www\.example\.net A$/.test(question) ? [question] : [],
    ),
  },
}

/** What a Corefile of long ago uses that CoreDNS 1.15 does not know either. */
const refused: Readonly<Record<string, RegExp>> = {
  'kubeadm-1.12': /^Corefile:9:5: .*proxy/,
  'kubeadm-1.14': /^Corefile:6:8: unknown property 'upstream'/,
}

void t.test('every Corefile of the folder is in the table', async t => {
  t.same(listCorefiles(), [...Object.keys(deployments), ...Object.keys(refused)].sort())
})

for (const [name, expected] of Object.entries(deployments)) {
  void t.test(`the Corefile of ${name} gives the answers that its cluster expects`, async t => {
    const { site, upstreams } = await Deployment.start(t, name)
    const rows = [
      ...common(expected).filter(([question]) => !expected.except?.includes(question)),
      ...(expected.rows ?? []),
    ]
    for (const [question, rcode, ...records] of rows) {
      const [qname, type] = question.split(' ')
      // The second time, what a cache holds comes from there.
      for (const turn of ['first', 'again']) {
        const answer = await site.ask(qname, type)
        t.same([answer.rcode, ...withoutOwners(answer, qname)], [rcode, ...records], `${question}, ${turn}`)
      }
    }
    if (name === 'nodelocaldns') holdTransports(t, upstreams)
  })
}

/** The cluster's own server is asked over TCP, that of the node over UDP. */
function holdTransports(t: Tap, upstreams: Deployment['upstreams']): void {
  const [cluster, outside] = [...upstreams.values()].map(
    ({ asked }) => new Set(asked.map(({ transport }) => transport)),
  )
  t.same([...cluster], ['tcp'])
  t.same([...outside], ['udp'])
}

type Tap = { same(found: unknown, wanted: unknown): unknown }

/** Every owner is the question, as it was spelt. */
function withoutOwners({ answer }: Answer, qname: string): string[] {
  return answer.map(line => line.replace(`${qname}. `, '').replace(' IN ', ' '))
}

for (const [name, message] of Object.entries(refused)) {
  void t.test(`the Corefile of ${name} is refused, as by CoreDNS`, async t => {
    t.throws(() => setUp(readCorefile(name)), { message })
  })
}
