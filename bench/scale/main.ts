// `npm run bench -- scale`: memory, time to ready, and how long a change takes to show, with the largest clusters.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Asker } from '../asker.ts'
import { type Contender, findProgram } from '../contender.ts'
import { type Command, Running } from '../process.ts'
import { freePort } from '../run.ts'
import type { Order } from './api.ts'
import { measureProgramming, type Programming, warmUp } from './latency.ts'
import { LARGE, nameOf, podNameOf, type Size, USUAL } from './objects.ts'

const API = fileURLToPath(new URL('api.ts', import.meta.url))
const READY_TIMEOUT_MS = 120_000
const ASKING = { timeoutMs: READY_TIMEOUT_MS }
/** For what a server does when it is ready, and nobody asks. */
const SETTLE_MS = 5_000
const CHANGES_PER_SECOND = 200

type Pods = 'insecure' | 'verified'

export interface ScaleResult {
  readonly contender: string
  readonly size: Size
  readonly pods: Pods
  readonly readySeconds: number
  /** KiB. */
  readonly peakAtStart: number
  readonly steady: number
  readonly relistSeconds: number
  readonly peakAtRelist: number
  readonly afterRelist: number
}

export interface ScaleResults {
  readonly memory: ScaleResult[]
  readonly programming: (Programming & { readonly contender: string })[]
}

export interface ScaleOptions {
  readonly contenders: readonly Contender[]
  readonly tell: (line: string) => void
}

export async function runScale({ contenders, tell }: ScaleOptions): Promise<ScaleResults> {
  const directory = mkdtempSync(join(tmpdir(), 'kubezone-scale-'))
  const results: ScaleResults = { memory: [], programming: [] }
  try {
    for (const size of [USUAL, LARGE]) {
      tell(
        `an API with ${size.services} Services, ${size.services * size.endpointsEach} endpoints, ${size.pods} Pods …`,
      )
      const api = await ScaleApi.start(size)
      try {
        for (const pods of size === LARGE ? (['insecure', 'verified'] as const) : (['insecure'] as const)) {
          for (const contender of contenders) {
            const result = await measureMemory(contender, { directory, api, size, pods })
            results.memory.push(result)
            const most = mib(Math.max(result.peakAtStart, result.peakAtRelist))
            tell(`${contender.name}: ready after ${result.readySeconds.toFixed(1)} s, ${most} MiB at most`)
          }
        }
        if (size === USUAL) {
          await warmUp(api.url, size)
          for (const contender of contenders) {
            const { corefile, port } = await writeCorefile(directory, api.url, 'insecure')
            const running = new Running(commandOf(contender, corefile))
            const asker = await Asker.open(port)
            try {
              await asker.untilThere(`${nameOf(size.services - 1)} A`, ASKING)
              api.order({ order: 'churn', perSecond: CHANGES_PER_SECOND })
              await delay(2_000)
              const programming = await measureProgramming(api.url, asker, size)
              results.programming.push({ contender: contender.name, ...programming })
              tell(`${contender.name}: a change shows after ${programming.p50.toFixed(2)} ms`)
            } finally {
              api.order({ order: 'churn', perSecond: 0 })
              asker.close()
              await running.stop()
            }
          }
        }
      } finally {
        api.stop()
      }
    }
    return results
  } finally {
    rmSync(directory, { recursive: true })
  }
}

class ScaleApi {
  readonly url: string
  /** How many were added by relists. */
  added = 0
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  static async start({ services, endpointsEach, pods }: Size): Promise<ScaleApi> {
    const args = [services, endpointsEach, pods].map(String)
    const child = fork(API, args, { execArgv: ['--max-old-space-size=12000'] })
    const [url] = (await once(child, 'message')) as [string]
    return new ScaleApi(child, url)
  }

  order(order: Order): void {
    this.#child.send(order)
  }

  stop(): void {
    this.#child.kill()
  }
}

async function writeCorefile(
  directory: string,
  api: string,
  pods: string,
): Promise<{ corefile: string; port: number; readyPort: number }> {
  const [port, readyPort] = [await freePort(), await freePort()]
  const corefile = join(directory, 'Corefile')
  writeFileSync(
    corefile,
    `.:${port} {
    bind 127.0.0.1
    errors
    ready 127.0.0.1:${readyPort}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${api}
        pods ${pods}
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    loadbalance
}
`,
  )
  return { corefile, port, readyPort }
}

interface MemoryOptions {
  readonly directory: string
  readonly api: ScaleApi
  readonly size: Size
  readonly pods: Pods
}

const commandOf = (contender: Contender, corefile: string): Command =>
  contender.command!(findProgram(contender.program) ?? contender.program, corefile)

async function measureMemory(
  contender: Contender,
  { directory, api, size, pods }: MemoryOptions,
): Promise<ScaleResult> {
  const { corefile, port, readyPort } = await writeCorefile(directory, api.url, pods)
  const from = performance.now()
  const running = new Running(commandOf(contender, corefile))
  const asker = await Asker.open(port)
  try {
    await untilReady(running, contender, readyPort)
    const readySeconds = (performance.now() - from) / 1000
    await delay(SETTLE_MS)
    const peakAtStart = running.peakKib()
    const steady = running.residentKib()
    running.forgetPeak()
    const again = performance.now()
    const number = size.services + api.added
    const pod = size.pods + api.added++
    api.order({ order: 'relist' })
    await asker.untilThere(`${nameOf(number)} A`, ASKING)
    if (pods === 'verified') await asker.untilThere(`${podNameOf(size, pod)} A`, ASKING)
    const relistSeconds = (performance.now() - again) / 1000
    await delay(SETTLE_MS)
    const peakAtRelist = running.peakKib()
    const afterRelist = running.residentKib()
    return {
      contender: contender.name,
      size,
      pods,
      readySeconds,
      peakAtStart,
      steady,
      relistSeconds,
      peakAtRelist,
      afterRelist,
    }
  } finally {
    asker.close()
    await running.stop()
  }
}

async function untilReady(running: Running, { name }: Contender, port: number): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    if (running.hasEnded || performance.now() > deadlineMs) throw new Error(`${name} is not ready: ${running.output}`)
    const isReady = await fetch(`http://127.0.0.1:${port}/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await delay(50)
  }
}

const mib = (kib: number): string => (kib / 1024).toFixed(0)
