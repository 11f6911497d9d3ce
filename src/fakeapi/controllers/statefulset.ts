import { equalJson } from '../json.ts'
import type { StoreEvent } from '../object.ts'
import type { Pod, Workload } from '../shapes.ts'
import { claim, hashTemplate, isReady, makePod } from './owned.ts'
import type { Controller } from './scheduler.ts'
import { controllerOf, keyOf } from './view.ts'
import type { View } from './view.ts'

const REVISION_LABEL = 'controller-revision-hash'

/** Pods NAME-0, NAME-1, … of a StatefulSet, each with its own host name in the domain of the governing Service. */
export class StatefulSetController implements Controller {
  readonly name = 'statefulsets'
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  keysOf({ resource, object }: StoreEvent): string[] {
    if (resource.kind === 'StatefulSet') return [keyOf(object)]
    const owner = resource.kind === 'Pod' ? controllerOf(object) : undefined
    return owner?.kind === 'StatefulSet' ? [`${object.metadata.namespace}/${owner.name}`] : []
  }

  sync(key: string): void {
    const set = this.#view.get('StatefulSet', key) as Workload | undefined
    if (!set || set.metadata.deletionTimestamp !== undefined) return
    const { replicas = 1, ordinals, podManagementPolicy } = set.spec
    const first = ordinals?.start ?? 0
    const revision = hashTemplate(set.spec.template)
    const pods = new Map(this.#podsOf(set).map(pod => [ordinalOf(set, pod), pod]))
    for (const ordinal of [...pods.keys()].sort((a, b) => b - a)) {
      const pod = pods.get(ordinal)
      if (!pod || (ordinal >= first && ordinal < first + replicas)) continue
      this.#view.delete(pod)
      pods.delete(ordinal)
    }
    for (let ordinal = first; ordinal < first + replicas; ordinal++) {
      const pod = pods.get(ordinal) ?? this.#createPod(set, ordinal, revision)
      pods.set(ordinal, pod)
      // In order: the next one waits until this one is ready. Its status brings us back here.
      if (podManagementPolicy !== 'Parallel' && !isReady(pod)) break
    }
    this.#replaceOutdated(set, pods, revision)
    this.#writeStatus(set, [...pods.values()], revision)
  }

  // All that have a name of ours, even those that the selector no longer finds, would be in the way of new ones.
  #podsOf(set: Workload): Pod[] {
    return claim(this.#view, set, this.#view.podsFor(set)).filter(pod => ordinalOf(set, pod) >= 0)
  }

  #createPod(set: Workload, ordinal: number, revision: string): Pod {
    const name = `${set.metadata.name}-${ordinal}`
    const pod = makePod(set, {
      name,
      labels: {
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
        [REVISION_LABEL]: `${set.metadata.name}-${revision}`,
      },
    })
    pod.spec.hostname = name
    if (set.spec.serviceName) pod.spec.subdomain = set.spec.serviceName
    return this.#view.create(pod) as Pod
  }

  // A new template reaches one pod at a time, the highest first, and only while all others are ready.
  #replaceOutdated(set: Workload, pods: ReadonlyMap<number, Pod>, revision: string): void {
    const { updateStrategy, replicas = 1, ordinals } = set.spec
    const all = [...pods.values()]
    if (updateStrategy?.type === 'OnDelete' || all.length < replicas || !all.every(isReady)) return
    const partition = updateStrategy?.rollingUpdate?.partition ?? 0
    const outdated = [...pods]
      .filter(([ordinal, pod]) => ordinal - (ordinals?.start ?? 0) >= partition && !isUpToDate(set, pod, revision))
      .sort(([a], [b]) => b - a)
    const [next] = outdated
    if (next) this.#view.delete(next[1])
  }

  #writeStatus(set: Workload, pods: readonly Pod[], revision: string): void {
    const updated = pods.filter(pod => isUpToDate(set, pod, revision)).length
    const readyReplicas = pods.filter(isReady).length
    const isComplete = updated === pods.length
    const updateRevision = `${set.metadata.name}-${revision}`
    const status = {
      observedGeneration: set.metadata.generation ?? 0,
      replicas: pods.length,
      readyReplicas,
      availableReplicas: readyReplicas,
      currentReplicas: isComplete ? pods.length : pods.length - updated,
      updatedReplicas: updated,
      currentRevision: isComplete ? updateRevision : (set.status?.['currentRevision'] ?? updateRevision),
      updateRevision,
      collisionCount: 0,
    }
    if (!equalJson({ ...set.status, ...status }, set.status)) {
      this.#view.updateStatus({ ...set, status: { ...set.status, ...status } })
    }
  }
}

/** -1 for a pod whose name is not one of the set's. */
function ordinalOf(set: Workload, pod: Pod): number {
  const prefix = `${set.metadata.name}-`
  const { name } = pod.metadata
  const ordinal = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^(0|[1-9]\d*)$/.test(ordinal) ? Number(ordinal) : -1
}

// A pod of a manifest has no revision: it is taken to be what the set wants.
function isUpToDate(set: Workload, pod: Pod, revision: string): boolean {
  const label = pod.metadata.labels?.[REVISION_LABEL]
  return label === undefined || label === `${set.metadata.name}-${revision}`
}
