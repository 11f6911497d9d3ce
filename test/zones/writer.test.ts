import fc from 'fast-check'
import { mock } from 'node:test'
import t from 'tap'
import { Type } from '../../src/wire/constants.ts'
import type { WireName } from '../../src/wire/name.ts'
import type { Rrset } from '../../src/wire/rrset.ts'
import { encodeBlock } from '../../src/zones/block.ts'
import { ZoneImage } from '../../src/zones/image.ts'
import { Head, SLOT_FREED, tableBytes } from '../../src/zones/layout.ts'
import { ZoneWriter } from '../../src/zones/writer.ts'
import { expectSet, readSet } from './reading.ts'
import { ReferenceZones, wireName } from './reference.ts'

const ORIGINS = ['cluster.local.', 'b.', '10.in-addr.arpa.'].map(wireName)
const TYPES = [Type.A, Type.AAAA, Type.SRV, Type.TXT]

// Few labels and few origins, one of them a label of the others' names: parents are shared, and come and go.
const label = fc.constantFrom('a', 'b', 'c', '_tcp', 'local')
const owner = fc
  .tuple(fc.array(label, { maxLength: 4 }), fc.constantFrom('cluster.local.', 'b.', '10.in-addr.arpa.'))
  .map(([labels, origin]) => wireName([...labels, origin].join('.')))

/** Up to 20,000 octets of rdata: a few of these and the first arena is full. */
const rdata = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ minLength: 0, maxLength: 20 }) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(255), fc.nat(20_000)).map(([octet, n]) => new Uint8Array(n).fill(octet)) },
)
const additional = fc.record({
  owner,
  type: fc.constantFrom(Type.A, Type.AAAA),
  ttlSeconds: fc.nat(3600),
  rdata: fc.uint8Array({ minLength: 4, maxLength: 16 }),
})
const rrset = (type: number): fc.Arbitrary<Rrset> =>
  fc.record({
    type: fc.constant(type),
    ttlSeconds: fc.nat(0x7fffffff),
    rdata: fc.array(rdata, { minLength: 1, maxLength: 4 }),
    additional: fc.array(additional, { maxLength: 3 }),
  })
const rrsets = fc.subarray(TYPES).chain(types => fc.tuple(...types.map(rrset)))

type Step = { name: WireName; rrsets: Rrset[] | undefined }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ name: owner, rrsets }) },
  { weight: 2, arbitrary: fc.record({ name: owner, rrsets: fc.constant(undefined) }) },
)

class Pair {
  handovers = 0
  readonly reference = new ReferenceZones(ORIGINS)
  readonly writer: ZoneWriter
  readonly image: ZoneImage

  constructor(isAlone = false) {
    const onHandover = (buffer: SharedArrayBuffer): void => {
      this.handovers++
      this.image.attach(buffer)
    }
    this.writer = new ZoneWriter(ORIGINS, onHandover, () => isAlone)
    this.image = new ZoneImage(this.writer.buffer)
  }

  take({ name, rrsets }: Step): void {
    const [changed, expected] = rrsets
      ? [this.writer.publish(name, rrsets), this.reference.publish(name, rrsets)]
      : [this.writer.withdraw(name), this.reference.withdraw(name)]
    if (changed !== expected) throw new Error(`changed: ${changed}, expected ${expected}`)
  }

