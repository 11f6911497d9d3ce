import { cloneJson, equalJson } from '../json.ts'
import type { StoreEvent } from '../object.ts'
import type { PodTemplate, Workload } from '../shapes.ts'
import { setCondition, timestamp } from './conditions.ts'
import { claim, hashTemplate, ownerReferenceTo } from './owned.ts'
import type { Controller } from './scheduler.ts'
import { controllerOf, keyOf } from './view.ts'
import type { View } from './view.ts'

const HASH_LABEL = 'pod-template-hash'
const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision'

/**
 * One ReplicaSet for each template of a Deployment. A rollout is simpler than the real one: the new ReplicaSet is made whole, then
 * the old ones go (or, for Recreate, the other way round).
 */
export class DeploymentController implements Controller {
  readonly name = 'deployments'
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  keysOf({ resource, object }: StoreEvent): string[] {
    if (resource.kind === 'Deployment') return [keyOf(object)]
    const owner = resource.kind === 'ReplicaSet' ? controllerOf(object) : undefined
    return owner?.kind === 'Deployment' ? [`${object.metadata.namespace}/${owner.name}`] : []
  }

  sync(key: string): void {
    const deployment = this.#view.get('Deployment', key) as Workload | undefined
    if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return
    const sets = claim(this.#view, deployment, this.#view.replicaSetsFor(deployment))
    const { replicas = 1, template, paused = false } = deployment.spec
    const current = sets.find(set => equalJson(withoutHash(set.spec.template), withoutHash(template)))
    const old = sets.filter(set => set !== current)
    const oldPods = sum(old, podsOf)
    const isRecreating = deployment.spec.strategy?.type === 'Recreate' && oldPods > 0
    if (!current && !paused) this.#createSet(deployment, sets, isRecreating ? 0 : replicas)
    if (current && !isRecreating) this.#scale(current, replicas)
    const isComplete = current !== undefined && readyOf(current) >= replicas
    if (!paused && (isRecreating || isComplete)) for (const set of old) this.#scale(set, 0)
    if (!paused && isComplete) this.#forget(deployment, old)
    this.#writeStatus(deployment, current, sets)
  }

  #createSet(deployment: Workload, sets: readonly Workload[], replicas: number): void {
    const { metadata, spec } = deployment
    const hash = hashTemplate(spec.template)
    const template = cloneJson(spec.template)
    template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [HASH_LABEL]: hash } }
    const revision = Math.max(0, ...sets.map(revisionOf)) + 1
    this.#view.create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${metadata.name}-${hash}`,
        namespace: metadata.namespace ?? '',
        labels: { ...template.metadata.labels },
        annotations: { [REVISION_ANNOTATION]: String(revision) },
        ownerReferences: [ownerReferenceTo(deployment)],
      },
      spec: {
        replicas,
        selector: {
          ...cloneJson(spec.selector),
          matchLabels: { ...spec.selector?.matchLabels, [HASH_LABEL]: hash },
        },
        template,
      },
    })
    const annotations = { ...metadata.annotations, [REVISION_ANNOTATION]: String(revision) }
    this.#view.update({ ...deployment, metadata: { ...metadata, annotations } })
  }

  #scale(set: Workload, replicas: number): void {
    if (set.spec.replicas !== replicas) this.#view.update({ ...set, spec: { ...set.spec, replicas } })
  }

  // What a rollback could go back to is kept up to the limit.
  #forget(deployment: Workload, old: readonly Workload[]): void {
    const limit = deployment.spec.revisionHistoryLimit ?? 10
    const empty = old.filter(set => set.spec.replicas === 0 && podsOf(set) === 0)
    const byAge = empty.sort((a, b) => revisionOf(a) - revisionOf(b))
    for (const set of byAge.slice(0, Math.max(0, byAge.length - limit))) this.#view.delete(set)
  }

  #writeStatus({ metadata }: Workload, current: Workload | undefined, sets: readonly Workload[]): void {
    const deployment = this.#view.get('Deployment', `${metadata.namespace}/${metadata.name}`) as Workload
    const { replicas: wanted = 1 } = deployment.spec
    const readyReplicas = sum(sets, readyOf)
    const updatedReplicas = current ? podsOf(current) : 0
    const isAvailable = readyReplicas >= wanted
    const isComplete = updatedReplicas === wanted && sum(sets, podsOf) === wanted && isAvailable
    const now = timestamp()
    let conditions = deployment.status?.conditions
    conditions = setCondition(
      conditions,
      isAvailable
        ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' }
        : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' },
      now,
    )
    const reason = isComplete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'
    conditions = setCondition(conditions, { type: 'Progressing', status: 'True', reason }, now)
    const status = {
      observedGeneration: deployment.metadata.generation ?? 0,
      replicas: sum(sets, podsOf),
      updatedReplicas,
      readyReplicas,
      availableReplicas: readyReplicas,
      unavailableReplicas: Math.max(0, wanted - readyReplicas),
      conditions,
    }
    if (!equalJson({ ...deployment.status, ...status }, deployment.status)) {
      this.#view.updateStatus({ ...deployment, status: { ...deployment.status, ...status } })
    }
  }
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}

function revisionOf(set: Workload): number {
  return Number(set.metadata.annotations?.[REVISION_ANNOTATION] ?? 0)
}

function podsOf(set: Workload): number {
  return Number(set.status?.['replicas'] ?? 0)
}

function readyOf(set: Workload): number {
  return Number(set.status?.['readyReplicas'] ?? 0)
}

function sum(sets: readonly Workload[], count: (set: Workload) => number): number {
  return sets.reduce((total, set) => total + count(set), 0)
}
