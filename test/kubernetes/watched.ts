// A cluster whose API server will go and come back, and kubezone that watches it: names that live through it are answered all the time, and at
// the end the zone is what the API says.

import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { get } from '../plugins/http.ts'
import { compare } from './agreement.ts'
import { ControlPlane, eventually } from './controlplane.ts'
import { Kubelet } from './kubelet.ts'
import { listNames } from './names.ts'
import { type Asked, adaptCorefile, startCoreDns, startKubezone, startUpstream } from './pair.ts'

const SERVICES_PATH = '/api/v1/namespaces/default/services'
/** Between two rounds of questions, and after a write that nobody took: who is to come back needs the CPU, too. */
const PAUSE_MS = 2

/** The names of what is there from the beginning, and stays as long as the API server loses nothing. */
export const LASTING = ['kubernetes', 'lasting', 'lasting-peers'].map(name => `${name}.default.svc.cluster.local.`)

export class Watched {
  readonly plane: ControlPlane
  readonly kubelet: Kubelet
  readonly kubezone: Asked
  readonly #corefile: string
  #read = 0

  private constructor(plane: ControlPlane, kubelet: Kubelet, kubezone: Asked, corefile: string) {
    this.plane = plane
    this.kubelet = kubelet
    this.kubezone = kubezone
    this.#corefile = corefile
  }

  /** With three Pods, the Services of LASTING, and one that is called `gone-meanwhile`; kubezone has heard of all of it. */
  static async start(t: Test): Promise<Watched> {
    const plane = await ControlPlane.start(t)
    const kubelet = await Kubelet.start(t, plane)
    await plane.kubectl('create deployment web --image=web --replicas=3')
    await make(plane, 'lasting')
    await make(plane, 'lasting-peers', { clusterIP: 'None' })
    await make(plane, 'gone-meanwhile')
    const { port } = await startUpstream(t)
    const corefile = adaptCorefile(plane.kubeconfig, port)
    const kubezone = await startKubezone(t, plane.folder, corefile)
    const watched = new Watched(plane, kubelet, kubezone, corefile)
    await t.test('at first they agree', async t => {
      t.ok(
        await eventually(async () => (await kubezone.ask(LASTING[2], 'A')).answer.length === 3),
        'the Pods are there',
      )
      await watched.agree(t)
      watched.takeLog(t)
    })
    return watched
  }

  make(name: string): Promise<void> {
    return make(this.plane, name)
  }

  async remove(name: string): Promise<void> {
    await this.plane.call('DELETE', `${SERVICES_PATH}/${name}`)
  }

  /** What kubezone has lived through, a CoreDNS that starts only now has not: it says what the API has, and the two are of one opinion. */
  async agree(t: Test): Promise<void> {
    const { plane, kubezone } = this
    const coredns = await startCoreDns(t, plane.folder, this.#corefile)
    let differences: string[] = []
    await eventually(
      async () => (differences = await compare({ kubezone, coredns }, await listNames(plane))).length === 0,
    )
    t.same(differences.slice(0, 10), [], 'the zone is that of CoreDNS')
  }

  /** Asks for what lasts until `run` is through; the answers that were not as they should be. */
  async watchLasting(run: () => Promise<void>, names: readonly string[] = LASTING): Promise<string[]> {
    const wrong: string[] = []
    const over = new AbortController()
    const asking = (async (): Promise<void> => {
      while (!over.signal.aborted) {
        for (const name of names) {
          const { rcode, answer } = await this.kubezone.ask(name, 'A')
          if (rcode !== 'NOERROR' || answer.length === 0) wrong.push(`${name} ${rcode} ${answer.length}`)
        }
        await pause(PAUSE_MS)
      }
    })()
    try {
      await run()
    } finally {
      over.abort()
      await asking
    }
    return wrong
  }

  /** Since the last call. */
  get log(): string {
    return this.kubezone.command.out.slice(this.#read)
  }

  /** What was logged since the last call. */
  takeLog(t: Test): string {
    const { log } = this
    this.#read += log.length
    t.comment(log)
    return log
  }

  countRelists(): Promise<number> {
    return this.sumOf('relists_total')
  }

  /** A metric of the watch, over all resources. */
  async sumOf(metric: string): Promise<number> {
    const { out } = this.kubezone.command
    const ports = [...out.matchAll(/listening on http:\/\/\S*:(\d+)/g)].map(([, port]) => Number(port))
    const pages = await Promise.all(ports.map(port => get(port, '/metrics')))
    const text = pages.find(({ status }) => status === 200)?.body ?? ''
    const series = new RegExp(String.raw`^kubezone_kubernetes_watch_${metric}\{[^}]*\} (\d+)$`, 'gm')
    return [...text.matchAll(series)].reduce((sum, [, count]) => sum + Number(count), 0)
  }
}

async function make(plane: ControlPlane, name: string, more: object = {}): Promise<void> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }], ...more },
  }
  const { status, body } = await plane.call('POST', SERVICES_PATH, service)
  if (status !== 201) throw new Error(`${name} was not made: ${JSON.stringify(body)}`)
}

/** Services come and go, as far as the API lets them. */
export class Churn {
  made = 0
  readonly #watched: Watched
  readonly #over = new AbortController()
  readonly #running: Promise<void>

  constructor(watched: Watched) {
    this.#watched = watched
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#over.signal.aborted; number++) {
      const name = `churn-${++churned}`
      await this.#watched.make(name).then(
        () => this.made++,
        () => pause(PAUSE_MS),
      )
      if (number % 2 === 0) await this.#watched.remove(name).catch(() => {})
    }
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
  }
}
let churned = 0
