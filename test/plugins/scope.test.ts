import fc from 'fast-check'
import t from 'tap'
import { Scope, isWithin } from '../../src/plugins/scope.ts'
import { formatName, isSubdomain, lowerName, parseName } from '../../src/wire/name.ts'
import { makeQuery } from './harness.ts'

const wire = (text: string): Uint8Array => lowerName(parseName(text) ?? new Uint8Array(1))

const cases: [name: string, origin: string, isWithin: boolean][] = [
  ['www.example.org.', '.', true],
  ['.', '.', true],
  ['example.org.', 'example.org.', true],
  ['A.B.EXAMPLE.org.', 'example.org.', true],
  ['badexample.org.', 'example.org.', false],
  ['org.', 'example.org.', false],
  ['.', 'org.', false],
  // The label has the octets of a whole name in it.
  ['x\\007example\\003org.', 'example.org.', false],
]
for (const [name, origin, expected] of cases) {
  void t.test(`${name} is ${expected ? '' : 'not '}within ${origin}`, async t => {
    t.equal(isWithin(makeQuery({ name }), wire(origin)), expected)
  })
}

void t.test('it agrees with names that are compared label by label', async t => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 3, max: 4 })
  const name = fc
    .array(label, { maxLength: 5 })
    .map(labels => Uint8Array.from([...labels.flatMap(l => [l.length, ...l]), 0]))
  fc.assert(
    fc.property(name, name, (a, b) => {
      t.equal(isWithin(makeQuery({ name: formatName(a) }), b), isSubdomain(a, b))
    }),
    { numRuns: 300 },
  )
})

void t.test('the longest zone that holds the name is found', async t => {
  const scope = new Scope(['example.org.', '.', 'a.example.org.'])
  t.same(scope.zones, ['a.example.org.', 'example.org.', '.'])
  const cases: [string, number][] = [
    ['a.example.org.', 0],
    ['x.A.example.org.', 0],
    ['xa.example.org.', 1],
    ['example.org.', 1],
    ['org.', 2],
    ['.', 2],
  ]
  for (const [name, index] of cases) t.equal(scope.find(makeQuery({ name })), index, name)
  t.equal(new Scope(['example.org.']).has(makeQuery({ name: 'example.net.' })), false)
  t.equal(new Scope([]).has(makeQuery({})), false)
})
