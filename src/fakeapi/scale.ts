// The sub-resource `scale` (autoscaling/v1): the replicas of a workload, the same for each kind of it.

import { isObject, readNumber, readPath } from './json.ts'
import type { ApiObject } from './object.ts'

export function scaleOf(workload: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = workload.metadata
  const labels = readPath(workload, 'spec', 'selector', 'matchLabels')
  const selector = isObject(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${String(value)}`)
        .join(',')
    : ''
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: readNumber(workload, 'spec', 'replicas') ?? 1 },
    status: { replicas: readNumber(workload, 'status', 'replicas') ?? 0, selector },
  }
}

/** The workload with the replicas, resourceVersion and uid of the scale. */
export function withScale(workload: ApiObject, scale: ApiObject): ApiObject {
  const { resourceVersion, uid } = scale.metadata
  return {
    ...workload,
    metadata: {
      ...workload.metadata,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(uid === undefined ? {} : { uid }),
    },
    spec: {
      ...(isObject(workload['spec']) ? workload['spec'] : {}),
      replicas: readNumber(scale, 'spec', 'replicas') ?? 0,
    },
  }
}
