// In the place of scheduler and kubelet: no container runs, but Pods get a node, an address and a status, and go when they are deleted.

import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import type { ControlPlane } from './controlplane.ts'

const NODE = 'node-1'
const NODE_ADDRESS = '10.10.0.1'
const PERIOD_MS = 50
const MERGE = 'application/merge-patch+json'

interface Pod {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: { readonly nodeName?: string; readonly hostNetwork?: boolean }
  readonly status: { readonly podIP?: string }
}

/** A Pod with this annotation runs, but does not become ready by itself. */
export const UNREADY = 'kubezone.example/unready'

export class Kubelet {
  readonly #plane: ControlPlane
  #addresses = 0
  #isStopped = false

  private constructor(plane: ControlPlane) {
    this.#plane = plane
  }

  static async start(t: Test, plane: ControlPlane): Promise<Kubelet> {
    const kubelet = new Kubelet(plane)
    await kubelet.register()
    const running = kubelet.#run()
    t.teardown(async () => {
      kubelet.#isStopped = true
      await running
    })
    return kubelet
  }

  /** Pods on a node that is not there are left out of EndpointSlices. */
  async register(): Promise<void> {
    const metadata = { name: NODE, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': NODE } }
    await this.#plane.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata })
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      // While the API server is away nothing can be done, here as in a cluster.
      await this.#lookAfterAll().catch(() => {})
      await pause(PERIOD_MS)
    }
  }

  async #lookAfterAll(): Promise<void> {
    const { body } = await this.#plane.call<{ items: Pod[] }>('GET', '/api/v1/pods')
    for (const pod of body.items) {
      if (this.#isStopped) return
      await this.#lookAfter(pod)
    }
  }

  async #lookAfter({ metadata, spec, status }: Pod): Promise<void> {
    const { name, namespace, annotations = {} } = metadata
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`
    if (metadata.deletionTimestamp !== undefined) {
      await this.#plane.call('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 })
      return
    }
    if (spec.nodeName === undefined) {
      const target = { apiVersion: 'v1', kind: 'Node', name: NODE }
      await this.#plane.call('POST', `${path}/binding`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name },
        target,
      })
    }
    if (status.podIP !== undefined) return
    const number = (++this.#addresses).toString()
    const podIPs =
      spec.hostNetwork === true
        ? [{ ip: NODE_ADDRESS }]
        : [{ ip: `10.244.0.${number}` }, { ip: `fd00:10:244::${number}` }]
    const ready = { type: 'Ready', status: UNREADY in annotations ? 'False' : 'True', lastTransitionTime: now() }
    const running = {
      phase: 'Running',
      podIP: podIPs[0].ip,
      podIPs,
      hostIP: NODE_ADDRESS,
      hostIPs: [{ ip: NODE_ADDRESS }],
      startTime: now(),
      conditions: [ready],
    }
    await this.#plane.call('PATCH', `${path}/status`, { status: running }, MERGE)
  }

  /** What a readiness probe finds out. */
  async setReady(namespace: string, name: string, isReady: boolean): Promise<void> {
    const ready = { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: now() }
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
    const { status, body } = await this.#plane.call('PATCH', path, { status: { conditions: [ready] } }, MERGE)
    if (status !== 200) throw new Error(`${name} cannot be patched: ${JSON.stringify(body)}`)
  }
}

const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z')
