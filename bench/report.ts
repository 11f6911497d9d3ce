// The table.

import { cpus, release, totalmem } from 'node:os'
import { readFileSync } from 'node:fs'
import { BUSY_PER_SECOND, CALM_PER_SECOND } from './dnsperf.ts'
import type { Paced, Result, Results } from './run.ts'
import type { ThreadsResult } from './threads.ts'

const HEAD = [
  'asked',
  'server',
  'CPU µs / query',
  'times kubezone',
  'queries / s',
  'lost',
  'calm CPU',
  'mean µs',
  'p99 µs',
  'RSS MB',
]

const PACED_HEAD = ['asked', 'server', 'p50 µs', 'p99 µs', 'p99.9 µs', 'mean µs', 'answered', 'changes']

export const median = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[figures.length >> 1]

/** As Markdown, readable as it is. */
export const formatTables = ({ saturated, paced, threads }: Results): string =>
  [
    ...(saturated.length > 0 ? [formatSaturated(saturated)] : []),
    ...(paced.length > 0 ? [`At ${BUSY_PER_SECOND.toLocaleString('en')} questions a second:`, formatPaced(paced)] : []),
    ...(threads.length > 0
      ? ['Serving threads (`multisocket`), as many questions as they take:', formatThreads(threads)]
      : []),
  ].join('\n\n')

const THREADS_HEAD = ['server', 'threads', 'answers / s', 'times one', 'CPU µs / query', 'RSS MB', 'load, cores']

function formatThreads(results: readonly ThreadsResult[]): string {
  const rows = results.map(({ contender, threads, perSecond, cpuMicroseconds, residentKib, loadShare }) => [
    contender,
    String(threads),
    Math.round(perSecond).toLocaleString('en'),
    (perSecond / results[0].perSecond).toFixed(2),
    cpuMicroseconds.toFixed(1),
    (residentKib / 1024).toFixed(0),
    loadShare.toFixed(2),
  ])
  return formatRows(THREADS_HEAD, rows, 1)
}

function formatPaced(results: readonly Paced[]): string {
  const rows = results.map(({ scenario, contender, latency, changes }) => {
    const { p50, p99, p999, mean, count } = latency
    const figures = [p50, p99, p999, mean, count, changes].map(figure => Math.round(figure).toLocaleString('en'))
    return [scenario, contender, ...figures]
  })
  return formatRows(PACED_HEAD, rows, 2)
}

/** The ratios are to the first server of each scenario. */
function formatSaturated(results: readonly Result[]): string {
  const rows = results.map(result => {
    const first = results.find(({ scenario }) => scenario === result.scenario)!
    const { cpuMicroseconds, load, latency, residentKib } = result
    return [
      result.scenario,
      result.contender,
      cpuMicroseconds.toFixed(1),
      (cpuMicroseconds / first.cpuMicroseconds).toFixed(2),
      Math.round(load.perSecond).toLocaleString('en'),
      load.lost.toLocaleString('en'),
      result.calmCpuMicroseconds.toFixed(0),
      latency.mean.toFixed(0),
      latency.p99.toFixed(0),
      (residentKib / 1024).toFixed(0),
    ]
  })
  return formatRows(HEAD, rows, 2)
}

/** The first `texts` columns hold text, the others figures. */
export function formatRows(head: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i].length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i < texts ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i < texts ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** What the figures depend on. */
export function describeMachine(): string {
  const system = /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform
  const processors = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${processors.length} CPUs (${processors[0].model.trim()}), ${memory} GB, Linux ${release().split('-', 1)[0]}, ${system}`
}

export interface Report {
  readonly results: Results
  readonly versions: readonly string[]
  readonly missing: readonly string[]
  readonly seconds: number
}

export function formatReport({ results, versions, missing, seconds }: Report): string {
  return `# Benchmarks

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}, on a machine with
${describeMachine()}; servers and load share it. The figures are one machine's: compare them with each other.

${versions.map(version => `* ${version}`).join('\n')}
${missing.length > 0 ? `\nNot installed, and so left out: ${missing.join('; ')}.\n` : ''}
${formatTables(results)}

CPU is user and system time of the server, from /proc, for ${seconds} s under as many questions as it takes. *Calm CPU* (µs) and the
latencies are those at ${CALM_PER_SECOND.toLocaleString('en')} questions a second, when each wakes the server up. A
cluster of 5,000 Services with 20,000 endpoints; 20,000 questions in random order. kubezone and CoreDNS have it from a Kubernetes API, the others from zone files. *mix*: 40 % A of cluster IPs, 20 % AAAA (NODATA), 25 % names of elsewhere on
the search path (NXDOMAIN), 5 % SRV, 5 % A of headless Services, 5 % PTR. The C program is the floor: it receives and sends 64 datagrams a call
and looks nothing up. *Changes* make an endpoint of a headless Service unready and the one before ready again; Knot and NSD, which have the names
from a file, are asked without. *Threads* are loaded with A of cluster IPs by a program that takes little of the CPU (flood.c): more than they can answer.
`
}
