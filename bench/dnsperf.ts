// The load: dnsperf, with one thread and as many questions under way as the server can queue.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'

const CLIENTS = 8
const OUTSTANDING = 300
/** For latencies: far below what any of the servers can do. */
export const CALM_PER_SECOND = 2_000
/** For latencies while the cluster changes: a busy cluster's questions to one server. */
export const BUSY_PER_SECOND = 10_000

export interface LoadOptions {
  readonly program: string
  readonly port: number
  readonly transport: 'udp' | 'tcp'
  /** The data file. */
  readonly questions: string
  readonly seconds: number
}

export interface Load {
  readonly completed: number
  readonly lost: number
  readonly perSecond: number
  /** `NOERROR 12 (60.00%), NXDOMAIN 8 (40.00%)`. */
  readonly rcodes: string
}

/** In microseconds. */
export interface Latency {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** What it prints goes to a file and is read when it has ended, so that reading does not disturb what is measured. */
async function run(options: LoadOptions, ...further: (string | number)[]): Promise<string> {
  const { program, port, transport, questions, seconds } = options
  const args = ['-s', '127.0.0.1', '-p', port, '-m', transport, '-d', questions, '-l', seconds, '-c', CLIENTS, '-t', 2]
  const file = `${questions}.out`
  const output = openSync(file, 'w')
  const child = spawn(program, [...args, ...further].map(String), { stdio: ['ignore', output, 'inherit'] })
  closeSync(output)
  const [code] = await once(child, 'exit')
  const text = readFileSync(file, 'utf8')
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text.slice(-1000)}`)
  return text
}

/** As much as the server takes. Throws when dnsperf does. */
export async function saturate(options: LoadOptions): Promise<Load> {
  const output = await run(options, '-q', OUTSTANDING)
  const read = (label: string): string => new RegExp(`${label}: +(.+)`).exec(output)?.[1] ?? ''
  return {
    completed: Number.parseInt(read('Queries completed')),
    lost: Number.parseInt(read('Queries lost')),
    perSecond: Number.parseFloat(read('Queries per second')),
    rcodes: read('Response codes'),
  }
}

/** Latencies of so many questions a second. */
export async function measureLatency(options: LoadOptions, perSecond: number): Promise<Latency> {
  // With -v, a line for each question: `> NOERROR name type 0.000123`.
  const output = await run(options, '-v', '-Q', perSecond)
  const sorted = Float64Array.from(
    output.matchAll(/^> [A-Z]+ .* (\d+\.\d+)$/gm),
    ([, text]) => Number(text) * 1e6,
  ).sort()
  const at = (quantile: number): number => sorted[Math.floor(sorted.length * quantile)]
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  return { count: sorted.length, mean, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}
