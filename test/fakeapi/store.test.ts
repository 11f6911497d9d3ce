import t from 'tap'
import type { ApiObject, OwnerReference } from '../../src/fakeapi/object.ts'
import { resourceOfKind } from '../../src/fakeapi/resources.ts'
import { Store, type StoreOptions } from '../../src/fakeapi/store.ts'
import { makePod, makeService } from './client.ts'

const services = resourceOfKind('Service')
const pods = resourceOfKind('Pod')
const deployments = resourceOfKind('Deployment')
const replicaSets = resourceOfKind('ReplicaSet')
const namespaces = resourceOfKind('Namespace')

function makeNamespace(name: string): ApiObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

function makeStore(options: StoreOptions = {}): Store {
  const store = new Store(options)
  store.create(namespaces, makeNamespace('default'))
  return store
}

function record(store: Store): string[] {
  const events: string[] = []
  store.subscribe(({ type, resource, object }) => events.push(`${type} ${resource.plural}/${object.metadata.name}`))
  return events
}

function ownedBy(owner: ApiObject): OwnerReference {
  const { name, uid = '' } = owner.metadata
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true }
}

void t.test('a created object is given what the server gives', async t => {
  const store = makeStore({ now: () => new Date('2026-01-02T03:04:05.678Z') })
  const given = makeService('web')
  const created = store.create(services, given)
  t.equal(created.metadata.resourceVersion, '2')
  t.equal(created.metadata.creationTimestamp, '2026-01-02T03:04:05Z')
  t.match(created.metadata.uid, /^[0-9a-f-]{36}$/)
  t.equal(created.metadata.generation, undefined, 'a Service has no generation')
  t.equal(given.metadata.uid, undefined, 'what was given is not touched')
  t.throws(() => Object.assign(created.metadata, { name: 'x' }), TypeError, 'what comes out is frozen')
  t.equal(store.get(services, 'default', 'web'), created)
})

void t.test('each write takes the next resourceVersion, over all resources', async t => {
  const store = makeStore()
  const a = store.create(services, makeService('a'))
  const b = store.create(pods, makePod('b'))
  const gone = store.delete(services, 'default', 'a')
  t.same(
    [a, b, gone].map(object => object.metadata.resourceVersion),
    ['2', '3', '4'],
  )
})

void t.test('an update that changes nothing is no write', async t => {
  const store = makeStore()
  const created = store.create(services, makeService('web'))
  const events = record(store)
  t.equal(store.update(services, structuredClone(created)), created)
  t.same(events, [])
})

void t.test('a write with an old resourceVersion is a conflict', async t => {
  const store = makeStore()
  const first = store.create(services, makeService('web'))
  store.update(services, { ...first, spec: { type: 'NodePort' } })
  const late = { ...first, spec: { type: 'ClusterIP' } }
  t.throws(() => store.update(services, late), { code: 409, reason: 'Conflict' })
  const { resourceVersion: _, ...metadata } = late.metadata
  t.same(store.update(services, { ...late, metadata })['spec'], { type: 'ClusterIP' }, 'without one it is not asked')
  const foreign = { ...late, metadata: { ...metadata, uid: 'other' } }
  t.throws(() => store.update(services, foreign), { code: 409, reason: 'Conflict' }, 'another uid is another object')
})

void t.test('names are taken once, and their namespace has to be there', async t => {
  const store = makeStore()
  store.create(services, makeService('web'))
  t.throws(() => store.create(services, makeService('web')), { code: 409, reason: 'AlreadyExists' })
  const elsewhere = { ...makeService('web'), metadata: { name: 'web', namespace: 'x' } }
  t.throws(() => store.create(services, elsewhere), { code: 404, message: 'namespaces "x" not found' })
  t.throws(() => store.update(services, makeService('no')), { code: 404, message: 'services "no" not found' })
  t.throws(() => store.delete(deployments, 'default', 'no'), { message: 'deployments.apps "no" not found' })
  t.throws(() => store.create(services, makeService('')), { code: 422 })
})

