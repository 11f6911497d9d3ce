import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { ItemSplitter } from '../../src/watch/items.ts'
import { decode } from '../../src/watch/line.ts'

function split(text: string, chunkBytes = 1_000_000): { items: unknown[]; list: unknown } {
  const splitter = new ItemSplitter()
  const items: unknown[] = []
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes)
    splitter.push(chunk, item => items.push(JSON.parse(decode(item))))
    chunk.fill(0)
  }
  return { items, list: splitter.finish() }
}

void t.test('any list comes apart into what JSON.parse makes of it, wherever the stream is cut', async () => {
  const item = fc.dictionary(fc.string(), fc.jsonValue())
  const metadata = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(
      fc.array(item),
      metadata,
      fc.integer({ min: 1, max: 50 }),
      fc.boolean(),
      fc.nat(3),
      (items, metadata, bytes, isFirst, indent) => {
        const list = isFirst ? { items, kind: 'List', metadata } : { kind: 'List', metadata, items }
        const found = split(JSON.stringify(list, null, indent), bytes)
        const expected = JSON.parse(JSON.stringify({ items, list: { ...list, items: [] } })) as unknown
        return isSame(found, expected)
      },
    ),
  )
})

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

void t.test('a list without items, or with null for them, has none', async t => {
  t.strictSame(split('{"metadata":{"resourceVersion":"1"}}').items, [])
  t.strictSame(split('{"metadata":{"resourceVersion":"1"},"items":null}'), {
    items: [],
    list: { metadata: { resourceVersion: '1' }, items: null },
  })
})

void t.test('arrays inside the metadata are not taken for the items', async t => {
  t.strictSame(split('{"metadata":{"a":[{"b":1}]},"items":[{"c":[{"d":"]}\\""}]}]}').items, [{ c: [{ d: ']}"' }] }])
})

for (const [name, text] of [
  ['cut off in an item', '{"items":[{"a":1},{"b"'],
  ['cut off between items', '{"items":[{"a":1},'],
  ['cut off after the items', '{"items":[{"a":1}]'],
  ['no JSON', '<html>'],
  ['nothing', ''],
] as const) {
  void t.test(`a list that is ${name} is told at its end`, async t => {
    t.throws(() => split(text), { name: 'SyntaxError' })
  })
}

void t.test('an item that is too long is refused before it is whole', async t => {
  const splitter = new ItemSplitter(20)
  splitter.push(Buffer.from('{"items":['), refuseAny)
  t.throws(() => splitter.push(Buffer.from('{"a":"0123456789'), refuseAny), { name: 'RangeError' })
})

function refuseAny(bytes: Uint8Array): never {
  throw new Error(`taken: ${decode(bytes)}`)
}
