import fc from 'fast-check'
import t from 'tap'
import { Type } from '../../src/wire/constants.ts'
import type { Rrset } from '../../src/wire/rrset.ts'
import { countDifferences } from '../../src/zones/difference.ts'
import { ZoneImage, NO_BLOCK } from '../../src/zones/image.ts'
import { packImage, unpackImage } from '../../src/zones/pack.ts'
import { ZoneWriter } from '../../src/zones/writer.ts'
import { expectSet, readSet } from './reading.ts'
import { ReferenceZones, wireName } from './reference.ts'

const ORIGINS = ['z.', '10.in-addr.arpa.'].map(wireName)

const txt = (fill: number, length: number): Rrset => ({
  type: Type.TXT,
  ttlSeconds: fill,
  rdata: [new Uint8Array(length).fill(fill)],
  additional: [{ owner: wireName('a.z.'), type: Type.A, ttlSeconds: 5, rdata: Uint8Array.of(10, 0, 0, fill) }],
})

/** Few labels, so that names are published again, and withdrawn while there are names below them. */
const steps = fc.array(
  fc.record({
    name: fc
      .tuple(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }), fc.constantFrom('z.', '10.in-addr.arpa.'))
      .map(([labels, origin]) => wireName([...labels, origin].join('.'))),
    set: fc.option(fc.tuple(fc.nat(255), fc.nat(40_000)).map(([fill, length]) => txt(fill, length))),
  }),
  { maxLength: 60 },
)

const pack = (image: ZoneImage): Buffer => {
  const portions: Uint8Array[] = []
  for (const portion of packImage(image.freeze()!)) portions.push(portion.slice())
  return Buffer.concat(portions)
}

void t.test('what was packed is unpacked with every name and record, stale and not complete', async t => {
  fc.assert(
    fc.property(steps, fc.nat(2 ** 32 - 1), (steps, serial) => {
      const writer = new ZoneWriter(ORIGINS)
      const reference = new ReferenceZones(ORIGINS)
      for (const { name, set } of steps) {
        if (set) writer.publish(name, [set])
        else writer.withdraw(name)
        if (set) reference.publish(name, [set])
        else reference.withdraw(name)
      }
      writer.markComplete()
      const image = new ZoneImage(writer.buffer)
      const octets = pack(image)
      t.equal(octets.length, writer.liveBytes)
      const unpacked = new ZoneImage(unpackImage(octets, writer.names, serial))
      t.same([unpacked.isStale, unpacked.isComplete, unpacked.serial], [true, false, serial])
      t.same([unpacked.names, reference.names.size], [writer.names, writer.names])
      for (const name of [...reference.names].map(wireName)) {
        const [set] = reference.read(name) ?? []
        t.same(readSet(unpacked, name, Type.TXT), set ? expectSet(name, set) : 'none')
      }
    }),
    { numRuns: 60 },
  )
})

void t.test('a name that is not there is looked for in the whole table, and not found', async t => {
  const writer = new ZoneWriter(ORIGINS)
  for (let i = 0; i < 5_000; i++) writer.publish(wireName(`n${i}.z.`), [])
  const unpacked = new ZoneImage(unpackImage(pack(new ZoneImage(writer.buffer)), writer.names, 1))
  for (let i = 0; i < 5_000; i++) {
    const [known, unknown] = [wireName(`n${i}.z.`), wireName(`m${i}.z.`)]
    if (unpacked.lookup(known, 0, known.length) === NO_BLOCK) t.fail(`n${i}`)
    if (unpacked.lookup(unknown, 0, unknown.length) !== NO_BLOCK) t.fail(`m${i}`)
  }
})

void t.test('octets that are no blocks are no image, and whatever they are, they are read to an end', async t => {
  const writer = new ZoneWriter(ORIGINS)
  for (let i = 0; i < 20; i++) writer.publish(wireName(`n${i}.z.`), [txt(i, 10)])
  const image = new ZoneImage(writer.buffer)
  const octets = pack(image)
  const { names } = writer
  t.ok(unpackImage(octets, names, 1))
  for (const wrong of [names - 1, names + 1, 0, 2 ** 31]) t.equal(unpackImage(octets, wrong, 1), undefined, `${wrong}`)
  for (let end = 0; end < octets.length; end++) {
    if (unpackImage(octets.subarray(0, end), names, 1)) t.fail(`cut at ${end}`)
  }
  // Words of a block that lead out of it.
  const size = octets.readUInt32LE(4)
  for (const [at, value] of [
    [4, 0],
    [4, size + 2],
    [4, octets.length + 4],
    [12, 0xffff],
    [16 + 4, size],
    [16 + 8, size],
    [16 + 16, 2 ** 32 - 1],
  ]) {
    const changed = Buffer.from(octets)
    // Of a name with a set: the first octets are those of the first name that has one.
    let block = 0
    while (((changed.readUInt32LE(block + 12) >> 8) & 0xff) === 0) block += changed.readUInt32LE(block + 4)
    changed.writeUInt32LE(value, block + at)
    t.equal(unpackImage(changed, names, 1), undefined, `${value} at ${at}`)
  }
  fc.assert(
    fc.property(fc.nat(octets.length - 1), fc.nat(255), (at, octet) => {
      const changed = Buffer.from(octets)
      changed[at] = octet
      const buffer = unpackImage(changed, names, 1)
      if (!buffer) return
      const found = new ZoneImage(buffer)
      for (let i = 0; i < 20; i++) readHead(found, `n${i}.z.`)
    }),
  )
})

/** Reads what the lookup finds, if anything, without decoding it: a changed record is no record any more. */
function readHead(image: ZoneImage, text: string): void {
  const name = wireName(text)
  const block = image.lookup(name, 0, name.length)
  if (block !== NO_BLOCK) image.entry(block, Type.TXT)
}

void t.test('names that have come, gone or changed are counted, and others are not', async t => {
  const [before, after] = [new ZoneWriter(ORIGINS), new ZoneWriter(ORIGINS)]
  const differences = (): Promise<number | undefined> =>
    countDifferences(new ZoneImage(before.buffer), new ZoneImage(after.buffer))
  for (let i = 0; i < 10_000; i++) before.publish(wireName(`n${i}.z.`), [txt(i & 255, 10)])
  for (let i = 9_999; i >= 0; i--) after.publish(wireName(`n${i}.z.`), [txt(i & 255, 10)])
  t.equal(await differences(), 0)
  after.publish(wireName('n1.z.'), [txt(2, 10)])
  t.equal(await differences(), 1, 'changed')
  after.withdraw(wireName('n2.z.'))
  t.equal(await differences(), 2, 'gone')
  after.publish(wireName('x.y.z.'), [])
  t.equal(await differences(), 4, 'come, with the name above it')
  after.publish(wireName('x.n3.z.'), [])
  t.equal(await differences(), 5, 'a name with another below it is the same as before')
})

void t.test('as long as the revision is the same, so are names and records', async t => {
  const writer = new ZoneWriter(ORIGINS)
  const image = new ZoneImage(writer.buffer)
  writer.publish(wireName('a.z.'), [txt(1, 10)])
  const { revision } = image
  writer.change(() => {
    writer.publish(wireName('a.z.'), [txt(1, 10)])
    writer.withdraw(wireName('b.z.'))
    writer.touch()
  })
  t.equal(image.revision, revision)
  writer.publish(wireName('a.z.'), [txt(2, 10)])
  t.not(image.revision, revision)
  const second = image.revision
  writer.withdraw(wireName('a.z.'))
  t.not(image.revision, second)
})
