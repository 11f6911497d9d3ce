import { cloneJson } from '../json.ts'
import type { ApiObject, ObjectMeta, OwnerReference } from '../object.ts'
import { matchesSelector } from '../shapes.ts'
import type { Pod, PodTemplate, Workload } from '../shapes.ts'
import { controllerOf } from './view.ts'
import type { View } from './view.ts'

// What Deployments, ReplicaSets and StatefulSets do alike: own objects, make pods of a template, know one template from another.

export function ownerReferenceTo({ apiVersion, kind, metadata }: ApiObject): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true }
}

/**
 * The candidates that belong to `owner`. Those that its selector matches and that nobody manages are adopted, as are those that a
 * manifest of another cluster says to be managed by an owner of this kind and name.
 */
export function claim<Kind extends ApiObject>(view: View, owner: Workload, candidates: readonly Kind[]): Kind[] {
  const mine: Kind[] = []
  for (const object of candidates) {
    const controller = controllerOf(object)
    if (controller?.uid === owner.metadata.uid) {
      mine.push(object)
      continue
    }
    const isNamesake = controller?.kind === owner.kind && controller.name === owner.metadata.name
    const isFree = (!controller || isNamesake) && object.metadata.deletionTimestamp === undefined
    if (!isFree || !matchesSelector(owner.spec.selector ?? {}, object.metadata.labels)) continue
    const adopted = cloneJson<ApiObject>(object)
    const others = (object.metadata.ownerReferences ?? []).filter(reference => reference !== controller)
    adopted.metadata.ownerReferences = [...others, ownerReferenceTo(owner)]
    mine.push(view.update(adopted) as Kind)
  }
  return mine
}

/** A Pod of the template, not yet stored. */
export function makePod(owner: Workload, metadata: Partial<ObjectMeta>): Pod {
  const { template } = owner.spec
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      ...metadata,
      namespace: owner.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels, ...metadata.labels },
      annotations: { ...template.metadata?.annotations },
      ownerReferences: [ownerReferenceTo(owner)],
    },
    spec: cloneJson(template.spec),
  }
}

/** Ends in a Deployment's ReplicaSet names and a StatefulSet's revisions: equal templates have equal hashes. */
export function hashTemplate(template: PodTemplate): string {
  // FNV-1a, its digits written as letters that make no words.
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(canonicalJson(template))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return String(hash).replace(/\d/g, digit => 'bcdfghjklm'[Number(digit)] ?? '')
}

export function isActive(pod: Pod): boolean {
  const phase = pod.status?.phase
  return pod.metadata.deletionTimestamp === undefined && phase !== 'Succeeded' && phase !== 'Failed'
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
