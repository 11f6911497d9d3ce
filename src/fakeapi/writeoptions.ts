// What a request says about how it is to be done: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions.

import { badRequest, invalid } from './errors.ts'
import { type JsonObject, readString } from './json.ts'
import { type Body, parseObjectBody } from './media.ts'
import { ApiError } from './object.ts'
import type { ResourceRequest } from './request.ts'
import type { DeleteOptions, PropagationPolicy, WriteOptions } from './store.ts'

// `kubectl delete -f` deletes a Namespace first and then, by name, what the same file puts into it: it has to be there still.
const namespaceDelayMs = 500

export function writeOptionsOf(query: URLSearchParams): WriteOptions {
  return { dryRun: parseDryRun(query.getAll('dryRun')) }
}

function parseDryRun(values: readonly unknown[]): boolean {
  const given = values.filter(value => value !== '')
  const unknown = given.find(value => value !== 'All')
  if (unknown !== undefined) {
    const message = `Unsupported value: ${JSON.stringify(unknown)}: supported values: "All"`
    const causes = [{ field: 'dryRun', reason: 'FieldValueNotSupported', message }] as const
    throw invalid('CreateOptions.meta.k8s.io ""', causes)
  }
  return given.length > 0
}

export function deleteOptionsOf({ resource, query }: ResourceRequest, body: Body): DeleteOptions {
  const given = body.octets.length === 0 ? {} : parseObjectBody(body)
  const dryRun = Array.isArray(given['dryRun']) ? given['dryRun'] : []
  const grace = given['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined
  const graceSeconds = grace === undefined ? undefined : Number(grace)
  if (graceSeconds !== undefined && (!Number.isInteger(graceSeconds) || graceSeconds < 0)) {
    throw badRequest(`gracePeriodSeconds is a whole number of seconds, not ${JSON.stringify(grace)}`)
  }
  return {
    dryRun: parseDryRun([...dryRun, ...query.getAll('dryRun')]),
    propagationPolicy: parsePropagation(given['propagationPolicy'] ?? query.get('propagationPolicy'), given),
    preconditions: {
      uid: readString(given, 'preconditions', 'uid'),
      resourceVersion: readString(given, 'preconditions', 'resourceVersion'),
    },
    // Only Pods have something that takes time to end.
    gracePeriodSeconds: resource.kind === 'Pod' ? graceSeconds : undefined,
    emptyAfterMs: resource.kind === 'Namespace' ? namespaceDelayMs : undefined,
  }
}

function parsePropagation(value: unknown, given: JsonObject): PropagationPolicy {
  if (value === undefined || value === null || value === '') {
    return given['orphanDependents'] === true ? 'Orphan' : 'Background'
  }
  if (value === 'Background' || value === 'Foreground' || value === 'Orphan') return value
  throw new ApiError(
    422,
    'Invalid',
    `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(value)}: ` +
      'supported values: "Foreground", "Background", "Orphan", "nil"',
  )
}
