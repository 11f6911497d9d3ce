// What another serving thread brings (`multisocket`), under a load that leaves it a core.

import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withClusterIP, fullName } from './cluster.ts'
import { type Contender, type Setting, findProgram } from './contender.ts'
import { Running } from './process.ts'
import { encodeQuery } from './question.ts'

const SOURCE = fileURLToPath(new URL('flood.c', import.meta.url))
/** More than two threads answer; the load itself takes about a fifth of a core. */
const PER_SECOND = 800_000
const SECONDS = 4
const THREADS = [1, 2]

export interface ThreadsResult {
  readonly contender: string
  readonly threads: number
  readonly perSecond: number
  readonly cpuMicroseconds: number
  readonly residentKib: number
  /** Of one core. */
  readonly loadShare: number
}

export interface ThreadsOptions {
  readonly contender: Contender
  readonly setting: Omit<Setting, 'port' | 'plugins'>
  readonly freePort: () => Promise<number>
  readonly untilAnswered: (running: Running, contender: Contender, port: number) => Promise<void>
}

export async function measureThreads({
  contender,
  setting,
  freePort,
  untilAnswered,
}: ThreadsOptions): Promise<ThreadsResult[]> {
  const compiler = findProgram('cc')
  if (compiler === undefined) return []
  const flood = join(setting.directory, 'flood')
  execFileSync(compiler, ['-O2', '-o', flood, SOURCE])
  // All of one length, as the kernel cuts them.
  const all = withClusterIP.map(service => encodeQuery(`${fullName(service)} A`))
  const messages = all.filter(({ length }) => length === all.at(-1)!.length)
  const results: ThreadsResult[] = []
  for (const threads of THREADS) {
    const [port, metricsPort] = [await freePort(), await freePort()]
    const plugins = [`multisocket ${threads}`]
    const command = contender.prepare(contender.program, { ...setting, port, metricsPort, plugins })
    const running = new Running(command)
    const load = (seconds: number): Promise<string> =>
      runFlood(flood, [port, PER_SECOND, seconds, messages[0].length], Buffer.concat(messages))
    try {
      await untilAnswered(running, contender, port)
      await load(SECONDS / 2)
      const before = { cpu: running.cpuMicroseconds(), count: await countRequests(metricsPort) }
      const [, share] = (await load(SECONDS)).split(' ')
      const count = (await countRequests(metricsPort)) - before.count
      results.push({
        contender: contender.name,
        threads,
        perSecond: count / SECONDS,
        cpuMicroseconds: (running.cpuMicroseconds() - before.cpu) / count,
        residentKib: running.residentKib(),
        loadShare: Number(share),
      })
    } finally {
      await running.stop()
    }
  }
  return results
}

function runFlood(file: string, args: readonly number[], input: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args.map(String), (error, output) => (error ? reject(error) : resolve(output)))
    child.stdin?.end(input)
  })
}

async function countRequests(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return [...text.matchAll(/^coredns_dns_requests_total\{.*\} (\S+)$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  )
}
