// docs/scale.md.

import { describeMachine, formatRows } from '../report.ts'
import { FORMULA, predict } from './formula.ts'
import type { ScaleResult, ScaleResults } from './main.ts'

const MEMORY_HEAD = [
  'cluster',
  'server',
  'ready s',
  'peak MiB',
  'steady MiB',
  'relist s',
  'its peak MiB',
  'then MiB',
  'formula MiB',
]
const PROGRAMMING_HEAD = ['server', 'changes', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms']

const mib = (kib: number): string => (kib / 1024).toFixed(0)
const count = (number: number): string => number.toLocaleString('en')

export function formatMemory(results: readonly ScaleResult[]): string {
  const rows = results.map(result => {
    const { size, pods, contender } = result
    const { steady, peak } = predict(size, pods === 'verified')
    const podText = pods === 'verified' ? `${count(size.pods)} Pods verified` : 'no Pods'
    return [
      `${count(size.services)} Services, ${count(size.services * size.endpointsEach)} endpoints, ${podText}`,
      contender,
      result.readySeconds.toFixed(1),
      mib(result.peakAtStart),
      mib(result.steady),
      result.relistSeconds.toFixed(1),
      mib(result.peakAtRelist),
      mib(result.afterRelist),
      contender.startsWith('kubezone') ? `${steady.toFixed(0)}, ${peak.toFixed(0)}` : '',
    ]
  })
  return formatRows(MEMORY_HEAD, rows, 2)
}

export function formatProgramming(results: ScaleResults['programming']): string {
  const rows = results.map(({ contender, count: changes, p50, p90, p99, max }) => [
    contender,
    count(changes),
    ...[p50, p90, p99, max].map(ms => ms.toFixed(2)),
  ])
  return formatRows(PROGRAMMING_HEAD, rows, 1)
}

/** How far from the formula each is, where it is more than a fifth. */
export function findOutliers(results: readonly ScaleResult[]): string[] {
  return results
    .filter(({ contender }) => contender.startsWith('kubezone'))
    .flatMap(({ size, pods, contender, steady, peakAtRelist }) => {
      const predicted = predict(size, pods === 'verified')
      const pairs = [
        ['steady', steady / 1024, predicted.steady],
        ['peak', peakAtRelist / 1024, predicted.peak],
      ] as const
      return pairs
        .filter(([, found, expected]) => Math.abs(found / expected - 1) > 0.2)
        .map(([what, found, expected]) => `${contender}, ${what}: ${found.toFixed(0)} MiB, not ${expected.toFixed(0)}`)
    })
}

export interface ScaleReport {
  readonly results: ScaleResults
  readonly versions: readonly string[]
  /** What starts from a snapshot took. */
  readonly snapshots: string
}

export function formatScaleReport({ results, versions, snapshots }: ScaleReport): string {
  return `# Large clusters

Written by \`npm run bench -- scale --write\` on ${new Date().toISOString().slice(0, 10)}, on a machine with
${describeMachine()}; servers, API and whoever measures share it. The figures are one machine's: compare them with each other.

${versions.map(version => `* ${version}`).join('\n')}

## Memory, and time to ready

The API is a process of its own, and tells as much of each object as a real one does: a Pod is 3.5 KB of JSON. *Ready* is from the start of the process until
\`/ready\` says so. For the *relist* the API ends all watches and no longer knows where they were (410); it is over when an answer shows what came behind it.
All is resident memory of the process, from /proc; kubeadm's Deployment has a limit of 170 MiB.

${formatMemory(results.memory)}

Resident memory is about

    ${FORMULA.EMPTY_MIB} MiB + ${count(FORMULA.SERVICE)} octets for each Service + ${FORMULA.ENDPOINT} for each endpoint + ${FORMULA.VERIFIED_POD} for each Pod with \`pods verified\`

and up to ${FORMULA.RELIST_MIB} MiB more while everything is listed anew; the last column has both. The bench says when it is off by more than a fifth. Each
serving thread more takes what docs/benchmarks.md shows; \`topology\`, \`k8s_external\`, \`autopath\` and \`transfer\` keep tables of their own beside.

What is kept of a Pod are a few octets in one buffer, and a name without records: its address can be read from it. Slices keep their endpoints as text.
Of a Pod's JSON, nine tenths are stepped over (\`src/watch/skim.ts\`). The image of the zone is not copied while it grows.

## How soon a change shows

From the API's answer to a PUT of an EndpointSlice to the first DNS answer with it: one change after the other, while ${count(200)} others a second are made
in a cluster of 5,000 Services with 20,000 endpoints. The server is asked again 0.05 ms behind each answer. The API has sent the event to the watches when it
answers; it and whoever asks have been warmed up by 2,000 changes that nobody watched.

${formatProgramming(results.programming)}

## A start without an API

With \`snapshot\`, 5,000 Services and 20,000 endpoints; each process before was killed (-9).

${snapshots}
`
}
