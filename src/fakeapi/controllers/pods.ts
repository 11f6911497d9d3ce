import { cloneJson, equalJson } from '../json.ts'
import type { ApiObject, StoreEvent } from '../object.ts'
import type { Condition, Node, Pod, PodStatus } from '../shapes.ts'
import { setCondition, timestamp } from './conditions.ts'
import type { AddressLeases } from './leases.ts'
import type { Controller, Scheduler } from './scheduler.ts'
import { keyOf } from './view.ts'
import type { View } from './view.ts'

export interface PodOptions {
  readyDelayMs: number
}

/**
 * Scheduler and kubelet in one: gives a Pod its node, its addresses and a status that says it runs. A Pod that came with a status,
 * or was given one since, is left as it is.
 */
export class PodController implements Controller {
  readonly name = 'pods'
  readonly #view: View
  readonly #leases: AddressLeases
  readonly #scheduler: Scheduler
  readonly #options: PodOptions
  /** The Ready condition that we wrote for pods which are still to become ready. */
  readonly #starting = new Map<string, Condition>()
  #nextNode = 0

  constructor(view: View, leases: AddressLeases, scheduler: Scheduler, options: PodOptions) {
    this.#view = view
    this.#leases = leases
    this.#scheduler = scheduler
    this.#options = options
  }

  keysOf({ type, resource, object }: StoreEvent): string[] {
    if (resource.kind === 'Node' && type === 'ADDED') {
      const { store } = this.#view
      return store.list(store.resource('Pod')).filter(isNew).map(keyOf)
    }
    if (resource.kind !== 'Pod') return []
    const uid = object.metadata.uid ?? ''
    if (type === 'DELETED') {
      this.#leases.release(uid)
      this.#starting.delete(uid)
      return []
    }
    this.#leases.note(uid, addressesOf(object as Pod))
    return isNew(object) ? [keyOf(object)] : []
  }

  sync(key: string): void {
    let pod = this.#view.get('Pod', key) as Pod | undefined
    if (!pod) return
    const uid = pod.metadata.uid ?? ''
    if (this.#starting.has(uid)) {
      this.#becomeReady(pod)
      return
    }
    if (!isNew(pod) || pod.metadata.deletionTimestamp !== undefined) return
    if (!pod.spec.nodeName) {
      const nodeName = this.#chooseNode()
      // Without a node it stays pending; the next Node brings it back here.
      if (nodeName === undefined) return
      pod = this.#view.update({ ...pod, spec: { ...pod.spec, nodeName } }) as Pod
    }
    const isReady = this.#options.readyDelayMs === 0
    const written = this.#view.updateStatus({ ...pod, status: this.#runningStatus(pod, isReady) }) as Pod
    if (isReady) return
    const ready = readyCondition(written)
    if (ready) this.#starting.set(uid, ready)
    this.#scheduler.addAfter(this, key, this.#options.readyDelayMs)
  }

  #becomeReady(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    const written = this.#starting.get(uid)
    this.#starting.delete(uid)
    // Somebody else has said meanwhile how ready it is.
    if (!equalJson(readyCondition(pod), written)) return
    const status = cloneJson(pod.status) ?? {}
    const now = timestamp()
    for (const type of ['Ready', 'ContainersReady']) {
      status.conditions = setCondition(status.conditions, { type, status: 'True' }, now)
    }
    status['containerStatuses'] = containerStatuses(pod, true, now)
    this.#view.updateStatus({ ...pod, status })
  }

  #chooseNode(): string | undefined {
    const { store } = this.#view
    const nodes = (store.list(store.resource('Node')) as Node[]).filter(node => !node.spec?.unschedulable)
    return nodes[this.#nextNode++ % nodes.length]?.metadata.name
  }

  #runningStatus(pod: Pod, isReady: boolean): PodStatus {
    const now = timestamp()
    const uid = pod.metadata.uid ?? ''
    const hostIps = this.#hostAddressesOf(pod.spec.nodeName ?? '')
    const ips = pod.spec.hostNetwork
      ? hostIps
      : this.#leases.families.flatMap(family => this.#leases.lease(uid, family) ?? [])
    const done = { status: 'True', lastTransitionTime: now }
    const readiness = isReady
      ? done
      : { ...done, status: 'False', reason: 'ContainersNotReady', message: 'containers are starting' }
    const conditions = [
      { type: 'ContainersReady', ...readiness },
      { type: 'Initialized', ...done },
      { type: 'PodScheduled', ...done },
      { type: 'Ready', ...readiness },
    ]
    return {
      ...pod.status,
      phase: 'Running',
      conditions,
      ...(hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map(ip => ({ ip })) }),
      ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map(ip => ({ ip })) }),
      startTime: now,
      containerStatuses: containerStatuses(pod, isReady, now),
    }
  }

  #hostAddressesOf(nodeName: string): string[] {
    const node: Node | undefined = this.#view.store.get(this.#view.store.resource('Node'), undefined, nodeName)
    return (node?.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
  }
}

/** As admission makes it: pending, and nothing known but its quality of service. A manifest's own status says more or other things. */
function isNew(pod: ApiObject): boolean {
  const { phase, qosClass, ...rest } = (pod['status'] ?? {}) as PodStatus
  return phase === 'Pending' && qosClass !== undefined && Object.keys(rest).length === 0
}

function addressesOf({ status }: Pod): string[] {
  const ips = (status?.podIPs ?? []).map(({ ip }) => ip)
  return status?.podIP ? [...ips, status.podIP] : ips
}

function readyCondition(pod: Pod): Condition | undefined {
  return pod.status?.conditions?.find(({ type }) => type === 'Ready')
}

function containerStatuses(pod: Pod, isReady: boolean, now: string): unknown[] {
  return (pod.spec.containers ?? []).map(({ name, image }) => ({
    name,
    image: image ?? '',
    imageID: '',
    ready: isReady,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: pod.status?.startTime ?? now } },
  }))
}
