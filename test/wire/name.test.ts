import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  formatName,
  hashName,
  isSubdomain,
  lowerName,
  nameLength,
  parseName,
  type WireName,
} from '../../src/wire/name.ts'

const labels = (...texts: string[]): Uint8Array =>
  Buffer.from(texts.map(text => `${String.fromCharCode(text.length)}${text}`).join('') + '\0', 'latin1')

/** Names as octets: labels of any octets, 255 in all. */
const wireNames: fc.Arbitrary<WireName> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 12 })
  .map(list => Uint8Array.from([...list.flatMap(label => [label.length, ...label]), 0]))
  .filter(name => name.length <= 255)

void t.test('text becomes octets', async t => {
  const cases: [string, Uint8Array | undefined][] = [
    ['.', labels()],
    ['', labels()],
    ['a', labels('a')],
    ['a.', labels('a')],
    ['Web.Default.svc.', labels('Web', 'Default', 'svc')],
    ['a\\.b.c.', labels('a.b', 'c')],
    ['a\\\\b.', labels('a\\b')],
    ['a\\032b.', labels('a b')],
    ['\\255.', Uint8Array.of(1, 255, 0)],
    ['x'.repeat(63), labels('x'.repeat(63))],
    ['x'.repeat(64), undefined],
    [`${`${'x'.repeat(63)}.`.repeat(3)}${'x'.repeat(61)}`, labels(...Array(3).fill('x'.repeat(63)), 'x'.repeat(61))],
    [`${`${'x'.repeat(63)}.`.repeat(3)}${'x'.repeat(62)}`, undefined],
    ['..', undefined],
    ['.a', undefined],
    ['a..b', undefined],
    ['a\\', undefined],
    ['a\\256', undefined],
  ]
  for (const [text, expected] of cases) t.same(parseName(text), expected && Uint8Array.from(expected), text)
})

void t.test('a name of octets survives its text form', async t => {
  fc.assert(
    fc.property(wireNames, name => {
      assert.deepEqual(parseName(formatName(name)), name)
    }),
  )
  t.pass('all of them')
})

void t.test('text is plain ASCII, whatever the octets', async t => {
  fc.assert(fc.property(wireNames, name => /^[\x21-\x7e]+$/.test(formatName(name))))
  t.pass('all of them')
})

void t.test('a name in the middle of a buffer is found whole', async t => {
  fc.assert(
    fc.property(wireNames, fc.nat(20), (name, at) => {
      const bytes = new Uint8Array(at + name.length + 5).fill(3)
      bytes.set(name, at)
      return nameLength(bytes, at) === name.length && formatName(bytes, at) === formatName(name)
    }),
  )
  t.pass('all of them')
})

void t.test('only ASCII letters fold', async t => {
  t.equal(formatName(lowerName(labels('AZaz09-_\u00c4'))), 'azaz09-_\\196.')
  t.equal(hashName(labels('abc'), 0, 5), hashName(Uint8Array.from([9, ...labels('abc')]), 1, 5))
})

void t.test('a subdomain ends with its origin at a label boundary', async t => {
  const cases: [string, string, boolean][] = [
    ['a.b.c.', 'b.c.', true],
    ['b.c.', 'b.c.', true],
    ['c.', 'b.c.', false],
    ['xb.c.', 'b.c.', false],
    ['a.xb.c.', 'b.c.', false],
    ['a.', '.', true],
    ['.', '.', true],
    ['.', 'a.', false],
    // The label's octets look like a length and a label.
    ['\\001b\\001c.', 'c.', false],
  ]
  for (const [name, origin, expected] of cases) {
    t.equal(isSubdomain(parseName(name)!, parseName(origin)!), expected, `${name} in ${origin}`)
  }
})
