// `npm run test:differential`: kubezone and CoreDNS over one API, random clusters, the same random questions to both. What differs is in
// docs/differences.md or a failure, which is shrunk to a small cluster and printed.

import dgram from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import { test } from 'tap'
import { RunningSite, openApi } from '../site/running.ts'
import { cluster } from './cluster.ts'
import { Comparison, type ComparisonOptions } from './comparison.ts'
import { CoreDns, findCoreDns } from './coredns.ts'
import { fromOutside, searched } from './questions.ts'

/** For each set of options; more than 10,000 questions in all. */
const CLUSTERS = Number(process.env['DIFFERENTIAL_CLUSTERS'] ?? 40)
const QUESTIONS = 150

interface Setting extends Pick<ComparisonOptions, 'namespaces' | 'turn' | 'isWalking'> {
  readonly name: string
  readonly options: readonly string[]
  /** Beside `kubernetes`. */
  readonly directives?: readonly string[]
}

/** Names outside of the cluster do not exist; those whose last label is like that of a zone are left alone. */
const NOTHING_OUTSIDE =
  'template ANY ANY . {\n match "(^|[.])([^la][^.]*|l([^o][^.]*)?|a([^r][^.]*)?)[.]$"\n rcode NXDOMAIN\n fallthrough\n }'

const SETTINGS: readonly Setting[] = [
  { name: 'pods insecure', options: ['pods insecure'] },
  { name: 'pods verified', options: ['pods verified', 'endpoint_pod_names', 'ttl 30'] },
  { name: 'zonal', options: ['pods insecure', 'zonal'] },
  {
    name: 'some Services of some namespaces',
    options: ['pods insecure', 'namespaces default svc', 'labels app.kubernetes.io/part=x', 'ignore empty_service'],
    namespaces: ['default', 'svc'],
  },
  {
    name: 'along the search path of a Pod',
    options: ['pods verified'],
    directives: ['autopath @kubernetes', NOTHING_OUTSIDE],
    turn: searched,
    isWalking: true,
  },
  {
    name: 'from outside',
    options: ['pods verified'],
    directives: [
      'k8s_external example.org 2.0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa {\n headless\n }',
      'template ANY ANY test {\n rcode NXDOMAIN\n }',
    ],
    turn: fromOutside,
  },
]

const corefile = (port: number, endpoint: string, { options, directives = [] }: Setting): string => `.:${port} {
    bind 127.0.0.1
${directives.map(line => `    ${line}\n`).join('')}    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${endpoint}
${options.map(line => `        ${line}\n`).join('')}    }
}
`

async function freePort(): Promise<number> {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

const found = findCoreDns(line => process.stderr.write(`${line}\n`))

for (const setting of SETTINGS) {
  const { name, namespaces, turn, isWalking } = setting
  void test(`answers as CoreDNS: ${name}`, { skip: 'missing' in found ? found.missing : false }, async t => {
    if ('missing' in found) return
    // Reserved only for the moment: CoreDNS does not tell which port it has taken.
    const theirs = await freePort()
    const api = openApi({ controllers: false })
    t.teardown(() => api.close())
    const endpoint = await api.listen()
    const coreDns = await CoreDns.start(found.file, corefile(theirs, endpoint, setting))
    t.teardown(() => coreDns.stop())
    const site = await RunningSite.start({ corefile: corefile(0, endpoint, setting) })
    t.teardown(() => site.stop())
    const comparison = new Comparison(api, { ports: { ours: site.port, theirs }, namespaces, turn, isWalking })
    t.teardown(() => comparison.close())
    const property = fc.asyncProperty(cluster, fc.integer(), (objects, seed) =>
      comparison.compare(objects, seed, QUESTIONS),
    )
    await fc.assert(property, { numRuns: CLUSTERS, verbose: false })
    t.equal(comparison.asked, CLUSTERS * QUESTIONS, 'all questions were asked')
    t.comment(
      `${comparison.asked} questions, ${comparison.found} with an answer; explained: ${JSON.stringify(Object.fromEntries(comparison.explained))}`,
    )
  })
}
