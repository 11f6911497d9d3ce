// Several serving threads, for tests of what they have in common.

import { randomInt } from 'node:crypto'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Crew } from '../../src/cli/crew.ts'
import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { Slab } from '../../src/metrics/slab.ts'
import { clusterIP, namespace } from '../plugins/kubernetes/objects.ts'
import { UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { RunningSite, type RunningOptions, openApi } from './running.ts'

/** So many that a thread without any would be a wonder: 2^-40. */
export const CLIENTS = 41
export const REQUESTS = 'coredns_dns_requests_total'
export const WEB = 'web.ns.svc.cluster.local.'
export const NXDOMAIN = 3
export const SERVFAIL = 2

/** A site whose Corefile the test changes. */
export class Threads {
  readonly running: RunningSite
  corefile: string
  /** What each thread counts in. */
  readonly slabs: Slab[] = []
  readonly logFile: string

  constructor(t: Test, corefile: string, options: Partial<RunningOptions> = {}) {
    this.corefile = corefile
    this.logFile = join(t.testdir(), 'log')
    const threadLog = { format: 'text' as const, descriptor: openSync(this.logFile, 'a') }
    this.running = new RunningSite({ ...options, corefile, threadLog, readCorefile: () => this.corefile })
    const { metrics } = this.running.site
    const newSlab = metrics.newSlab.bind(metrics)
    metrics.newSlab = () => {
      const buffer = newSlab()
      this.slabs.push(new Slab(buffer))
      return buffer
    }
    t.teardown(() => this.running.stop())
  }

  static async start(t: Test, corefile: string, options?: Partial<RunningOptions>): Promise<Threads> {
    const threads = new Threads(t, corefile, options)
    await threads.running.start()
    return threads
  }

  get crew(): Crew {
    return this.running.site.crew!
  }

  async change(corefile: string): Promise<void> {
    this.corefile = corefile
    await this.running.site.reload()
  }

  /** Asks the same from many ports. Each answer as its rcode and the last octets of its records. */
  async askAll(name: string, type = 1): Promise<Set<string>> {
    const clients = Array.from({ length: CLIENTS }, () => new UdpClient(this.running.port))
    const answers = await Promise.all(
      clients.map(async client => {
        const { rcode, answers } = await client.ask(buildQuery({ name, type }))
        client.close()
        return [rcode, ...answers.map(({ rdata }) => rdata.at(-1))].join(' ')
      }),
    )
    return new Set(answers)
  }

  /** Asks until all of the threads answer so: a change takes a moment. */
  async become(t: Test, name: string, answer: string): Promise<void> {
    const deadline = Date.now() + 20_000
    let found = await this.askAll(name)
    while ((found.size > 1 || !found.has(answer)) && Date.now() < deadline) found = await this.askAll(name)
    t.same([...found], [answer], name)
  }

  /** Of the page of metrics, all series of a name added up. */
  sum(name: string): number {
    const lines = this.running.site.metrics.render().split('\n')
    const values = lines.filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  /** How much each thread has counted. */
  counts(name: string): number[] {
    return this.slabs.map(slab =>
      slab
        .series()
        .filter(({ family }) => family === name)
        .reduce((sum, { index }) => sum + slab.cells[index], 0),
    )
  }
}

export async function openCluster(t: Test): Promise<{ api: FakeApi; endpoint: string }> {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  api.apply(namespace('ns'))
  api.apply(clusterIP('web', ['10.96.0.10']))
  return { api, endpoint: await api.listen() }
}

export const block = (threads: number, directives: string): string =>
  `.:0 {\n    bind 127.0.0.1\n    multisocket ${threads}\n    prometheus 127.0.0.1:0\n    ${directives}\n}\n`

export const answerWith = (n: number): string =>
  `template ANY ANY {\n        answer "{{ .Name }} 5 IN A 10.0.0.${n}"\n    }`

/** What the system chooses by itself, for a connection, too, is not below (Linux: net.ipv4.ip_local_port_range). */
const FIRST_EPHEMERAL_PORT = 32_768

/** Nobody else has it now, over UDP or TCP, and nobody will in a moment who does not ask for it. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_EPHEMERAL_PORT / 2, FIRST_EPHEMERAL_PORT)
    const socket = dgram.createSocket('udp4')
    const server = net.createServer()
    try {
      socket.bind(port, '127.0.0.1')
      await once(socket, 'listening')
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    } finally {
      socket.close()
      server.close()
    }
  }
}
