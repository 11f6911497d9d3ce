import fc from 'fast-check'
import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { resources } from '../../src/fakeapi/resources.ts'
import { call, makePod, makeService } from './client.ts'

const api = new FakeApi({ controllers: false })
const url = await api.listen()
t.teardown(() => api.close())

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

const member = fc.constantFrom(
  ...words(`
    apiVersion kind metadata spec status name namespace labels annotations generateName finalizers
    ownerReferences ports port selector containers conditions replicas uid endpoints addresses
    subsets addressType template matchLabels clusterIP clusterIPs type resourceVersion op path
    value from $patch $retainKeys $setElementOrder/ports __proto__ gracePeriodSeconds dryRun
    preconditions propagationPolicy constructor
  `),
)
const scalar = fc.oneof(
  fc.constantFrom('web', 'default', '', 'add', 'remove', '/spec/ports/0', '/metadata', 'delete', 'All', '10.0.0.1'),
  fc.constantFrom<unknown>(null, true, 0, -1, 80, 1.5, 99_999),
)
const json = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(member, tie('value'), { maxKeys: 5 }),
  ),
})).value
// Deep enough to reach what reads the specification.
const near = fc.record(
  { metadata: fc.constant({ name: 'web' }), spec: json, endpoints: json, subsets: json },
  { requiredKeys: ['metadata'] },
)

const path = fc
  .tuple(fc.constantFrom(...resources), fc.constantFrom('', '/web', '/web/status', '/web/scale', '/%00', '/..'))
  .map(([resource, rest]) => {
    const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
    return `${root}${resource.namespaced ? '/namespaces/default' : ''}/${resource.plural}${rest}`
  })
const query = fc
  .dictionary(
    fc.constantFrom(
      ...words(`
    limit continue resourceVersion resourceVersionMatch labelSelector fieldSelector dryRun
    fieldManager force gracePeriodSeconds propagationPolicy sendInitialEvents includeObject
  `),
    ),
    fc.constantFrom('', '1', 'true', 'a=b', 'All', 'Exact', 'NotOlderThan', 'in (', '-1', '{}'),
    { maxKeys: 2 },
  )
  .map(record => String(new URLSearchParams(record)))
const type = fc.constantFrom(
  ...words(`
    application/json application/yaml application/vnd.kubernetes.protobuf
    application/json-patch+json application/merge-patch+json
    application/strategic-merge-patch+json application/apply-patch+yaml
  `),
)

void t.test('whatever is sent, the answer is an object of the API and no defect', async t => {
  api.apply(makeService('web'))
  api.apply(makePod('web'))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
      path,
      query,
      type,
      fc.oneof(json, near),
      async (method, path, query, type, body) => {
        const answer = await call(`${url}${path}?${query}`, { method, type, ...(method === 'GET' ? {} : { body }) })
        const known = answer.code < 500 || answer.code === 504
        if (!known || typeof answer.json.kind !== 'string') throw new Error(`${answer.code} ${answer.text}`)
      },
    ),
    { numRuns: 1500 },
  )
  t.equal((await call(`${url}/readyz`)).code, 200)
})