  /** Throws where the image differs from the reference: in existence, types, TTLs or octets. */
  compare(names: Iterable<WireName>): void {
    if (this.writer.names !== this.reference.names.size) throw new Error('number of names')
    for (const name of names) {
      const sets = this.reference.read(name)
      for (const type of TYPES) {
        const set = sets?.find(set => set.type === type)
        const expected = sets && (set ? expectSet(name, set) : 'none')
        const found = readSet(this.image, name, type)
        if (JSON.stringify(found) !== JSON.stringify(expected)) {
          throw new Error(`${wireText(name)}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
        }
      }
    }
  }
}

const wireText = (name: WireName): string => Buffer.from(name).toString('latin1')

/** The name and all above it: what a step can have changed. */
function lineage(name: WireName): WireName[] {
  return name[0] === 0 ? [name] : [name, ...lineage(name.subarray(name[0] + 1))]
}

void t.test('after each publication and withdrawal the image answers as the naive reference does', async t => {
  let handovers = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), fc.boolean(), (steps, isAlone) => {
      const pair = new Pair(isAlone)
      const all = new Map(steps.flatMap(({ name }) => lineage(name)).map(name => [wireText(name), name]))
      for (const step of steps) {
        pair.take(step)
        pair.compare(lineage(step.name))
      }
      pair.compare(all.values())
      handovers += pair.handovers
    }),
    { numRuns: 60 },
  )
  t.ok(handovers > 0, 'some of the histories moved to another buffer')
})

const address = (n: number): Rrset => ({
  type: Type.A,
  ttlSeconds: 5,
  rdata: [Uint8Array.of(10, n >> 16, n >> 8, n)],
})

void t.test('five thousand names grow the table, and all are found; withdrawn, they leave nothing behind', async t => {
  const pair = new Pair()
  const names = Array.from({ length: 5_000 }, (_, i) => wireName(`e${i}.s${i % 97}.ns${i % 7}.svc.cluster.local.`))
  const empty = { names: pair.writer.names, liveBytes: pair.writer.liveBytes }
  for (const [i, name] of names.entries()) pair.take({ name, rrsets: [address(i)] })
  pair.compare(names)
  t.ok(pair.handovers > 2)
  for (const [i, name] of names.entries()) if (i % 2 === 0) pair.take({ name, rrsets: undefined })
  pair.compare(names)
  for (const [i, name] of names.entries()) if (i % 2 === 1) pair.take({ name, rrsets: undefined })
  pair.compare(names)
  t.same({ names: pair.writer.names, liveBytes: pair.writer.liveBytes }, empty)
})

void t.test('a name that changes for ever takes no more room than twice what lives', async t => {
  const pair = new Pair()
  const name = wireName('a.cluster.local.')
  for (let i = 0; i < 20_000; i++) pair.writer.publish(name, [address(i)])
  t.ok(pair.handovers > 5)
  t.ok(pair.writer.buffer.byteLength < 100_000, `${pair.writer.buffer.byteLength} octets`)
  t.same(readSet(pair.image, name, Type.A), expectSet(name, address(19_999)))
})

void t.test('where nobody else reads, what is dead is written over, and nothing is copied to other memory', async t => {
  const pair = new Pair(true)
  const { writer, image } = pair
  const names = Array.from({ length: 5_000 }, (_, i) => wireName(`e${i}.s${i % 97}.svc.cluster.local.`))
  for (const [i, name] of names.entries()) pair.take({ name, rrsets: [address(i)] })
  const { buffer } = writer
  const words = new Uint32Array(buffer)
  const tables = 2 * tableBytes(image.slots.length)
  // Of many sizes, and each eighth is there only now and then.
  const change = (i: number): void => {
    const name = names[(i * 7919) % names.length]
    const rdata = Array.from({ length: i % 11 }, (_, n) => Uint8Array.of(10, n, i >> 8, i))
    pair.take({ name, rrsets: i % 8 === 0 ? undefined : [{ ...address(i), rdata }] })
  }
  let most = 0
  for (let i = 0; i < 40_000; i++) {
    change(i)
    const used = words[Head.ArenaEnd] - words[Head.ArenaStart]
    most = Math.max(most, used - tables - writer.liveBytes * 1.25)
  }
  t.ok(most < 70 << 10, `${most} octets more than a quarter is dead`)
  pair.compare(names)
  t.equal(writer.buffer, buffer)

  // Who holds on to it, has what was.
  const frozen = image.freeze()!
  const listBlocks = (): Map<string, string> => {
    const blocks = [...frozen.slots].filter(block => block > SLOT_FREED)
    return new Map(
      blocks.map(block => {
        const [, length, , meta] = frozen.words.subarray(block >> 2, (block >> 2) + 4)
        const octets = frozen.bytes.subarray(block + 12, block + length).toString('latin1')
        return [`${octets.length} ${meta} ${octets}`, octets]
      }),
    )
  }
  const before = listBlocks()
  for (let i = 0; i < 40_000; i++) change(i)
  t.same(listBlocks(), before)
  t.not(writer.buffer, buffer, 'it is copied as long')
  pair.compare(names)
  frozen.release()
})

void t.test('who has let go of an image holds it no more', async t => {
  const pair = new Pair(true)
  const names = Array.from({ length: 2_000 }, (_, i) => wireName(`e${i}.b.`))
  for (const [i, name] of names.entries()) pair.take({ name, rrsets: [address(i)] })
  const { buffer } = pair.writer
  pair.image.freeze()!.release()
  for (let i = 0; i < 20_000; i++) pair.take({ name: names[i % names.length], rrsets: [address(i)] })
  t.equal(pair.writer.buffer, buffer)
  pair.compare(names)
})

void t.test('while it grows it is copied while it is small', async t => {
  const copied = new Map<SharedArrayBuffer, number>()
  const writer = new ZoneWriter(ORIGINS, buffer => copied.set(buffer, copied.get(buffer) ?? writer.liveBytes))
  for (let i = 0; i < 100_000; i++) writer.publish(wireName(`e${i}.b.`), [address(i)])
  const sizes = [...copied.values()]
  t.ok(writer.liveBytes > 6 << 20, `${writer.liveBytes} octets`)
  t.ok(Math.max(...sizes) <= 1 << 20, `copied at ${sizes.join(', ')} octets`)
})

void t.test('moving to other memory copies no more octets than were published', async t => {
  let copied = 0
  let published = 0
  const writer = new ZoneWriter(ORIGINS, () => (copied += writer.liveBytes))
  const publish = (name: WireName, rrsets: Rrset[]): void => {
    if (writer.publish(name, rrsets)) published += encodeBlock(name, rrsets, 0).length
  }
  // One name is as long as all others together.
  const names = Array.from({ length: 500 }, (_, i) => wireName(`e${i}.b.`))
  for (let i = 0; i < 20_000; i++) {
    const isLong = i % names.length === 0
    publish(names[i % names.length], [{ ...address(i), rdata: Array(isLong ? 1_000 : 1).fill(address(i).rdata[0]) }])
  }
  t.ok(copied > 0)
  t.ok(copied <= published, `${copied} of ${published} octets`)
})

void t.test('names that come and go leave the table as it was', async t => {
  const pair = new Pair()
  for (let i = 0; i < 20_000; i++) {
    const name = wireName(`e${i}.b.`)
    pair.writer.publish(name, [address(i)])
    pair.writer.withdraw(name)
  }
  t.ok(pair.writer.buffer.byteLength < 100_000, `${pair.writer.buffer.byteLength} octets`)
  t.equal(pair.writer.names, ORIGINS.length)
})

void t.test(
  'a handover takes the serial and the completeness along; a reader of the old buffer keeps its state',
  async t => {
    const pair = new Pair()
    const before = new ZoneImage(pair.writer.buffer)
    const name = wireName('a.cluster.local.')
    pair.writer.publish(name, [address(1)])
    pair.writer.serial = 0xfffffffe
    t.equal(before.isComplete, false)
    pair.writer.markComplete()
    t.equal(before.isComplete, true)
    for (let i = 0; pair.handovers === 0; i++) pair.writer.publish(wireName(`e${i}.b.`), [address(i)])
    pair.writer.publish(name, [address(2)])
    t.same([pair.image.serial, pair.image.isComplete], [0xfffffffe, true])
    t.same([before.serial, before.isComplete], [0xfffffffe, true])
    t.same(readSet(pair.image, name, Type.A), expectSet(name, address(2)))
    t.same(readSet(before, name, Type.A), expectSet(name, address(1)))
  },
)

void t.test('the apexes exist from the start and for ever', async t => {
  const pair = new Pair()
  for (const origin of ORIGINS) {
    t.equal(readSet(pair.image, origin, Type.A), 'none')
    t.equal(pair.writer.withdraw(origin), false)
    pair.writer.publish(origin, [address(1)])
    t.equal(pair.writer.withdraw(origin), false)
    t.same(readSet(pair.image, origin, Type.A), expectSet(origin, address(1)))
  }
})

void t.test('a name outside the zones is refused and changes nothing', async t => {
  const pair = new Pair()
  for (const name of ['example.org.', 'local.', '.', 'xb.', 'a.ab.']) {
    t.throws(() => pair.writer.publish(wireName(name), [address(1)]), { message: 'a name outside the zones' }, name)
    t.equal(readSet(pair.image, wireName(name), Type.A), undefined, name)
  }
  t.equal(pair.writer.names, ORIGINS.length)
})

void t.test('more zones than the first table holds can be opened', async t => {
  const origins = Array.from({ length: 2_000 }, (_, i) => wireName(`${i % 256}.${i >> 8}.10.in-addr.arpa.`))
  let image: ZoneImage | undefined
  const writer = new ZoneWriter(origins, buffer => image!.attach(buffer))
  image = new ZoneImage(writer.buffer)
  t.equal(writer.names, origins.length)
  for (const origin of origins) if (readSet(image, origin, Type.A) !== 'none') t.fail('an apex is missing')
})

void t.test('the zone of the root holds every name', async t => {
  const writer = new ZoneWriter([wireName('.')])
  const image = new ZoneImage(writer.buffer)
  writer.publish(wireName('a.b.c.'), [address(1)])
  t.equal(readSet(image, wireName('b.c.'), Type.A), 'none')
  t.equal(writer.withdraw(wireName('a.b.c.')), true)
  t.equal(readSet(image, wireName('c.'), Type.A), undefined)
  t.equal(readSet(image, wireName('.'), Type.A), 'none')
})

void t.test('another buffer than an image is not read', async t => {
  t.throws(() => new ZoneImage(new SharedArrayBuffer(64)), { message: 'not a zone image' })
})

void t.test('a copy has the serial that its names will have, when more has changed in one second', async t => {
  const startMs = Date.UTC(2026, 0, 1)
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: startMs })
  t.teardown(() => mock.timers.reset())
  const writer = new ZoneWriter(ORIGINS)
  const freeze = (): number | undefined => new ZoneImage(writer.buffer).freeze()?.serial
  const publish = (name: string): void => writer.change(() => void writer.publish(wireName(name), []))
  const start = startMs / 1000
  publish('a.b.')
  t.same([writer.serial, freeze()], [start, start])
  publish('b.b.')
  publish('c.b.')
  t.same([writer.serial, freeze()], [start, start + 1])
  // However late the event loop is.
  mock.timers.tick(5_000)
  t.same([writer.serial, freeze()], [start + 1, start + 1])
  writer.resumeSerial(start + 9)
  t.same([writer.serial, freeze()], [start + 9, start + 9])
  publish('d.b.')
  t.same([writer.serial, freeze()], [start + 9, start + 10])
})
