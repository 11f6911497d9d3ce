import fc from 'fast-check'
import t from 'tap'
import { MAX_MESSAGE_SIZE, Type } from '../../src/wire/constants.ts'
import type { WireName } from '../../src/wire/name.ts'
import type { AdditionalRecord, Rrset } from '../../src/wire/rrset.ts'
import { encodeBlock } from '../../src/zones/block.ts'
import { BLOCK_WORDS, FLAG_OWN } from '../../src/zones/layout.ts'
import { type EncodedSet, type Records, decodeSet, expectSet } from './reading.ts'
import { wireName } from './reference.ts'

/** The set at `index` of a block, cut out by the offsets in its entry. */
function cut(block: Uint8Array, index: number): EncodedSet {
  const words = new Uint32Array(block.buffer, block.byteOffset, block.length >> 2)
  const [head, from, length, additionalFrom, additionalLength, additionalCount] = words.subarray(
    BLOCK_WORDS + index * 6,
    BLOCK_WORDS + (index + 1) * 6,
  )
  return {
    answer: block.subarray(from, from + length),
    answerCount: head >>> 16,
    additional: block.subarray(additionalFrom, additionalFrom + additionalLength),
    additionalCount,
  }
}

const addressOf = (owner: string): AdditionalRecord => ({
  owner: wireName(owner),
  type: Type.A,
  ttlSeconds: 5,
  rdata: Uint8Array.of(10, 0, 0, 1),
})

function encodeSet(name: WireName, set: Rrset): { encoded: EncodedSet; decoded: Records } {
  const encoded = cut(encodeBlock(name, [set], FLAG_OWN), 0)
  return { encoded, decoded: decodeSet(name, set.type, encoded) }
}

void t.test('owners of additional records point into the question as far as they share its ending', async t => {
  const name = wireName('_http._tcp.web.ns.svc.cluster.local.')
  // Owner, and the octets that it takes: the labels in front of the shared ending, then a pointer; without any, the whole name.
  const rows: [owner: string, length: number][] = [
    ['_http._tcp.web.ns.svc.cluster.local.', 2],
    ['web.ns.svc.cluster.local.', 2],
    ['10-0-0-1.web.ns.svc.cluster.local.', 9 + 2],
    ['other.ns.svc.cluster.local.', 6 + 2],
    ['a.b.cluster.local.', 4 + 2],
    ['local.', 2],
    ['xcluster.local.', 9 + 2],
    // `web` ends in octets that a shorter label has, too: no label of the question begins there.
    ['eb.ns.svc.cluster.local.', 3 + 2],
    ['a._http._tcp.web.ns.svc.cluster.local.', 2 + 2],
    ['cluster.localx.', 16],
    ['example.org.', 13],
    ['.', 1],
  ]
  for (const [owner, length] of rows) {
    const set = { type: Type.SRV, ttlSeconds: 5, rdata: [Uint8Array.of(1)], additional: [addressOf(owner)] }
    const { encoded, decoded } = encodeSet(name, set)
    t.same(decoded, expectSet(name, set), owner)
    t.equal(encoded.additional.length - 14, length, owner)
  }
})

/** The decoder gives octets as they are; formatName escapes what is not printable. */
const formatRecords = (records: Records): string => JSON.stringify(records).replaceAll('\\\\001', '\\u0001')

void t.test('any owner decodes to itself behind any question', async t => {
  const label = fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', '\\001a')
  const name = fc.array(label, { maxLength: 6 }).map(labels => wireName(`${labels.join('.')}.`.replace(/^\.$/, '.')))
  const additional = fc.array(
    fc.record({ owner: name, type: fc.constant(Type.A), ttlSeconds: fc.nat(), rdata: fc.uint8Array({ maxLength: 8 }) }),
    { maxLength: 8 },
  )
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(
        name,
        fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 }),
        additional,
        (name, rdata, more) => {
          const set = { type: Type.SRV, ttlSeconds: 5, rdata, additional: more }
          return formatRecords(encodeSet(name, set).decoded) === formatRecords(expectSet(name, set))
        },
      ),
    )
  })
})

void t.test('each of several sets keeps its type, its TTL and its octets', async t => {
  const name = wireName('a.example.')
  const sets: Rrset[] = [
    { type: Type.A, ttlSeconds: 0, rdata: [Uint8Array.of(1, 2, 3, 4)] },
    {
      type: Type.TXT,
      ttlSeconds: 0x7fffffff,
      rdata: [Uint8Array.of(), Uint8Array.of(1, 2, 3)],
      additional: [addressOf('example.')],
    },
    { type: 65535, ttlSeconds: 3600, rdata: [new Uint8Array(300).fill(7)] },
  ]
  const block = encodeBlock(name, sets, FLAG_OWN)
  t.equal(block.length % 4, 0)
  for (const [i, set] of sets.entries()) t.same(decodeSet(name, set.type, cut(block, i)), expectSet(name, set))
})

void t.test('a set that no message can hold is cut behind the first record that is too much', async t => {
  const name = wireName('a.example.')
  const rdata = Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(10, 0, i >> 8, i))
  const additional = rdata.map(rdata => ({ ...addressOf('b.a.example.'), rdata }))
  const { encoded, decoded } = encodeSet(name, { type: Type.A, ttlSeconds: 5, rdata, additional })
  for (const { length, record, count } of [
    { length: encoded.answer.length, record: 16, count: encoded.answerCount },
    { length: encoded.additional.length, record: 18, count: encoded.additionalCount },
  ]) {
    t.equal(length, record * count)
    t.ok(length > MAX_MESSAGE_SIZE, 'more than fits: the reply is truncated, and says so')
    t.ok(length <= MAX_MESSAGE_SIZE + record)
  }
  t.equal(decoded.answer[0], 'a.example. 5 1 0a000000')
})
