import fc from 'fast-check'
import t from 'tap'
import { Appliers } from '../../src/fakeapi/apply.ts'
import type { JsonObject } from '../../src/fakeapi/json.ts'
import { applyJsonPatch, applyMergePatch } from '../../src/fakeapi/jsonpatch.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { applyStrategicPatch } from '../../src/fakeapi/strategic.ts'

void t.test('a JSON patch does each operation of RFC 6902', async t => {
  const table: [name: string, document: JsonObject, patch: unknown, result: JsonObject][] = [
    ['A.1 add a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 1 }], { foo: 'bar', baz: 1 }],
    ['A.2 add an element', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['add at the end', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['A.3 remove a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['A.4 remove an element', { a: [1, 2, 3] }, [{ op: 'remove', path: '/a/1' }], { a: [1, 3] }],
    ['A.5 replace', { a: 1 }, [{ op: 'replace', path: '/a', value: null }], { a: null }],
    ['A.6 move', { a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
    ['A.7 move an element', { a: [1, 2, 3] }, [{ op: 'move', from: '/a/0', path: '/a/2' }], { a: [2, 3, 1] }],
    ['copy', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    ['A.8 test', { a: [1, { b: 2 }] }, [{ op: 'test', path: '/a/1', value: { b: 2 } }], { a: [1, { b: 2 }] }],
    ['A.14 escapes', { '/': 1, '~1': 2 }, [{ op: 'replace', path: '/~01', value: 3 }], { '/': 1, '~1': 3 }],
    ['the whole document', { a: 1 }, [{ op: 'replace', path: '', value: { b: 1 } }], { b: 1 }],
  ]
  for (const [name, document, patch, result] of table) t.same(applyJsonPatch(document, patch), result, name)
})

void t.test('a JSON patch that does not fit is refused', async t => {
  const table: [patch: unknown, code: number][] = [
    [{}, 400],
    [['x'], 400],
    [[{ op: 'fly', path: '/a' }], 400],
    [[{ op: 'add', path: 'a', value: 1 }], 400],
    [[{ op: 'add', path: '/b' }], 400],
    [[{ op: 'test', path: '/a', value: 2 }], 422],
    [[{ op: 'remove', path: '/b' }], 422],
    [[{ op: 'replace', path: '/b', value: 1 }], 422],
    [[{ op: 'add', path: '/b/c', value: 1 }], 422],
    [[{ op: 'add', path: '/list/3', value: 1 }], 422],
    [[{ op: 'add', path: '/list/01', value: 1 }], 422],
    [[{ op: 'move', from: '/o', path: '/o/p' }], 422],
    [[{ op: 'replace', path: '', value: 1 }], 422],
  ]
  for (const [patch, code] of table) {
    t.throws(() => applyJsonPatch({ a: 1, list: [1], o: {} }, patch), { code }, JSON.stringify(patch))
  }
})

void t.test('a merge patch does what the table of RFC 7396 says', async t => {
  const table: [target: JsonObject, patch: JsonObject, result: JsonObject][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of table) t.same(applyMergePatch(target, patch), result, JSON.stringify(patch))
})

void t.test('patches leave their target as it was', async () => {
  const json = fc.dictionary(fc.constantFrom('a', 'b', 'ports', 'spec'), fc.jsonValue({ maxDepth: 3 }))
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const before = JSON.stringify(target)
      applyMergePatch(target, patch)
      applyStrategicPatch(target, patch)
      applyJsonPatch(target, [{ op: 'add', path: '/a', value: patch }])
      return JSON.stringify(target) === before
    }),
  )
})

void t.test('a strategic patch merges the lists that are maps', async t => {
  const dns = { name: 'dns', port: 53, protocol: 'UDP' }
  const dnsTcp = { name: 'dns-tcp', port: 53, protocol: 'TCP' }
  const web = { name: 'web', port: 80, protocol: 'TCP' }
  const table: [name: string, target: JsonObject, patch: JsonObject, result: JsonObject][] = [
    [
      'a port of a Service by its number',
      { spec: { ports: [dns, web] } },
      { spec: { ports: [{ port: 80, targetPort: 8080 }] } },
      { spec: { ports: [dns, { ...web, targetPort: 8080 }] } },
    ],
    [
      'and by its protocol where two have the number',
      { spec: { ports: [dns, dnsTcp] } },
      { spec: { ports: [{ port: 53, protocol: 'TCP', name: 'x' }] } },
      { spec: { ports: [dns, { ...dnsTcp, name: 'x' }] } },
    ],
    [
      'a new port goes to the end',
      { spec: { ports: [dns] } },
      { spec: { ports: [web] } },
      { spec: { ports: [dns, web] } },
    ],
    [
      '$patch: delete takes an item away',
      { spec: { ports: [dns, web] } },
      { spec: { ports: [{ $patch: 'delete', port: 53 }] } },
      { spec: { ports: [web] } },
    ],
    [
      '$patch: replace puts the list in its place',
      { spec: { ports: [dns, web] } },
      { spec: { ports: [web, { $patch: 'replace' }] } },
      { spec: { ports: [web] } },
    ],
    [
      '$setElementOrder orders',
      { spec: { ports: [dns, web] } },
      { spec: { $setElementOrder: 'x', '$setElementOrder/ports': [{ port: 80 }, { port: 53 }] } },
      { spec: { ports: [web, dns] } },
    ],
    [
      'containers by name, and what is in them',
      { spec: { template: { spec: { containers: [{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }] } } } },
      {
        spec: { template: { spec: { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }, { name: 'b' }] } } },
      },
      {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: 'a',
                  image: '1',
                  env: [
                    { name: 'X', value: '1' },
                    { name: 'Y', value: '2' },
                  ],
                },
                { name: 'b' },
              ],
            },
          },
        },
      },
    ],
    [
      'conditions by type',
      { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'x' }] } },
      { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
      { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'x' }] } },
    ],
    ['the ports of a slice as a whole', { ports: [dns, web] }, { ports: [web] }, { ports: [web] }],
    [
      'the endpoints of a slice as a whole',
      { endpoints: [{ addresses: ['10.0.0.1'] }] },
      { endpoints: [{ addresses: ['10.0.0.2'] }] },
      { endpoints: [{ addresses: ['10.0.0.2'] }] },
    ],
    [
      'finalizers as a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { finalizers: ['c', 'b'], '$deleteFromPrimitiveList/finalizers': ['a'] } },
      { metadata: { finalizers: ['b', 'c'] } },
    ],
    [
      '$retainKeys drops the other branch of a union',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      { spec: { strategy: { type: 'Recreate' } } },
    ],
    ['null takes a member away', { spec: { a: 1, b: 2 } }, { spec: { a: null } }, { spec: { b: 2 } }],
    [
      '$patch: delete takes an object away',
      { spec: { a: {}, b: 2 } },
      { spec: { a: { $patch: 'delete' } } },
      { spec: { b: 2 } },
    ],
    ['$patch: replace an object', { spec: { a: 1 } }, { spec: { $patch: 'replace', b: 2 } }, { spec: { b: 2 } }],
  ]
  for (const [name, target, patch, result] of table) t.same(applyStrategicPatch(target, patch), result, name)
  t.throws(() => applyStrategicPatch({}, { $patch: 'explode' }), { code: 400 })
  t.throws(() => applyStrategicPatch({ spec: { ports: [dns] } }, { spec: { ports: [{ name: 'x' }] } }), { code: 400 })
})

void t.test('server-side apply removes what its manager applied before and nobody else changed', async t => {
  const appliers = new Appliers()
  const first: JsonObject = {
    metadata: { labels: { a: '1', b: '2' } },
    spec: { ports: [{ port: 80 }, { port: 81 }], type: 'NodePort' },
  }
  let object: ApiObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', uid: 'u', labels: { a: '1', b: '2', other: 'x' } },
    spec: {
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30000 }, { port: 81, protocol: 'TCP' }, { port: 82 }],
      type: 'NodePort',
    },
  }
  appliers.remember(object, 'me', first)
  object = appliers.merge(object, 'me', {
    metadata: { labels: { a: '3' } },
    spec: { ports: [{ port: 80, name: 'http' }] },
  })
  t.same(object.metadata.labels, { a: '3', other: 'x' })
  t.same(object['spec'], { ports: [{ port: 80, protocol: 'TCP', nodePort: 30000, name: 'http' }, { port: 82 }] })
  const other = appliers.merge(object, 'someone-else', { metadata: { labels: { c: '4' } } })
  t.same(other.metadata.labels, { a: '3', other: 'x', c: '4' }, 'a manager takes nothing away that is not its own')
})
