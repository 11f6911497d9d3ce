// A server with a snapshot, in front of an API that comes and goes on one port.

import { join } from 'node:path'
import type { Test } from 'tap'
import type { FakeApi } from '../../../src/fakeapi/fakeapi.ts'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import { until } from '../../cli/command.ts'
import { UdpClient } from '../../server/clients.ts'
import { buildQuery, decode } from '../../server/message.ts'
import { RunningSite, openApi, type RunningOptions } from '../../site/running.ts'
import { findFreePort } from '../../site/threads.ts'
import { TYPES, describe } from '../../site/zonefile.ts'
import { get } from '../http.ts'

const METRICS = /^kubezone_kubernetes_snapshot_(\w+)\{file=".*"\} (\S+)$/gm

/** An answer, and the info code of its extended error (RFC 8914 section 2). */
export interface Told {
  readonly rcode: string
  readonly records: readonly string[]
  readonly code: number | undefined
}

export class Snapshotting {
  readonly folder: string
  readonly file: string
  api: FakeApi | undefined
  readonly #t: Test
  readonly #port: number

  private constructor(t: Test, port: number) {
    this.#t = t
    this.#port = port
    this.folder = t.testdir({})
    this.file = join(this.folder, 'names.snapshot')
    t.teardown(() => this.api?.close())
  }

  static async open(t: Test, objects: readonly ApiObject[]): Promise<Snapshotting> {
    const opened = new Snapshotting(t, await findFreePort())
    await opened.openApi(objects)
    return opened
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async openApi(objects: readonly ApiObject[]): Promise<FakeApi> {
    this.api = openApi({ controllers: false })
    for (const object of objects) this.api.apply(object)
    await this.api.listen({ port: this.#port })
    return this.api
  }

  async closeApi(): Promise<void> {
    await this.api?.close()
    this.api = undefined
  }

  /** `options` are lines of the block of `kubernetes`, `others` plugins beside it. */
  corefile(options = 'snapshot names.snapshot 1s', others = '', zones = 'cluster.local 10.in-addr.arpa'): string {
    return `.:0 {
      bind 127.0.0.1
      ready 127.0.0.1:0
      ${others}
      kubernetes ${zones} {
        startup_timeout 1ms
        ${options}
      }
    }`
  }

  async start(corefile = this.corefile(), options: Partial<RunningOptions> = {}): Promise<Server> {
    const api = { endpoint: this.endpoint }
    const server = new Server(
      await RunningSite.start({ api, file: join(this.folder, 'Corefile'), corefile, ...options }),
    )
    this.#t.teardown(() => server.stop())
    return server
  }

  /** Starts a server, has it write what the API holds, and stops it. */
  async write(corefile?: string): Promise<void> {
    const server = await this.start(corefile)
    await server.written()
    await server.stop()
  }
}

export class Server {
  readonly running: RunningSite
  readonly #udp: UdpClient
  #stopping: Promise<void> | undefined

  constructor(running: RunningSite) {
    this.running = running
    this.#udp = new UdpClient(running.port)
  }

  /** `name type`. */
  ask(question: string): Promise<Told> {
    return askBy(this.#udp, question)
  }

  /** Asks from another port: another thread may answer. */
  async askAnew(question: string): Promise<Told> {
    const client = new UdpClient(this.running.port)
    const told = await askBy(client, question)
    client.close()
    return told
  }

  /** Asks all; one line for each. */
  async askAll(questions: readonly string[]): Promise<string[]> {
    const lines: string[] = []
    for (const question of questions) {
      const { rcode, records } = await this.ask(question)
      lines.push([question, rcode, ...records].join(' | '))
    }
    return lines
  }

  /** Resolves when it has the whole answer of the API; false when that takes too long. */
  synced(): Promise<boolean> {
    return until(() => this.running.log.some(line => line.startsWith('plugin/kubernetes: serving ')))
  }

  written(count = 1): Promise<boolean> {
    return until(() => (this.metrics().writes_total ?? 0) >= count)
  }

  /** Those of the snapshot, by the end of their names. */
  metrics(): Record<string, number> {
    const page = this.running.site.metrics.render()
    return Object.fromEntries([...page.matchAll(METRICS)].map(([, name, value]) => [name, Number(value)]))
  }

  async ready(): Promise<string> {
    const { status, body } = await get(this.running.site.http.port('127.0.0.1:0'), '/ready')
    return `${status} ${body}`
  }

  async serial(zone = 'cluster.local.'): Promise<number> {
    const { answers } = await this.#udp.ask(buildQuery({ name: zone, type: TYPES.SOA }))
    return answers[0].rdata.readUInt32BE(answers[0].rdata.length - 20)
  }

  /** What was logged of the snapshot. */
  get told(): string[] {
    return this.running.log.filter(line => line.includes('snapshot'))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#udp.close()
    await this.running.stop()
  }
}

async function askBy(client: UdpClient, question: string): Promise<Told> {
  const [name, type] = question.split(' ')
  const query = buildQuery({ name, type: TYPES[type], edns: { size: 65_000 } })
  const [bytes] = await Promise.all([client.receive(), client.send(query)])
  const { rcode, answer, ns, extra } = describe(decode(bytes), bytes)
  // At the end of OPT, which is the last record: six octets of options, an extended error of two.
  const [head, code] = [bytes.toString('hex', bytes.length - 8, bytes.length - 2), bytes.readUInt16BE(bytes.length - 2)]
  return { rcode, records: [...answer, ...ns, ...extra], code: head === '0006000f0002' ? code : undefined }
}
