import type { DefaultAdmission } from '../../src/fakeapi/admission.ts'
import { ApiError } from '../../src/fakeapi/object.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { resourceOfKind } from '../../src/fakeapi/resources.ts'
import type { Service, ServiceSpec } from '../../src/fakeapi/shapes.ts'

export type Fields = Record<string, unknown>

export function make(kind: string, fields: Fields = {}, name = 'web'): ApiObject {
  const { group, version, namespaced } = resourceOfKind(kind)
  const metadata = { name, ...(namespaced ? { namespace: 'shop' } : {}), ...(fields['metadata'] as Fields) }
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, ...fields, metadata }
}

export function service(spec: Fields): ApiObject {
  return make('Service', { spec: { ports: [{ port: 80 }], ...spec } })
}

export function create(admission: DefaultAdmission, object: ApiObject): ApiObject {
  return admission.admit('create', resourceOfKind(object.kind), object, undefined)
}

export function createService(admission: DefaultAdmission, spec: Fields): ServiceSpec {
  return (create(admission, service(spec)) as Service).spec
}

export function update(admission: DefaultAdmission, old: ApiObject, change: Fields): ApiObject {
  const spec = { ...(old['spec'] as Fields), ...change }
  return admission.admit('update', resourceOfKind(old.kind), { ...old, spec }, old)
}

export function failure(work: () => unknown): ApiError {
  try {
    work()
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('it was admitted')
}

export const container = { name: 'app', image: 'app:1' }
export const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } }
export const workload = { selector: { matchLabels: { app: 'web' } }, template }
export const long = 'a'.repeat(64)

/** The spec of a Service that selects `pod()`. */
export const web = { selector: { app: 'web' }, ports: [{ port: 80 }] }

/** The fields of a Pod that `web` selects. */
export function pod(fields: Fields = {}, status?: Fields): Fields {
  const object: Fields = { metadata: { labels: { app: 'web' } }, spec: { containers: [container], ...fields } }
  return status ? { ...object, status } : object
}
