import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { call, makePod, makeService, patch } from './client.ts'

const api = new FakeApi({ controllers: false })
const url = await api.listen()
t.teardown(() => api.close())
const services = `${url}/api/v1/namespaces/default/services`

void t.test('a cluster begins with its namespaces and the Service kubernetes', async t => {
  const { json } = await call(`${url}/api/v1/namespaces`)
  t.same(
    json.items.map(item => item.metadata.name),
    ['default', 'kube-node-lease', 'kube-public', 'kube-system'],
  )
  t.match((await call(`${services}/kubernetes`)).json, { spec: { clusterIP: '10.96.0.1', ports: [{ port: 443 }] } })
  t.equal((await call(`${url}/api/v1/namespaces/default/endpoints/kubernetes`)).code, 200)
  const slices = `${url}/apis/discovery.k8s.io/v1/namespaces/default/endpointslices`
  t.match((await call(`${slices}/kubernetes`)).json, { addressType: 'IPv4', ports: [{ port: 6443 }] })
})

void t.test('an object is created, read, updated and deleted', async t => {
  const created = await call(services, { body: makeService('crud') })
  t.equal(created.code, 201)
  t.match(created.json, { kind: 'Service', apiVersion: 'v1', spec: { type: 'ClusterIP', clusterIP: /^10\.96\./ } })
  const read = await call(`${services}/crud`)
  t.same(read.json, created.json)
  const body = { ...read.json, spec: { ...read.json.spec, sessionAffinity: 'ClientIP' } }
  const updated = await call(`${services}/crud`, { method: 'PUT', body })
  t.equal(updated.code, 200)
  t.equal(updated.json.spec['sessionAffinity'], 'ClientIP')
  t.equal((await call(`${services}/crud`, { method: 'PUT', body })).json.reason, 'Conflict')
  const deleted = await call(`${services}/crud`, { method: 'DELETE' })
  t.equal(deleted.code, 200)
  t.equal((await call(`${services}/crud`)).code, 404)
})

void t.test('what the server writes itself is not heard in a create', async t => {
  const body = { ...makePod('fresh'), status: { phase: 'Running' } }
  Object.assign(body.metadata, { uid: 'mine', creationTimestamp: '2000-01-01T00:00:00Z', managedFields: [{}] })
  const { json } = await call(`${url}/api/v1/namespaces/default/pods`, { body })
  t.not(json.metadata['uid'], 'mine')
  t.not(json.metadata['creationTimestamp'], '2000-01-01T00:00:00Z')
  t.equal(json.metadata['managedFields'], undefined)
  t.not((json['status'] as { phase?: string } | undefined)?.phase, 'Running')
})

void t.test('YAML is taken too', async t => {
  const body = 'kind: Service\napiVersion: v1\nmetadata: {name: from-yaml}\nspec: {ports: [{port: 80}]}\n'
  t.equal((await call(services, { body, type: 'application/yaml' })).code, 201)
})

