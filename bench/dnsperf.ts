// The load: dnsperf, with one thread and as many questions under way as the server can queue.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const CLIENTS = 8
const OUTSTANDING = 300
/** For latencies: far below what any of the servers can do. */
export const CALM_PER_SECOND = 2_000

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
  readonly p99: number
}

async function run(options: LoadOptions, ...further: (string | number)[]): Promise<string> {
  const { program, port, transport, questions, seconds } = options
  const args = ['-s', '127.0.0.1', '-p', port, '-m', transport, '-d', questions, '-l', seconds, '-c', CLIENTS, '-t', 2]
  const { stdout } = await promisify(execFile)(program, [...args, ...further].map(String), { maxBuffer: 1 << 27 })
  return stdout
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

/** Latencies of CALM_PER_SECOND questions a second. */
export async function measureLatency(options: LoadOptions): Promise<Latency> {
  // With -v, a line for each question: `> NOERROR name type 0.000123`.
  const output = await run(options, '-v', '-Q', CALM_PER_SECOND)
  const seconds = [...output.matchAll(/^> [A-Z]+ .* (\d+\.\d+)$/gm)]
    .map(([, text]) => Number(text))
    .sort((a, b) => a - b)
  const mean = seconds.reduce((sum, value) => sum + value, 0) / seconds.length
  return { count: seconds.length, mean: mean * 1e6, p99: seconds[Math.floor(seconds.length * 0.99)] * 1e6 }
}
