// Starts one server after the other and loads it with the scenarios.

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeApi } from '../src/fakeapi/fakeapi.ts'
import { Asker } from './asker.ts'
import { startChanges } from './changes.ts'
import { type Contender, type Setting, findProgram } from './contender.ts'
import { EXTERNAL_ZONE, apiObjects, fullName, withClusterIP } from './cluster.ts'
import {
  BUSY_PER_SECOND,
  CALM_PER_SECOND,
  type Latency,
  type Load,
  type LoadOptions,
  measureLatency,
  saturate,
} from './dnsperf.ts'
import { Running } from './process.ts'
import type { Scenario } from './scenarios.ts'
import { knot, nsd } from './servers/zonefile.ts'
import { type ThreadsResult, measureThreads } from './threads.ts'

export interface Result {
  readonly scenario: string
  readonly contender: string
  /** For each query, saturated. */
  readonly cpuMicroseconds: number
  /** For each query of few: each wakes the server up. */
  readonly calmCpuMicroseconds: number
  readonly load: Load
  readonly latency: Latency
  readonly residentKib: number
}

/** Of questions at a steady pace. */
export interface Paced {
  readonly scenario: string
  readonly contender: string
  readonly latency: Latency
  /** Changes of the cluster that were made meanwhile. */
  readonly changes: number
}

export interface Results {
  threads: ThreadsResult[]
  readonly saturated: Result[]
  readonly paced: Paced[]
}

export interface RunOptions {
  readonly dnsperf: string
  readonly contenders: readonly Contender[]
  readonly scenarios: readonly Scenario[]
  /** Whose serving threads are measured. */
  readonly threaded: Contender | undefined
  /** Of each measured load; the load that warms up is half as long. */
  readonly seconds: number
  readonly tell: (line: string) => void
}

const START_TIMEOUT_MS = 60_000
const CALM_SECONDS = 3

export async function runBench(options: RunOptions): Promise<Results> {
  const directory = mkdtempSync(join(tmpdir(), 'kubezone-bench-'))
  const api = new FakeApi({ controllers: false })
  const upstream = await startUpstream(directory)
  try {
    for (const object of apiObjects()) api.apply(object)
    const setting = { directory, api: await api.listen() }
    const results: Results = { saturated: [], paced: [], threads: [] }
    for (const contender of options.contenders) {
      for (const [lines, scenarios] of groupByPlugins(contender, options.scenarios)) {
        if (lines.includes('UPSTREAM') && !upstream) continue
        const plugins = lines.replaceAll('UPSTREAM', `127.0.0.1:${upstream?.port}`).split('\n').filter(Boolean)
        const port = await freePort()
        try {
          await runContender(contender, scenarios, { ...setting, port, plugins }, { ...options, api, results })
        } catch (error) {
          // The others are worth comparing all the same.
          options.tell(String(error))
        }
      }
    }
    const { threaded } = options
    if (threaded) {
      results.threads = await measureThreads({ contender: threaded, setting, freePort, untilAnswered })
    }
    return results
  } finally {
    await upstream?.running.stop()
    await api.close()
    rmSync(directory, { recursive: true })
  }
}

/** A server is started once for all scenarios with the same lines of the Corefile. */
function groupByPlugins(contender: Contender, scenarios: readonly Scenario[]): Map<string, Scenario[]> {
  const groups = new Map<string, Scenario[]>()
  for (const scenario of scenarios) {
    if (scenario.plugins && !contender.command) continue
    if (scenario.changesPerSecond && !contender.command) continue
    if (scenario.transport === 'tcp' && !contender.hasTcp) continue
    const lines = (scenario.plugins ?? []).join('\n')
    groups.set(lines, [...(groups.get(lines) ?? []), scenario])
  }
  return groups
}

interface ContenderOptions extends RunOptions {
  readonly api: FakeApi
  /** Added to. */
  readonly results: Results
}

async function runContender(
  contender: Contender,
  scenarios: readonly Scenario[],
  setting: Setting,
  { dnsperf, seconds, tell, api, results }: ContenderOptions,
): Promise<void> {
  const running = new Running(contender.prepare(findProgram(contender.program) ?? contender.program, setting))
  try {
    await untilAnswered(running, contender, setting.port)
    for (const { name, transport, questions, changesPerSecond } of scenarios) {
      const file = join(setting.directory, 'questions')
      writeFileSync(file, `${questions().join('\n')}\n`)
      const load = { program: dnsperf, port: setting.port, transport, questions: file, seconds }
      const of = { scenario: name, contender: contender.name }
      await saturate({ ...load, seconds: Math.ceil(seconds / 2) })
      if (changesPerSecond === undefined) {
        const result = { ...of, ...(await measureCost(running, load)) }
        results.saturated.push(result)
        tell(
          `${name}, ${contender.name}: ${result.cpuMicroseconds.toFixed(2)} µs, ${Math.round(result.load.perSecond)} q/s; ${result.load.rcodes}`,
        )
      } else {
        const changes = startChanges(api, changesPerSecond)
        const latency = await measureLatency(load, BUSY_PER_SECOND)
        results.paced.push({ ...of, latency, changes: changes.stop() })
        tell(`${name}, ${contender.name}: median ${latency.p50.toFixed(0)} µs, p99.9 ${latency.p999.toFixed(0)} µs`)
      }
    }
  } finally {
    await running.stop()
  }
}

async function measureCost(running: Running, options: LoadOptions): Promise<Omit<Result, 'scenario' | 'contender'>> {
  const before = running.cpuMicroseconds()
  const load = await saturate(options)
  const between = running.cpuMicroseconds()
  const calm = { ...options, seconds: Math.min(options.seconds, CALM_SECONDS) }
  const latency = await measureLatency(calm, CALM_PER_SECOND)
  return {
    cpuMicroseconds: (between - before) / load.completed,
    calmCpuMicroseconds: (running.cpuMicroseconds() - between) / latency.count,
    load,
    latency,
    residentKib: running.residentKib(),
  }
}

/** Knot or NSD with the names of elsewhere, whichever is there. */
async function startUpstream(directory: string): Promise<{ running: Running; port: number } | undefined> {
  for (const contender of [knot, nsd]) {
    const program = findProgram(contender.program)
    if (program === undefined) continue
    const port = await freePort()
    const own = join(directory, 'upstream')
    mkdirSync(own)
    const running = new Running(contender.prepare(program, { directory: own, port, api: '', plugins: [] }))
    await untilAnswered(running, contender, port, `host-0.${EXTERNAL_ZONE} A`)
    return { port, running }
  }
  return undefined
}

/** Of TCP, which has connections of before that keep their port for a minute; of UDP nothing is left behind. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Asks until the answer has one record; by default for the last name, so that all names are there. */
export async function untilAnswered(
  running: Running,
  { name }: Pick<Contender, 'name'>,
  port: number,
  question = `${fullName(withClusterIP.at(-1)!)} A`,
  everyMs = 100,
): Promise<void> {
  const asker = await Asker.open(port)
  try {
    const isHopeless = (): boolean => running.hasEnded
    await asker.untilThere(question, { timeoutMs: START_TIMEOUT_MS, everyMs, isHopeless })
  } catch (error) {
    throw new Error(`${name} does not answer: ${running.output}`, { cause: error })
  } finally {
    asker.close()
  }
}