void t.test('every error is a Status', async t => {
  api.apply(makeService('taken'))
  const pods = `${url}/api/v1/namespaces/default/pods`
  const table: [
    name: string,
    path: string,
    options: Parameters<typeof call>[1],
    code: number,
    reason: string,
    message: RegExp,
  ][] = [
    ['an unknown path', `${url}/nothing/here`, {}, 404, 'NotFound', /could not find the requested resource/],
    ['an unknown resource', `${url}/api/v1/secrets`, {}, 404, 'NotFound', /could not find/],
    ['an unknown sub-resource', `${pods}/x/log`, {}, 404, 'NotFound', /could not find/],
    ['an unknown object', `${services}/none`, {}, 404, 'NotFound', /^services "none" not found$/],
    [
      'an unknown namespace',
      `${url}/api/v1/namespaces/x/services`,
      { body: { ...makeService('a'), metadata: { name: 'a' } } },
      404,
      'NotFound',
      /^namespaces "x" not found$/,
    ],
    [
      'a name that is taken',
      services,
      { body: makeService('taken') },
      409,
      'AlreadyExists',
      /^services "taken" already exists$/,
    ],
    ['no JSON', services, { body: '{"kind": ' }, 400, 'BadRequest', /json parse error/],
    ['no object', services, { body: '[]' }, 400, 'BadRequest', /no object/],
    ['another kind', services, { body: makePod('x') }, 400, 'BadRequest', /does not match the expected/],
    [
      'another name',
      `${services}/taken`,
      { method: 'PUT', body: makeService('b') },
      400,
      'BadRequest',
      /name on the URL/,
    ],
    [
      'another namespace',
      `${url}/api/v1/namespaces/kube-system/services`,
      { body: makeService('b') },
      400,
      'BadRequest',
      /namespace sent on the request/,
    ],
    [
      'a member of the wrong type',
      services,
      { body: { ...makeService('b'), metadata: { name: 'b', labels: { a: 1 } } } },
      400,
      'BadRequest',
      /labels/,
    ],
    [
      'a resourceVersion in a create',
      services,
      { body: { ...makeService('b'), metadata: { name: 'b', resourceVersion: '1' } } },
      400,
      'BadRequest',
      /should not be set/,
    ],
    ['an unknown media type', services, { body: 'x', type: 'text/plain' }, 415, 'UnsupportedMediaType', /media types/],
    ['a form that is not served', services, { accept: 'application/cbor' }, 406, 'NotAcceptable', /application\/json/],
    [
      'a method that is not served',
      `${url}/api/v1/services`,
      { body: makeService('b') },
      405,
      'MethodNotAllowed',
      /does not allow/,
    ],
    ['a bad percent encoding', `${services}/%zz`, {}, 400, 'BadRequest', /percent encoding/],
    ['a bad selector', `${services}?labelSelector=a=b=c`, {}, 400, 'BadRequest', /unable to parse/],
    ['an unknown dry run', `${services}?dryRun=Some`, { body: makeService('b') }, 422, 'Invalid', /dryRun/],
    [
      'a bad patch',
      `${services}/taken`,
      { method: 'PATCH', body: '{', type: 'application/merge-patch+json' },
      400,
      'BadRequest',
      /json/,
    ],
    [
      'a patch of no known type',
      `${services}/taken`,
      { method: 'PATCH', body: '{}' },
      415,
      'UnsupportedMediaType',
      /strategic/,
    ],
    [
      'an apply without a manager',
      `${services}/taken`,
      { method: 'PATCH', body: '{}', type: 'application/apply-patch+yaml' },
      422,
      'Invalid',
      /fieldManager/,
    ],
    [
      'a wrong precondition',
      `${services}/taken`,
      { method: 'DELETE', body: { preconditions: { uid: 'x' } } },
      409,
      'Conflict',
      /Precondition failed/,
    ],
    [
      'a namespace that stays',
      `${url}/api/v1/namespaces/default`,
      { method: 'DELETE' },
      403,
      'Forbidden',
      /may not be deleted/,
    ],
    ['a body without end', services, { body: 'x'.repeat(4 * 1024 * 1024) }, 413, 'RequestEntityTooLarge', /too large/],
  ]
  for (const [name, path, options, code, reason, message] of table) {
    const { json, code: httpCode } = await call(path, options)
    t.match(
      { ...json, httpCode },
      { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, httpCode: code, reason, message },
      name,
    )
  }
})

void t.test('an object that is not valid is answered with its causes', async t => {
  const { json, code } = await call(services, { body: makeService('bad', { spec: { ports: [{ port: 99_999 }] } }) })
  t.equal(code, 422)
  t.equal(json.details?.name, 'bad')
  t.equal(json.details?.kind, 'Service')
  t.match(json.details?.causes?.[0], { field: 'spec.ports[0].port', reason: 'FieldValueInvalid' })
})

