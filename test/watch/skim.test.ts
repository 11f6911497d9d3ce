import fc from 'fast-check'
import t from 'tap'
import { type Fields, type Shape, Skimmer } from '../../src/watch/skim.ts'

const read = (text: string, fields: Fields): unknown => new Skimmer(fields).read(Buffer.from(text))

/** What is left when the members that nobody reads are taken away. */
function cut(value: unknown, shape: Shape): unknown {
  if (shape === true || typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(shape)) {
    return value
  }
  if (Array.isArray(value)) return value.map(element => cut(element, (shape as readonly [Shape])[0]))
  const fields = shape as Fields
  const kept = Object.entries(value).filter(([name]) => Object.hasOwn(fields, name))
  return Object.fromEntries(kept.map(([name, inner]) => [name, cut(inner, fields[name])]))
}

void t.test('what is read is what JSON.parse reads, and the rest is not there', async t => {
  const POD: Fields = { metadata: { name: true, labels: true }, status: { podIP: true, podIPs: [{ ip: true }] } }
  for (const [text, expected] of [
    ['{}', {}],
    [' { "metadata" : { "name" : "a" } , "spec" : [ { } ] } ', { metadata: { name: 'a' } }],
    ['{"spec":{"x":"}]\\"{[","y":[[],{}]},"metadata":{"labels":{"a":"b"}}}', { metadata: { labels: { a: 'b' } } }],
    ['{"status":"Failure"}', { status: 'Failure' }],
    [
      '{"status":{"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1","n":[1]}],"n":1.5e3,"t":true,"z":null}}',
      { status: { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] } },
    ],
    ['{"status":{"podIPs":[ ]}}', { status: { podIPs: [] } }],
    [
      '{"status":{"podIPs":[ true , {"ip":false} , {"ip":null} , [{"ip":1}] , "x"]}}',
      { status: { podIPs: [true, { ip: false }, { ip: null }, [{ ip: 1 }], 'x'] } },
    ],
    ['{"status":{"podIPs":{"ip":{"a":1}}}}', { status: { podIPs: { ip: { a: 1 } } } }],
    ['{"metadata":{"name":"é\\u00e9\\n"}}', { metadata: { name: 'éé\n' } }],
    ['{"metad\\u0061ta":{"name":"a"}}', {}],
    ['{"metadata":{"name":"a"},"metadata":{"name":"b"}}', { metadata: { name: 'b' } }],
    ['{"__proto__":{"name":"a"},"constructor":1}', {}],
    ['[{"metadata":1}]', [{ metadata: 1 }]],
    ['null', null],
    ['"text"', 'text'],
  ] as [string, unknown][])
    t.strictSame(read(text, POD), expected, text)
})

void t.test('what is no JSON is refused', async t => {
  for (const text of [
    '',
    ' ',
    '{',
    '{"a"',
    '{"a":',
    '{"a":}',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    '{,}',
    '{"a":1}}',
    '{"a":1} x',
    '{"a":"',
    '{"a":"\\',
    '{"b":[{"c":1}',
    '{"b":',
    '{"b":,"a":1}',
    '{"a":nul}',
    '{"a":01}',
    '{"a":[1,}}',
    '{"c":[1,]}',
    '{"c":[1 2]}',
    '{"c":[1',
    '{"c":[tru]}',
    '{"c":[nulll]}',
    '{"a":"\n"}',
  ])
    t.throws(() => read(text, { a: true, c: [true] }), { name: 'SyntaxError' }, text)
})

void t.test('it is the same for every document and every choice of members', async t => {
  // Not '"' alone: V8 14 takes it for a backslash where an object had one as its first member.
  const name = fc.constantFrom('a', 'b', 'é', 'x"y', 'x\\y', '__proto__', '')
  const { fields } = fc.letrec<{ fields: Fields; field: Shape }>(tie => ({
    field: fc.oneof({ weight: 2, arbitrary: fc.constant(true as const) }, tie('fields'), fc.tuple(tie('field'))),
    fields: fc.dictionary(
      name.filter(text => /^[a-zé]*$/.test(text)),
      tie('field'),
      { maxKeys: 3, noNullPrototype: true },
    ),
  }))
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter(number => !Object.is(number, -0)),
      fc.string({ unit: 'binary' }).filter(text => text.isWellFormed()),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  fc.assert(
    fc.property(value, fields, fc.constantFrom(undefined, 1), (document, wanted, indent) => {
      const text = JSON.stringify(document, undefined, indent)
      return JSON.stringify(read(text, wanted)) === JSON.stringify(cut(JSON.parse(text), wanted))
    }),
    { numRuns: 1_000 },
  )
  t.pass('1,000 documents')
})

void t.test('a document that is cut off anywhere is refused', async t => {
  const text = JSON.stringify({
    type: 'ADDED',
    object: { metadata: { name: 'a', x: [1, { y: 'z' }] }, spec: { a: [true] } },
  })
  for (let at = 0; at < text.length; at++) {
    t.throws(() => read(text.slice(0, at), { type: true, object: { metadata: { name: true } } }), {
      name: 'SyntaxError',
    })
  }
})
