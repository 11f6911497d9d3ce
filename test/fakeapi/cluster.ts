import type { Test } from 'tap'
import { DefaultAdmission } from '../../src/fakeapi/admission.ts'
import { startControllers } from '../../src/fakeapi/controllers/controllers.ts'
import type { ControllerOptions, Controllers } from '../../src/fakeapi/controllers/controllers.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import type { EndpointSlice, Pod } from '../../src/fakeapi/shapes.ts'
import { Store } from '../../src/fakeapi/store.ts'
import { make } from './objects.ts'
import type { Fields } from './objects.ts'

/** A store with admission and controllers, and a namespace `shop` that all objects are in. */
export interface Cluster extends Controllers {
  store: Store
  errors: string[]
  create(kind: string, fields?: Fields, name?: string): ApiObject
  get(kind: string, name: string): ApiObject | undefined
  list(kind: string): ApiObject[]
  patch(kind: string, name: string, spec: Fields): ApiObject
  setReady(name: string, status: 'True' | 'False'): void
  remove(kind: string, name: string): void
}

export function startCluster(t: Pick<Test, 'teardown'>, options: ControllerOptions = {}): Cluster {
  const store = new Store({ admission: new DefaultAdmission() })
  store.create(store.resource('Namespace'), make('Namespace', {}, 'shop'))
  const errors: string[] = []
  const onError = (controller: string, key: string, error: unknown): void => {
    errors.push(`${controller} ${key} ${String(error)}`)
  }
  const controllers = startControllers(store, { onError, ...options })
  t.teardown(() => controllers.stop())
  const get = (kind: string, name: string): ApiObject | undefined => store.get(store.resource(kind), 'shop', name)
  return {
    ...controllers,
    store,
    errors,
    get,
    create: (kind, fields, name) => store.create(store.resource(kind), make(kind, fields, name)),
    list: kind => store.list(store.resource(kind), 'shop'),
    patch: (kind, name, spec) => {
      const object = get(kind, name)
      if (!object) throw new Error(`no ${kind} ${name}`)
      return store.update(store.resource(kind), { ...object, spec: { ...(object['spec'] as Fields), ...spec } })
    },
    setReady: (name, status) => {
      const pod = get('Pod', name) as Pod
      const conditions = [{ type: 'Ready', status }]
      store.updateStatus(store.resource('Pod'), { ...pod, status: { ...pod.status, conditions } })
    },
    remove: (kind, name) => {
      store.delete(store.resource(kind), 'shop', name)
    },
  }
}

/** The slices of a Service, in the order of their names. */
export function slices(cluster: Cluster, service = 'web'): EndpointSlice[] {
  return cluster
    .list('EndpointSlice')
    .filter(slice => slice.metadata.labels?.['kubernetes.io/service-name'] === service) as EndpointSlice[]
}