void t.test('each kind of patch changes an object', async t => {
  api.apply(makeService('patched', { labels: { a: '1' } }))
  const path = `${services}/patched`
  const ports = async (): Promise<unknown> =>
    ((await call(path)).json.spec['ports'] as { port: number }[]).map(({ port }) => port)
  t.equal((await patch(path, 'json', [{ op: 'add', path: '/metadata/labels/b', value: '2' }])).code, 200)
  t.equal((await patch(path, 'merge', { metadata: { labels: { a: null } } })).code, 200)
  t.same((await call(path)).json.metadata['labels'], { b: '2' })
  await patch(path, 'strategic', { spec: { ports: [{ name: 'more', port: 81 }] } })
  t.same(await ports(), [80, 81])
  await patch(path, 'merge', { spec: { ports: [{ name: 'only', port: 82 }] } })
  t.same(await ports(), [82])
  t.equal((await patch(path, 'merge', { metadata: { resourceVersion: '1' }, spec: { type: 'NodePort' } })).code, 409)
  t.equal((await patch(`${services}/none`, 'merge', {})).code, 404)
})

function applyConfig(ports: object[]): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'applied' }, spec: { ports } }
}

void t.test('server-side apply creates, merges and removes', async t => {
  const path = `${services}/applied?fieldManager=me`
  const first = await patch(
    path,
    'apply',
    applyConfig([
      { name: 'a', port: 80 },
      { name: 'b', port: 81 },
    ]),
  )
  t.equal(first.code, 201)
  t.equal(first.json.metadata['managedFields'], undefined)
  await patch(`${services}/applied`, 'merge', { metadata: { labels: { other: 'x' } } })
  const second = await patch(path, 'apply', applyConfig([{ name: 'a', port: 80 }]))
  t.equal(second.code, 200)
  t.match(second.json, { metadata: { labels: { other: 'x' } }, spec: { ports: [{ name: 'a', port: 80 }] } })
  t.equal((second.json.spec['ports'] as unknown[]).length, 1)
})

void t.test('a custom resource has no strategic merge patch', async t => {
  const path = `${url}/apis/multicluster.x-k8s.io/v1alpha1/namespaces/default/serviceimports`
  const body = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata: { name: 'imported' },
    spec: { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }], ips: ['10.1.1.1'] },
  }
  t.equal((await call(path, { body })).code, 201)
  t.equal((await patch(`${path}/imported`, 'strategic', {})).code, 415)
  t.equal((await patch(`${path}/imported`, 'merge', { spec: { ips: ['10.1.1.2'] } })).code, 200)
})

void t.test('status and scale are written by themselves', async t => {
  const path = `${url}/apis/apps/v1/namespaces/default/deployments`
  const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const spec = { replicas: 2, selector: { matchLabels: { app: 'd' } }, template }
  await call(path, { body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec } })
  t.match((await call(`${path}/d/scale`)).json, {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    spec: { replicas: 2 },
    status: { replicas: 0, selector: 'app=d' },
  })
  t.match((await patch(`${path}/d/scale`, 'merge', { spec: { replicas: 5 } })).json, {
    kind: 'Scale',
    spec: { replicas: 5 },
  })
  const scale = (await call(`${path}/d/scale`)).json
  t.equal((await call(`${path}/d/scale`, { method: 'PUT', body: { ...scale, spec: { replicas: -1 } } })).code, 422)
  await patch(`${path}/d/status`, 'merge', { spec: { replicas: 9 }, status: { readyReplicas: 3 } })
  const { json } = await call(`${path}/d`)
  t.equal(json.spec['replicas'], 5)
  t.match(json['status'], { readyReplicas: 3 })
  t.equal(json.metadata['generation'], 2)
  t.equal(
    (await call(`${path}/d/scale`, { method: 'PUT', body: scale })).code,
    409,
    'a scale has the version of its workload',
  )
})

