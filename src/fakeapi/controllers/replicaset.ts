import { equalJson } from '../json.ts'
import type { StoreEvent } from '../object.ts'
import type { Pod, Workload } from '../shapes.ts'
import { claim, isActive, isReady, makePod } from './owned.ts'
import type { Controller } from './scheduler.ts'
import { controllerOf, keyOf } from './view.ts'
import type { View } from './view.ts'

/** Keeps as many pods of a ReplicaSet as it says. */
export class ReplicaSetController implements Controller {
  readonly name = 'replicasets'
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  keysOf({ resource, object }: StoreEvent): string[] {
    if (resource.kind === 'ReplicaSet') return [keyOf(object)]
    const owner = resource.kind === 'Pod' ? controllerOf(object) : undefined
    return owner?.kind === 'ReplicaSet' ? [`${object.metadata.namespace}/${owner.name}`] : []
  }

  sync(key: string): void {
    const set = this.#view.get('ReplicaSet', key) as Workload | undefined
    if (!set || set.metadata.deletionTimestamp !== undefined) return
    const pods = claim(this.#view, set, this.#view.podsFor(set)).filter(isActive)
    const replicas = set.spec.replicas ?? 1
    const created = Array.from({ length: Math.max(0, replicas - pods.length) }, () =>
      this.#view.create(makePod(set, { generateName: `${set.metadata.name}-` })),
    )
    const surplus = pods.sort(compareForRemoval).slice(0, Math.max(0, pods.length - replicas))
    for (const pod of surplus) this.#view.delete(pod)
    const left = pods.slice(surplus.length)
    const readyReplicas = left.filter(isReady).length
    const status = {
      replicas: left.length + created.length,
      fullyLabeledReplicas: left.length + created.length,
      readyReplicas,
      availableReplicas: readyReplicas,
      observedGeneration: set.metadata.generation ?? 0,
    }
    if (!equalJson({ ...set.status, ...status }, set.status)) {
      this.#view.updateStatus({ ...set, status: { ...set.status, ...status } })
    }
  }
}

// The least useful first: not ready, then youngest.
function compareForRemoval(a: Pod, b: Pod): number {
  if (isReady(a) !== isReady(b)) return isReady(a) ? 1 : -1
  const [older, younger] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '']
  if (older !== younger) return older < younger ? 1 : -1
  return a.metadata.name < b.metadata.name ? 1 : -1
}