void t.test('generateName makes names', async t => {
  const store = makeStore()
  const pod = { ...makePod(''), metadata: { name: '', generateName: 'web-' } }
  const names = new Set(Array.from({ length: 50 }, () => store.create(pods, pod).metadata.name))
  t.equal(names.size, 50)
  for (const name of names) t.match(name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
})

void t.test('an update leaves the status, and a status update all else', async t => {
  const store = makeStore()
  const pod = store.create(pods, { ...makePod('web'), status: { phase: 'Pending' } })
  const updated = store.update(pods, { ...pod, spec: { nodeName: 'n1' }, status: { phase: 'Failed' } })
  t.same(updated['status'], { phase: 'Pending' })
  t.equal(updated.metadata.generation, 2)
  const running = store.updateStatus(pods, { ...updated, spec: {}, status: { phase: 'Running' } })
  t.same(running['spec'], { nodeName: 'n1' })
  t.same(running['status'], { phase: 'Running' })
  t.equal(running.metadata.generation, 2, 'a status is no new generation')
})

void t.test('what an owner owns goes with it', async t => {
  const store = makeStore()
  const owner = store.create(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } })
  const set = store.create(replicaSets, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web-1', ownerReferences: [ownedBy(owner)] },
  })
  const other = store.create(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'other' } })
  for (const [name, owners] of [
    ['owned', [set]],
    ['shared', [set, other]],
  ] as const) {
    store.create(pods, { ...makePod(name), metadata: { name, ownerReferences: owners.map(ownedBy) } })
  }
  const events = record(store)
  store.delete(deployments, 'default', 'web')
  t.same(events, ['DELETED deployments/web', 'DELETED replicasets/web-1', 'DELETED pods/owned', 'MODIFIED pods/shared'])
  t.same(store.get(pods, 'default', 'shared')?.metadata.ownerReferences, [ownedBy(other)])
})

