// kubezone and CoreDNS over one API, random clusters, the same random questions to both. What differs is in docs/differences.md or a failure,
// which is shrunk to a small cluster and printed.

import fc from 'fast-check'
import { test } from 'tap'
import { RunningSite, openApi } from '../site/running.ts'
import { cluster } from './cluster.ts'
import { Comparison, type ComparisonOptions } from './comparison.ts'
import { CoreDns, findCoreDns } from './coredns.ts'
import { findPort } from './port.ts'

/** For each set of options; more than 10,000 questions in all. */
const CLUSTERS = Number(process.env['DIFFERENTIAL_CLUSTERS'] ?? 40)
const QUESTIONS = 150

export interface Setting extends Pick<ComparisonOptions, 'namespaces' | 'turn' | 'isWalking'> {
  readonly name: string
  readonly options: readonly string[]
  /** Beside `kubernetes`. */
  readonly directives?: readonly string[]
}

const corefile = (port: number, endpoint: string, { options, directives = [] }: Setting): string => `.:${port} {
    bind 127.0.0.1
${directives.map(line => `    ${line}\n`).join('')}    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${endpoint}
${options.map(line => `        ${line}\n`).join('')}    }
}
`

const found = findCoreDns(line => process.stderr.write(`${line}\n`))

/** Makes a test of it. */
export function compareBy(setting: Setting): void {
  const { name, namespaces, turn, isWalking } = setting
  void test(`answers as CoreDNS: ${name}`, { skip: 'missing' in found ? found.missing : false }, async t => {
    if ('missing' in found) return
    const theirs = await findPort()
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
