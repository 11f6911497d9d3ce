import fc from 'fast-check'
import t from 'tap'
import { expandName } from '../../src/wire/compression.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { wire } from '../server/message.ts'

void t.test('whatever the octets are, a name is expanded to a name, or to nothing', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 13, maxLength: 80 }), fc.nat({ max: 90 }), (bytes, at) => {
      const name = expandName(bytes, 0, at)
      if (name) t.same(parseName(formatName(name)), name)
    }),
    { numRuns: 2_000 },
  )
})

const start = 3
const names: readonly (readonly [what: string, bytes: Buffer, at: number, name: string | undefined])[] = [
  ['without pointers', Buffer.concat([Buffer.alloc(15), wire('a.b.')]), 15, 'a.b.'],
  ['with a pointer back', Buffer.concat([Buffer.alloc(15), wire('a.b.'), Buffer.of(1, 0x63, 0xc0, 12)]), 20, 'c.a.b.'],
  [
    'with a pointer to a pointer',
    Buffer.concat([Buffer.alloc(15), wire('a.'), Buffer.of(0xc0, 12, 0xc0, 15)]),
    20,
    'a.',
  ],
  ['with a pointer to itself', Buffer.concat([Buffer.alloc(15), Buffer.of(0xc0, 12)]), 15, undefined],
  ['with a pointer forward', Buffer.concat([Buffer.alloc(15), Buffer.of(0xc0, 14), wire('a.')]), 15, undefined],
  ['with a pointer into the header', Buffer.concat([Buffer.alloc(15), Buffer.of(0xc0, 2)]), 15, undefined],
  ['that is cut off', Buffer.concat([Buffer.alloc(15), Buffer.of(3, 0x61)]), 15, undefined],
  ['without an end', Buffer.concat([Buffer.alloc(15), Buffer.of(1, 0x61)]), 15, undefined],
  ['of another kind of label', Buffer.concat([Buffer.alloc(15), Buffer.of(0x41, 0x61, 0)]), 15, undefined],
]
for (const [what, bytes, at, name] of names) {
  void t.test(`a name ${what}: ${name ?? 'none'}`, async t => {
    const expanded = expandName(bytes, start, at)
    t.equal(expanded && formatName(expanded), name)
  })
}

void t.test('names that loop through labels come to an end', async t => {
  // The pointer leads to the label in front of it, again and again.
  t.equal(expandName(Buffer.concat([Buffer.alloc(12), Buffer.of(1, 0x61, 0xc0, 12)]), 0, 12), undefined)
})
