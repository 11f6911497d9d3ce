// `npm run bench`: CPU for each query, beside other servers. `npm run bench -- micro`: the parts of a query alone; `npm run bench -- start`: a start;
// `npm run bench -- snapshot`: one without an API.

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PLUGINS } from '../src/plugins/order.ts'
import { type Contender, ask, findProgram } from './contender.ts'
import { formatReport, formatTables } from './report.ts'
import { runBench } from './run.ts'
import { SCENARIOS, THREADS, type Scenario } from './scenarios.ts'
import { coredns, kubezoneBatch, kubezoneBundle, kubezoneDgram } from './servers/corefile.ts'
import { floor } from './servers/floor.ts'
import { knot, nsd } from './servers/zonefile.ts'

const CONTENDERS: readonly Contender[] = [kubezoneBatch, ...kubezoneBundle, kubezoneDgram, coredns, knot, nsd, floor]
const REPORT = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const SCALE_REPORT = fileURLToPath(new URL('../docs/scale.md', import.meta.url))
const USAGE = `npm run bench -- [micro | start | snapshot | scale] [--seconds N] [--only SERVER]... [--scenario NAME]... [--write]

  --seconds N      length of each measurement (5)
  --only SERVER    this server alone: ${CONTENDERS.map(({ name }) => name).join('; ')}
  --scenario NAME  this scenario alone: ${[...SCENARIOS.map(({ name }) => name), THREADS].join('; ')}
  --write          writes docs/benchmarks.md; of scale, docs/scale.md
`

const tell = (line: string): void => void process.stdout.write(`${line}\n`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true },
    scenario: { type: 'string', multiple: true },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const isAsked = (name: string, wanted: readonly string[] | undefined): boolean => wanted?.includes(name) ?? true

/** Whether kubezone has the plugins of a scenario. */
const hasPlugins = ({ plugins = [] }: Scenario): boolean =>
  plugins.every(line => PLUGINS.some(({ name }) => name === line.split(' ', 1)[0]))

async function compare(): Promise<void> {
  const dnsperf = findProgram('dnsperf')
  if (dnsperf === undefined || process.platform !== 'linux') {
    tell('The load comes from dnsperf, on Linux: apt-get install dnsperf')
    process.exitCode = 1
    return
  }
  const wanted = CONTENDERS.filter(({ name }) => isAsked(name, values.only))
  const contenders = wanted.filter(({ program }) => findProgram(program) !== undefined)
  const missing = wanted.filter(found => !contenders.includes(found)).map(({ name, get }) => `${name} (${get})`)
  for (const line of missing) tell(`not installed: ${line}`)
  const scenarios = SCENARIOS.filter(scenario => isAsked(scenario.name, values.scenario) && hasPlugins(scenario))
  const seconds = Number(values.seconds)
  const threaded = isAsked(THREADS, values.scenario)
    ? contenders.findLast(({ name }) => name === kubezoneBatch.name || name === kubezoneBundle[0]?.name)
    : undefined
  const results = await runBench({ dnsperf, contenders, scenarios, threaded, seconds, tell })
  // By scenario, and within it as the servers are listed.
  const sort = <R extends { readonly scenario: string }>(list: readonly R[]): R[] =>
    scenarios.flatMap(({ name }) => list.filter(({ scenario }) => scenario === name))
  const sorted = { saturated: sort(results.saturated), paced: sort(results.paced), threads: results.threads }
  tell(`\n${formatTables(sorted)}`)
  if (!values.write) return
  const versions = contenders.map(
    ({ name, program, version }) => `${name}: ${version(findProgram(program) ?? program)}`,
  )
  versions.push(`dnsperf: ${/Version (\S+)/.exec(ask(dnsperf, '-h'))?.[1] ?? 'unknown'}`)
  writeFileSync(REPORT, formatReport({ results: sorted, versions, missing, seconds }))
  tell(`\nwritten: ${REPORT}`)
}

/** Those that hear of a cluster from its API. */
async function scale(): Promise<void> {
  const { runScale } = await import('./scale/main.ts')
  const { findOutliers, formatMemory, formatProgramming, formatScaleReport } = await import('./scale/report.ts')
  const wanted = CONTENDERS.filter(
    ({ name, command }) => command && name !== kubezoneDgram.name && isAsked(name, values.only),
  )
  const contenders = wanted.filter(({ program }) => findProgram(program) !== undefined)
  const results = await runScale({ contenders, tell })
  tell(`\n${formatMemory(results.memory)}\n\n${formatProgramming(results.programming)}`)
  for (const line of findOutliers(results.memory)) tell(`the formula is off: ${line}`)
  if (!values.write) return
  const told: string[] = []
  await (await import('./snapshot.ts')).measureSnapshots(line => told.push(line))
  const versions = contenders.map(
    ({ name, program, version }) => `${name}: ${version(findProgram(program) ?? program)}`,
  )
  writeFileSync(SCALE_REPORT, formatScaleReport({ results, versions, snapshots: told.join('\n') }))
  tell(`\nwritten: ${SCALE_REPORT}`)
}

if (values.help || !(Number(values.seconds) >= 1)) tell(USAGE)
else if (positionals[0] === 'micro') await (await import('./micro.ts')).runMicro(tell)
else if (positionals[0] === 'snapshot') await (await import('./snapshot.ts')).measureSnapshots(tell)
else if (positionals[0] === 'start') await (await import('./start.ts')).measureStarts(tell)
else if (positionals[0] === 'scale') await scale()
else await compare()
