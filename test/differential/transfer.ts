// A zone of `k8s_external`, transferred from kubezone and from CoreDNS over one API. What differs is here, and in the README of k8s_external.

import { test } from 'tap'
import { OUTSIDE } from '../plugins/outside.ts'
import { transfer } from '../plugins/transferring.ts'
import { RunningSite, openApi } from '../site/running.ts'
import { CoreDns, findCoreDns } from './coredns.ts'
import { findPort } from './port.ts'

const Z = 'example.org.'

const corefile = (port: number, endpoint: string): string => `.:${port} {
    bind 127.0.0.1
    kubernetes cluster.local {
        endpoint ${endpoint}
        ttl 5
    }
    k8s_external ${Z} {
        headless
    }
    transfer {
        to *
    }
}
`

/** What explains that a line is only in one of the two. */
type Rules = Readonly<Record<string, (line: string, others: ReadonlySet<string>) => boolean>>

const withoutWeight = (line: string): string => line.replace(/ SRV 0 \d+ /, ' SRV 0 * ')
const hasOtherWeight = (line: string, others: ReadonlySet<string>): boolean =>
  line.includes(' SRV ') && [...others].some(other => withoutWeight(other) === withoutWeight(line))
const owner = (line: string): string => line.split(' ')[0]

const OURS: Rules = {
  'weights are those of answers': hasOtherWeight,
  'names of ports have addresses': line => /^_\S+ 5 IN (A|AAAA|CNAME) /.test(line),
  'several ports have several SRV': line => /^ip\.\S+ 5 IN SRV /.test(line),
  'SRV at a load balancer that has names, too': line => /mixed\.\S+ 5 IN SRV 0 100 80 mixed\./.test(line),
  'without a Service in front, the name server has an address': line => line === `ns1.dns.${Z} 5 IN A 127.0.0.1`,
}
const THEIRS: Rules = {
  'weights are not those of answers': hasOtherWeight,
  'a port without a name has one': line => owner(line).startsWith('_._tcp.'),
  'names of ports lead to a part of the name of the load balancer': line => line.endsWith(' com.'),
  'beside a CNAME there is more': (line, ours) =>
    [...ours].some(other => other.startsWith(`${owner(line)} 5 IN CNAME `)),
  'load balancers with addresses have names, too': line =>
    line.startsWith('mixed.') && line.endsWith(' lb.example.com.'),
  'a namespace may be called like the label of the name servers': line => owner(line).endsWith(`shadow.dns.${Z}`),
}

const unexplained = (these: Set<string>, others: Set<string>, rules: Rules): string[] =>
  [...these].filter(line => !others.has(line) && !Object.values(rules).some(rule => rule(line, others)))

const found = findCoreDns(line => process.stderr.write(`${line}\n`))

void test('a zone of k8s_external is transferred as from CoreDNS', {
  skip: 'missing' in found ? found.missing : false,
}, async t => {
  if ('missing' in found) return
  const port = await findPort()
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  for (const object of OUTSIDE) api.apply(object)
  const endpoint = await api.listen()
  const coreDns = await CoreDns.start(found.file, corefile(port, endpoint))
  t.teardown(() => coreDns.stop())
  const site = await RunningSite.start({ corefile: corefile(0, endpoint) })
  t.teardown(() => site.stop())
  const [ours, theirs] = await Promise.all([site.port, port].map(async at => new Set((await transfer(at, Z)).lines)))
  t.ok([...ours].filter(line => theirs.has(line)).length > 20, 'they have much in common')
  t.same(unexplained(ours, theirs, OURS), [])
  t.same(unexplained(theirs, ours, THEIRS), [])
  for (const [rule, explains] of Object.entries(OURS))
    t.ok(
      [...ours].some(line => explains(line, theirs)),
      rule,
    )
  for (const [rule, explains] of Object.entries(THEIRS))
    t.ok(
      [...theirs].some(line => explains(line, ours)),
      rule,
    )
})
