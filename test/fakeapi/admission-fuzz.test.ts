import fc from 'fast-check'
import t from 'tap'
import { DefaultAdmission } from '../../src/fakeapi/admission.ts'
import { ApiError } from '../../src/fakeapi/object.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { resourceOfKind } from '../../src/fakeapi/resources.ts'
import { container, make, pod, service, workload } from './objects.ts'

const seeds: ApiObject[] = [
  service({
    selector: { app: 'web' },
    ports: [{ name: 'a', port: 80, targetPort: 'http' }],
    clusterIPs: [],
    ipFamilies: [],
  }),
  service({ type: 'LoadBalancer', sessionAffinityConfig: { clientIP: {} }, externalIPs: ['192.0.2.1'] }),
  make('Pod', pod({ hostname: 'a', initContainers: [container] }, { podIPs: [{ ip: '10.0.0.1' }], conditions: [] })),
  make('Deployment', { spec: { ...workload, strategy: { rollingUpdate: {} } } }),
  make('StatefulSet', { spec: { ...workload, ordinals: { start: 1 }, updateStrategy: { rollingUpdate: {} } } }),
  make('EndpointSlice', {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: {} }],
    ports: [{ port: 80 }],
  }),
  make('Endpoints', { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] }),
  make('ServiceImport', { spec: { type: 'ClusterSetIP', ips: ['10.0.0.1'], ports: [{ port: 80 }] } }),
  make('Namespace', { metadata: { labels: { a: 'b' }, ownerReferences: [{ kind: 'a' }] } }),
]

type Path = (string | number)[]

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const steps: Path = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  const inner = steps.flatMap(step => pathsOf((value as Record<string | number, unknown>)[step], [...path, step]))
  return path.length === 0 ? inner : [path, ...inner]
}

function replaceAt(object: ApiObject, path: Path, value: unknown): ApiObject {
  const copy = structuredClone(object)
  let here = copy as unknown as Record<string | number, unknown>
  for (const step of path.slice(0, -1)) here = here[step] as Record<string | number, unknown>
  here[path.at(-1) ?? ''] = value
  return copy
}

// Kind and apiVersion are the store's, and metadata is there or the request is none.
const mutated = fc.constantFrom(...seeds).chain(seed => {
  const paths = pathsOf(seed).filter(
    ([first, second]) => first !== 'kind' && first !== 'apiVersion' && (first !== 'metadata' || second !== undefined),
  )
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(null, {}, [], [null], [{}], '', 0, -1, 'None', '::1'))
  return fc.tuple(
    fc.constant(seed),
    fc.array(fc.tuple(fc.constantFrom(...paths), value), { minLength: 1, maxLength: 2 }),
  )
})

void t.test('whatever an object holds, it is admitted or refused with an answer for its client', async t => {
  fc.assert(
    fc.property(
      mutated,
      fc.constantFrom('create' as const, 'update' as const, 'status' as const),
      ([seed, changes], operation) => {
        const admission = new DefaultAdmission({ allowAnyClusterIP: true })
        const resource = resourceOfKind(seed.kind)
        let object = seed
        for (const [path, value] of changes) {
          try {
            object = replaceAt(object, path, value)
          } catch {
            // The first change took away what the second is in.
          }
        }
        try {
          const old = operation === 'create' ? undefined : admission.admit('create', resource, seed, undefined)
          const status = object['status']
          // The store lets a write of the status change nothing else.
          admission.admit(operation, resource, old && operation === 'status' ? { ...old, status } : object, old)
        } catch (error) {
          if (!(error instanceof ApiError) || (error.code !== 422 && error.code !== 400)) throw error
        }
      },
    ),
    { numRuns: 3000 },
  )
  t.pass()
})
