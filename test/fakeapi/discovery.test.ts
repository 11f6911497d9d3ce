import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { resources } from '../../src/fakeapi/resources.ts'
import { call } from './client.ts'

const api = new FakeApi({ controllers: false })
const url = await api.listen()
t.teardown(() => api.close())

void t.test('what discovery names, is served', async t => {
  const groups = (await call(`${url}/apis`)).json['groups'] as { preferredVersion: { groupVersion: string } }[]
  const roots = ['/api/v1', ...groups.map(group => `/apis/${group.preferredVersion.groupVersion}`)]
  const named: string[] = []
  for (const root of roots) {
    const list = (await call(url + root)).json['resources'] as { name: string; namespaced: boolean; kind: string }[]
    for (const { name } of list.filter(({ name }) => !name.includes('/'))) {
      named.push(name)
      t.equal((await call(`${url}${root}/${name}`)).code, 200, `${root}/${name}`)
    }
  }
  t.same(named.sort(), resources.map(resource => resource.plural).sort())
})

void t.test('sub-resources are named with the kind that they answer', async t => {
  const list = (await call(`${url}/apis/apps/v1`)).json['resources'] as { name: string; kind: string; group?: string }[]
  t.match(
    list.find(({ name }) => name === 'deployments/scale'),
    { kind: 'Scale', group: 'autoscaling', version: 'v1' },
  )
  t.match(
    list.find(({ name }) => name === 'deployments/status'),
    { kind: 'Deployment' },
  )
})

void t.test('discovery is aggregated for those who ask for it', async t => {
  for (const version of ['v2', 'v2beta1']) {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`
    const core = await call(`${url}/api`, { accept })
    t.match(core.headers.get('content-type'), `v=${version};as=APIGroupDiscoveryList`)
    t.match(core.json, { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}` })
    const groups = await call(`${url}/apis`, { accept })
    t.same(
      groups.json.items.map(item => item.metadata.name),
      ['apps', 'discovery.k8s.io', 'multicluster.x-k8s.io'],
    )
  }
  t.match((await call(`${url}/api`)).json, { kind: 'APIVersions', versions: ['v1'] })
})

void t.test('OpenAPI says that the server checks fields and does dry runs', async t => {
  const index = (await call(`${url}/openapi/v3`)).json['paths'] as Record<string, { serverRelativeURL: string }>
  t.same(Object.keys(index).sort(), [
    'api/v1',
    'apis/apps/v1',
    'apis/discovery.k8s.io/v1',
    'apis/multicluster.x-k8s.io/v1alpha1',
  ])
  const { json } = await call(url + (index['api/v1']?.serverRelativeURL ?? ''))
  t.match(json['paths'], {
    '/api/v1/namespaces/{namespace}/services/{name}': {
      patch: {
        'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Service' },
        parameters: [{ name: 'dryRun' }, { name: 'fieldManager' }, { name: 'fieldValidation', in: 'query' }],
      },
    },
  })
  t.equal((await call(`${url}/openapi/v2`)).code, 200)
  t.equal((await call(`${url}/openapi/v3/apis/none/v1`)).code, 404)
})

void t.test('health and version are there', async t => {
  for (const path of ['/healthz', '/livez', '/readyz']) t.equal((await call(url + path)).text, 'ok', path)
  t.match((await call(`${url}/version`)).json, { major: '1', minor: /^\d+$/, gitVersion: /^v1\./ })
})
