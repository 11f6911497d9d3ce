// Objects as clients send them, checked against the URL they were sent to.

import { badRequest, invalid } from './errors.ts'
import { isObject, type JsonObject, readPath, readString } from './json.ts'
import type { ApiObject, Resource } from './object.ts'
import type { ResourceRequest } from './request.ts'
import { apiVersionOf } from './resources.ts'

// The object as the URL names it. Throws ApiError 400 when the body says something else.
export function decodeObject({ resource, namespace, name }: ResourceRequest, body: JsonObject): ApiObject {
  const apiVersion = body['apiVersion'] ?? apiVersionOf(resource)
  const kind = body['kind'] ?? resource.kind
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) {
    throw badRequest(
      `the API version in the data (${JSON.stringify(apiVersion)}, Kind=${JSON.stringify(kind)}) does not match the expected ` +
        `(${apiVersionOf(resource)}, Kind=${resource.kind})`,
    )
  }
  const metadata = isObject(body['metadata']) ? { ...body['metadata'] } : {}
  checkMetadata(metadata)
  if (resource.namespaced) {
    if (metadata['namespace'] !== undefined && metadata['namespace'] !== '' && metadata['namespace'] !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
    }
    metadata['namespace'] = namespace
  }
  if (name !== undefined) {
    checkName(metadata['name'], name)
    metadata['name'] = name
  }
  const { name: finalName = '', ...others } = metadata
  delete others['managedFields']
  return {
    ...body,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name: String(finalName), ...others },
  }
}

// The members that this code itself relies on; all others are the admission's to check.
function checkMetadata(metadata: JsonObject): void {
  const shapes: readonly (readonly [string, (value: unknown) => boolean])[] = [
    ['name', value => typeof value === 'string'],
    ['generateName', value => typeof value === 'string'],
    ['namespace', value => typeof value === 'string'],
    ['uid', value => typeof value === 'string'],
    ['resourceVersion', value => typeof value === 'string'],
    ['labels', isStringMap],
    ['annotations', isStringMap],
    ['finalizers', value => Array.isArray(value) && value.every(item => typeof item === 'string')],
    [
      'ownerReferences',
      value => Array.isArray(value) && value.every(item => typeof readPath(item, 'uid') === 'string'),
    ],
  ]
  for (const [field, fits] of shapes) {
    const value = metadata[field]
    // A null is an absent member, as Go decodes it.
    if (value === null) delete metadata[field]
    else if (value !== undefined && !fits(value)) {
      throw badRequest(`json: cannot unmarshal ${JSON.stringify(value)} into the field ObjectMeta.metadata.${field}`)
    }
  }
}

function isStringMap(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(item => typeof item === 'string')
}

export function decodeScale({ name, namespace }: ResourceRequest, body: JsonObject): ApiObject {
  const replicas = readPath(body, 'spec', 'replicas') ?? 0
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest('json: cannot unmarshal spec.replicas of a Scale: it is a whole number')
  }
  if (replicas < 0) {
    const message = `Invalid value: ${replicas}: must be greater than or equal to 0`
    throw invalid(`Scale.autoscaling "${name}"`, [{ field: 'spec.replicas', reason: 'FieldValueInvalid', message }])
  }
  checkName(readString(body, 'metadata', 'name'), name ?? '')
  const resourceVersion = readString(body, 'metadata', 'resourceVersion')
  const uid = readString(body, 'metadata', 'uid')
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: {
      name: name ?? '',
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(uid === undefined ? {} : { uid }),
    },
    spec: { replicas },
  }
}

// What a client says about these in a create is not heard.
const systemFields = ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation']

export function asNew(resource: Resource, object: ApiObject): ApiObject {
  const metadata: JsonObject = { ...object.metadata }
  for (const field of [...systemFields, 'selfLink']) delete metadata[field]
  const result: ApiObject = { ...object, metadata: metadata as unknown as ApiObject['metadata'] }
  if (resource.subresources.includes('status')) delete result['status']
  return result
}

export function withoutSystemFields(wanted: JsonObject): JsonObject {
  const metadata: JsonObject = isObject(wanted['metadata']) ? { ...wanted['metadata'] } : {}
  for (const field of [...systemFields, 'managedFields', 'selfLink']) delete metadata[field]
  return { ...wanted, metadata }
}

function checkName(given: unknown, expected: string): void {
  if (given === undefined || given === expected) return
  const text = JSON.stringify(given)
  throw badRequest(`the name of the object (${text}) does not match the name on the URL (${expected})`)
}
