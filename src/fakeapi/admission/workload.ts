import { isDeepStrictEqual } from 'node:util'
import { matchesSelector } from '../shapes.ts'
import type { Workload, WorkloadSpec } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { validateAnnotations, validateLabels, validateSelector } from './metadata.ts'
import { checkLabel } from './names.ts'
import { defaultPodSpec, validatePodSpec } from './pod.ts'

// Deployments, ReplicaSets and StatefulSets, after pkg/apis/apps/{v1/defaults,validation/validation}.go.

/** The fields of a StatefulSet that may change; the rest of its spec is fixed. */
const MUTABLE_STATEFULSET_FIELDS = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

export function defaultWorkload(workload: Workload): void {
  const { kind, spec } = workload
  spec.replicas ??= 1
  spec.template ??= { spec: { containers: [] } }
  spec.template.spec ??= { containers: [] }
  defaultPodSpec(spec.template.spec)
  if (kind === 'ReplicaSet') return
  spec.revisionHistoryLimit ??= 10
  if (kind === 'StatefulSet') {
    spec.podManagementPolicy ??= 'OrderedReady'
    spec.updateStrategy ??= {}
    if (!spec.updateStrategy.type) spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }
    return
  }
  const strategy = (spec.strategy ??= {})
  if (!strategy.type) strategy.type = 'RollingUpdate'
  if (strategy.type !== 'RollingUpdate') return
  strategy.rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...strategy.rollingUpdate }
}

export function validateWorkload(workload: Workload, old: Workload | undefined, causes: Causes): void {
  const { kind, spec } = workload
  const { selector, template, replicas = 0 } = spec
  if (replicas < 0) causes.invalid('spec.replicas', replicas, 'must be greater than or equal to 0')
  validateSelection(workload, causes)
  validateLabels(template.metadata?.labels, 'spec.template.labels', causes)
  validateAnnotations(template.metadata?.annotations, 'spec.template.annotations', causes)
  validatePodSpec(template.spec, 'spec.template.spec', causes)
  if (template.spec.restartPolicy !== 'Always') {
    causes.notSupported('spec.template.spec.restartPolicy', template.spec.restartPolicy, ['Always'])
  }
  if (kind === 'StatefulSet') validateStatefulSet(workload, old, causes)
  else if (old && !isDeepStrictEqual(selector, old.spec.selector)) {
    causes.invalid('spec.selector', selector, 'field is immutable')
  }
  const strategy = spec.strategy?.type
  if (kind === 'Deployment' && strategy !== 'RollingUpdate' && strategy !== 'Recreate') {
    causes.notSupported('spec.strategy.type', strategy, ['Recreate', 'RollingUpdate'])
  }
}

function validateSelection({ kind, spec }: Workload, causes: Causes): void {
  const { selector, template } = spec
  const labels = template.metadata?.labels
  if (!selector) causes.required('spec.selector')
  else {
    const before = causes.list.length
    validateSelector(selector, 'spec.selector', causes)
    const { matchLabels, matchExpressions = [] } = selector
    const what = kind === 'StatefulSet' ? 'statefulset' : 'deployment'
    if (Object.keys(matchLabels ?? {}).length + matchExpressions.length === 0) {
      causes.invalid('spec.selector', {}, `empty selector is invalid for ${what}`)
      return
    }
    // With a part that is wrong it is no selector at all, and matches nothing that could be spoken of.
    if (causes.list.length > before) {
      causes.invalid('spec.selector', selector, kind === 'StatefulSet' ? '' : 'invalid label selector')
      return
    }
    if (matchesSelector(selector, labels)) return
  }
  causes.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')
}

function validateStatefulSet({ spec }: Workload, old: Workload | undefined, causes: Causes): void {
  const policy = spec.podManagementPolicy
  if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    causes.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")
  }
  const update = spec.updateStrategy?.type
  if (update !== 'RollingUpdate' && update !== 'OnDelete') {
    causes.invalid('spec.updateStrategy', spec.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")
  }
  const start = spec.ordinals?.start ?? 0
  if (start < 0) causes.invalid('spec.ordinals.start', start, 'must be greater than or equal to 0')
  if (!old && spec.serviceName) causes.invalid('spec.serviceName', spec.serviceName, checkLabel(spec.serviceName))
  if (!old) return
  if (isDeepStrictEqual(fixedPartOf(spec), fixedPartOf(old.spec))) return
  const fields =
    "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
  causes.forbidden('spec', `updates to statefulset spec for fields other than ${fields} are forbidden`)
}

function fixedPartOf(spec: WorkloadSpec): Record<string, unknown> {
  const rest: Record<string, unknown> = { ...spec }
  for (const field of MUTABLE_STATEFULSET_FIELDS) delete rest[field]
  return rest
}