void t.test('a dry run goes all the way but stores nothing', async t => {
  const { code, json } = await call(`${services}?dryRun=All`, { body: makeService('dry') })
  t.equal(code, 201)
  t.match(json.spec['clusterIP'], /^10\.96\./)
  t.equal((await call(`${services}/dry`)).code, 404)
  const fixed = makeService('dry', { spec: { clusterIP: json.spec['clusterIP'] } })
  t.equal((await call(services, { body: fixed })).code, 201, 'the address that it showed is free')
})

void t.test('deletecollection takes what the selector takes', async t => {
  for (const name of ['c1', 'c2', 'c3']) api.apply(makePod(name, { labels: { set: name === 'c3' ? 'b' : 'a' } }))
  const path = `${url}/api/v1/namespaces/default/pods`
  const { json } = await call(`${path}?labelSelector=set%3Da`, { method: 'DELETE' })
  t.same(
    json.items.map(item => item.metadata.name),
    ['c1', 'c2'],
  )
  t.same(
    (await call(`${path}?labelSelector=set`)).json.items.map(item => item.metadata.name),
    ['c3'],
  )
})

void t.test('a pod with a grace period is terminating until it is over', async t => {
  api.apply(makePod('slow'))
  const path = `${url}/api/v1/namespaces/default/pods/slow`
  await call(path, { method: 'DELETE', body: { gracePeriodSeconds: 100 } })
  t.match((await call(path)).json.metadata, { deletionTimestamp: /Z$/, deletionGracePeriodSeconds: 100 })
  await call(`${path}?gracePeriodSeconds=0`, { method: 'DELETE' })
  t.equal((await call(path)).code, 404)
})

void t.test('a list can be a table or metadata only', async t => {
  api.apply(makeService('shown', { labels: { shown: 'yes' } }))
  const path = `${services}?labelSelector=shown`
  const table = (await call(path, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' })).json
  t.match(table, {
    kind: 'Table',
    columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Type' }, { name: 'Cluster-IP' }],
    rows: [{ cells: ['shown', 'ClusterIP', /^10\.96/, '<none>', '80/TCP'], object: { kind: 'PartialObjectMetadata' } }],
  })
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
  const partial = (await call(path, { accept })).json
  t.equal(partial.kind, 'PartialObjectMetadataList')
  t.same(Object.keys(partial.items[0] ?? {}), ['metadata'])
})

void t.test('apply of the class creates and updates, with the status', async t => {
  api.apply({ ...makePod('manifest'), status: { phase: 'Running', podIP: '10.1.2.3' } })
  const path = `${url}/api/v1/namespaces/default/pods/manifest`
  t.match((await call(path)).json['status'], { phase: 'Running', podIP: '10.1.2.3' })
  api.apply({ ...makePod('manifest', { labels: { a: 'b' } }), status: { phase: 'Failed' } })
  t.match((await call(path)).json, { metadata: { labels: { a: 'b' } }, status: { phase: 'Failed' } })
})

void t.test('a namespace is terminating for a while, so that what is in it can still be deleted by name', async t => {
  await call(`${url}/api/v1/namespaces`, { body: { metadata: { name: 'shop' } } })
  const web = { ...makeService('web'), metadata: { name: 'web' } }
  for (const name of ['web', 'other']) {
    await call(`${url}/api/v1/namespaces/shop/services`, { body: { ...web, metadata: { name } } })
  }
  const gone = new Promise<void>(resolve => {
    const end = api.store.subscribe(({ type, object }) => {
      if (type !== 'DELETED' || object.metadata.name !== 'shop') return
      end()
      resolve()
    })
  })
  const { json } = await call(`${url}/api/v1/namespaces/shop`, { method: 'DELETE' })
  t.match(json, { kind: 'Namespace', status: { phase: 'Terminating' } })
  t.equal((await call(`${url}/api/v1/namespaces/shop/services/web`, { method: 'DELETE' })).code, 200)
  t.equal((await call(`${url}/api/v1/namespaces/shop/services`, { body: web })).code, 403)
  await gone
  t.equal((await call(`${url}/api/v1/namespaces/shop/services/other`)).code, 404)
})
