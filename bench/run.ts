// Starts one server after the other and loads it with the scenarios.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeApi } from '../src/fakeapi/fakeapi.ts'
import { type Contender, type Setting, findProgram } from './contender.ts'
import { EXTERNAL_ZONE, apiObjects, fullName, withClusterIP } from './cluster.ts'
import { type Latency, type Load, measureLatency, saturate } from './dnsperf.ts'
import { Running } from './process.ts'
import { encodeQuery } from './question.ts'
import type { Scenario } from './scenarios.ts'
import { knot, nsd } from './servers/zonefile.ts'

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

export interface RunOptions {
  readonly dnsperf: string
  readonly contenders: readonly Contender[]
  readonly scenarios: readonly Scenario[]
  /** Of each measured load; the load that warms up is half as long. */
  readonly seconds: number
  readonly tell: (line: string) => void
}

const START_TIMEOUT_MS = 60_000
const LATENCY_SECONDS = 3

export async function runBench(options: RunOptions): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), 'kubezone-bench-'))
  const api = new FakeApi({ controllers: false })
  const upstream = await startUpstream(directory)
  try {
    for (const object of apiObjects()) api.apply(object)
    const setting = { directory, api: await api.listen() }
    const results: Result[] = []
    for (const contender of options.contenders) {
      for (const [lines, scenarios] of groupByPlugins(contender, options.scenarios)) {
        if (lines.includes('UPSTREAM') && !upstream) continue
        const plugins = lines.replaceAll('UPSTREAM', `127.0.0.1:${upstream?.port}`).split('\n').filter(Boolean)
        const port = await freePort()
        try {
          results.push(...(await runContender(contender, scenarios, { ...setting, port, plugins }, options)))
        } catch (error) {
          // The others are worth comparing all the same.
          options.tell(String(error))
        }
      }
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
    if (scenario.plugins && !contender.hasCorefile) continue
    if (scenario.transport === 'tcp' && !contender.hasTcp) continue
    const lines = (scenario.plugins ?? []).join('\n')
    groups.set(lines, [...(groups.get(lines) ?? []), scenario])
  }
  return groups
}

async function runContender(
  contender: Contender,
  scenarios: readonly Scenario[],
  setting: Setting,
  { dnsperf, seconds, tell }: RunOptions,
): Promise<Result[]> {
  const running = new Running(contender.prepare(findProgram(contender.program) ?? contender.program, setting))
  try {
    await untilAnswered(running, contender, setting.port)
    const results: Result[] = []
    for (const { name, transport, questions } of scenarios) {
      const file = join(setting.directory, 'questions')
      writeFileSync(file, `${questions().join('\n')}\n`)
      const options = { program: dnsperf, port: setting.port, transport, questions: file, seconds }
      await saturate({ ...options, seconds: Math.ceil(seconds / 2) })
      const before = running.cpuMicroseconds()
      const load = await saturate(options)
      const between = running.cpuMicroseconds()
      const latency = await measureLatency({ ...options, seconds: Math.min(seconds, LATENCY_SECONDS) })
      const result = {
        scenario: name,
        contender: contender.name,
        cpuMicroseconds: (between - before) / load.completed,
        calmCpuMicroseconds: (running.cpuMicroseconds() - between) / latency.count,
        load,
        latency,
        residentKib: running.residentKib(),
      }
      results.push(result)
      tell(
        `${name}, ${contender.name}: ${result.cpuMicroseconds.toFixed(2)} µs, ${Math.round(load.perSecond)} q/s; ${load.rcodes}`,
      )
    }
    return results
  } finally {
    await running.stop()
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

async function freePort(): Promise<number> {
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

/** Asks until the answer has one record; by default for the last name, so that all names are there. */
async function untilAnswered(
  running: Running,
  { name }: Contender,
  port: number,
  question = `${fullName(withClusterIP.at(-1)!)} A`,
): Promise<void> {
  const query = encodeQuery(question)
  const socket = dgram.createSocket('udp4')
  // A port on which nobody listens yet.
  socket.on('error', () => {})
  const answered = Promise.withResolvers<void>()
  socket.on('message', message => {
    if ((message[3] & 15) === 0 && message.readUInt16BE(6) > 0) answered.resolve()
  })
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  const timer = setInterval(() => {
    if (running.hasEnded || performance.now() > deadlineMs) {
      answered.reject(new Error(`${name} does not answer: ${running.output}`))
    } else socket.send(query, port, '127.0.0.1')
  }, 100)
  try {
    await answered.promise
  } finally {
    clearInterval(timer)
    socket.close()
  }
}