void t.test('propagation is in the foreground or not at all, when asked', async t => {
  for (const [policy, expected] of [
    ['Foreground', ['DELETED pods/owned', 'DELETED replicasets/web']],
    ['Orphan', ['DELETED replicasets/web', 'MODIFIED pods/owned']],
  ] as const) {
    const store = makeStore()
    const owner = store.create(replicaSets, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web' } })
    store.create(pods, { ...makePod('owned'), metadata: { name: 'owned', ownerReferences: [ownedBy(owner)] } })
    const events = record(store)
    store.delete(replicaSets, 'default', 'web', { propagationPolicy: policy })
    t.same(events, expected, policy)
  }
})

void t.test('a namespace goes with all that is in it', async t => {
  const store = makeStore()
  store.create(namespaces, makeNamespace('shop'))
  store.create(services, { ...makeService('web'), metadata: { name: 'web', namespace: 'shop' } })
  store.create(services, makeService('stays'))
  const kept = { name: 'kept', namespace: 'shop', finalizers: ['example.com/wait'] }
  store.create(pods, { ...makePod('kept'), metadata: kept })
  const events = record(store)
  const phase = store.delete(namespaces, undefined, 'shop')['status']
  t.same(phase, { phase: 'Terminating' })
  t.same(events, ['MODIFIED namespaces/shop', 'DELETED services/web', 'MODIFIED pods/kept'])
  const late = { ...makeService('late'), metadata: { name: 'late', namespace: 'shop' } }
  t.throws(() => store.create(services, late), { code: 403, message: /because it is being terminated/ })
  const pod = store.get(pods, 'shop', 'kept')
  if (pod === undefined) throw new Error('the finalizer did not keep the pod')
  store.update(pods, { ...pod, metadata: { ...pod.metadata, finalizers: [] } })
  t.same(events.slice(3), ['DELETED pods/kept', 'DELETED namespaces/shop'], 'and waits for the last finalizer')
  t.ok(store.get(services, 'default', 'stays'))
  t.throws(() => store.delete(namespaces, undefined, 'default'), { code: 403 })
})

void t.test('a grace period leaves an object terminating, and then takes it', async t => {
  const store = makeStore()
  store.create(pods, makePod('web'))
  const gone = new Promise<string>(resolve => {
    store.subscribe(({ type, object }) => type === 'DELETED' && resolve(object.metadata.name))
  })
  const terminating = store.delete(pods, 'default', 'web', { gracePeriodSeconds: 1 })
  t.ok(terminating.metadata.deletionTimestamp)
  t.equal(terminating.metadata.deletionGracePeriodSeconds, 1)
  t.ok(store.get(pods, 'default', 'web'))
  // The store's own timer does not keep a process alive.
  const alive = setInterval(() => {}, 1000)
  t.equal(await gone, 'web')
  clearInterval(alive)
})

void t.test('a grace period of none ends one that runs', async t => {
  const store = makeStore()
  store.create(pods, makePod('web'))
  store.delete(pods, 'default', 'web', { gracePeriodSeconds: 1000 })
  store.delete(pods, 'default', 'web', { gracePeriodSeconds: 0 })
  t.equal(store.get(pods, 'default', 'web'), undefined)
  store.close()
})

void t.test('a dry run stores nothing and tells no one', async t => {
  const store = makeStore()
  const web = store.create(services, makeService('web'))
  const events = record(store)
  t.equal(store.create(services, makeService('b'), { dryRun: true }).metadata.name, 'b')
  t.same(store.update(services, { ...web, spec: { a: 1 } }, { dryRun: true })['spec'], { a: 1 })
  store.delete(services, 'default', 'web', { dryRun: true })
  t.same(events, [])
  t.same(store.list(services), [web])
})

void t.test('the list of a past resourceVersion is the list of then', async t => {
  const store = makeStore()
  const states: string[][] = []
  const look = (): void => {
    const list = store.list(services).map(object => `${object.metadata.name}${object.metadata.resourceVersion}`)
    states[store.revision] = list
  }
  const a = store.create(services, makeService('a'))
  look()
  store.create(services, makeService('b'))
  look()
  store.update(services, { ...a, spec: { x: 1 } })
  look()
  store.delete(services, 'default', 'b')
  look()
  for (const [revision, expected] of states.entries()) {
    if (expected === undefined) continue
    const list = store.listAt(services, undefined, revision)
    t.same(
      list.map(object => `${object.metadata.name}${object.metadata.resourceVersion}`),
      expected,
      `at ${revision}`,
    )
  }
  t.throws(() => store.listAt(services, undefined, 99), { code: 504 })
  store.compact()
  t.throws(() => store.listAt(services, undefined, 3), { code: 410, reason: 'Expired' })
  t.equal(store.listAt(services, undefined, store.revision).length, 1)
})

void t.test('the history forgets its oldest events only', async t => {
  const store = makeStore({ historyLimit: 10 })
  for (let i = 0; i < 25; i++) store.create(pods, makePod(`p${i}`))
  const recent = store.eventsSince(pods, store.revision - 10)
  t.same(
    recent.map(event => event.object.metadata.name),
    Array.from({ length: 10 }, (_, i) => `p${i + 15}`),
  )
  t.throws(() => store.eventsSince(pods, 1), { code: 410 })
})

void t.test('events reach every listener in the order of the writes, also when a listener writes', async t => {
  const store = makeStore()
  store.subscribe(({ type, object }) => {
    if (type === 'ADDED' && object.metadata.name === 'a') store.create(pods, makePod('from-listener'))
  })
  const events = record(store)
  store.create(services, makeService('a'))
  t.same(events, ['ADDED services/a', 'ADDED pods/from-listener'])
})

void t.test('a listener that throws reaches the writer, after all others were told', async t => {
  const store = makeStore()
  store.subscribe(() => {
    throw new Error('broken listener')
  })
  const events = record(store)
  t.throws(() => store.create(services, makeService('a')), { message: 'broken listener' })
  t.same(events, ['ADDED services/a'])
  t.ok(store.get(services, 'default', 'a'), 'what was written is written')
})
