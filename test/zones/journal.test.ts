// What secondaries are given of an image, from serial to serial.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Type } from '../../src/wire/constants.ts'
import { parseName } from '../../src/wire/name.ts'
import { Query } from '../../src/wire/query.ts'
import { Reply } from '../../src/wire/reply.ts'
import type { Rrset } from '../../src/wire/rrset.ts'
import { History } from '../../src/zones/history.ts'
import { type HistoryMemory, Journal } from '../../src/zones/journal.ts'
import { ImagePrimary } from '../../src/zones/primary.ts'
import { ZoneWriter } from '../../src/zones/writer.ts'
import { buildQuery, decode } from '../server/message.ts'
import { Secondary, type Transferred } from '../plugins/transferring.ts'

const ZONE = parseName('z.')!
/** Ends in the same octets as ZONE, and is none of its names. */
const OTHER = parseName('\\001z.')!

/** The zones of a writer whose serials are 1, 2, 3 … */
class Zones {
  readonly writer = new ZoneWriter([ZONE, OTHER])
  readonly primary = new ImagePrimary([ZONE, OTHER], 5)
  #journal: Journal | undefined

  /** All that was published since has the next serial. */
  advance(): void {
    this.writer.serial++
    if (!this.#journal) this.#journal = new Journal(this.writer)
    else if (!this.#journal.advance()) return
    this.primary.attach(this.#journal.memory)
  }

  get memory(): HistoryMemory {
    return this.#journal!.memory
  }

  /** The answer to AXFR or IXFR, in messages of `size` octets. */
  async transfer(since?: number, size = 700): Promise<Transferred['records']> {
    const message = buildQuery({ name: 'z.', type: 251 })
    const query = new Query()
    query.transport = 1
    query.parse(message, 0, message.length)
    const reply = new Reply(Buffer.alloc(size))
    const copy = (await this.primary.copy(ZONE, since))!
    const records: Transferred['records'] = [copy.serial]
    for (let isDone = false; !isDone; ) {
      reply.begin(query)
      isDone = copy.write(reply)
      const { answers } = decode(Buffer.from(reply.bytes.subarray(0, reply.finish(query, 0))))
      for (const { owner, type, ttl, rdata } of answers) {
        const isSoa = type === Type.SOA
        records.push(isSoa ? rdata.readUInt32BE(rdata.length - 20) : `${owner} ${ttl} ${type} ${rdata.toString('hex')}`)
      }
    }
    return [...records, copy.serial]
  }
}

const take = (secondary: Secondary, records: Transferred['records']): void => secondary.apply({ records })

const addresses = (count: number, first: number, ttlSeconds = 5): Rrset => ({
  type: Type.A,
  ttlSeconds,
  rdata: Array.from({ length: count }, (_, i) => Uint8Array.of(10, first, i >> 8, i & 255)),
})

const owner = fc.stringMatching(/^([a-c]{1,2}\.){1,3}$/)
const rrsets = fc.oneof(
  fc.constant([]),
  fc
    .record({ count: fc.integer({ min: 1, max: 5 }), first: fc.nat(3), ttl: fc.constantFrom(5, 30) })
    .map(set => [
      addresses(set.count, set.first, set.ttl),
      { type: Type.TXT, ttlSeconds: 5, rdata: [Uint8Array.of(1, set.first)] },
    ]),
  // The image is full after some of these.
  fc.nat(255).map(first => [addresses(800, first)]),
  fc.nat(3).map(n => [
    { type: Type.CNAME, ttlSeconds: 5, rdata: [parseName(`n${n}.`)!] },
    { type: Type.SRV, ttlSeconds: 5, rdata: [Uint8Array.of(0, 0, 0, 1, 0, 80, 1, 0x61, 0)] },
  ]),
)
const change = fc.record({
  owner,
  zone: fc.constantFrom('z.', 'z.', '\\001z.'),
  rrsets: fc.option(rrsets, { nil: undefined }),
})
const histories = fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 20 })

void t.test(
  'whoever takes the changes has the zone of each serial, whatever happened and whichever serial he had',
  async t => {
    let increments = 0
    let moves = 0
    await fc.assert(
      fc.asyncProperty(histories, fc.integer({ min: 300, max: 3_000 }), async (history, size) => {
        const zones = new Zones()
        const [steady, ...behind] = Array.from({ length: 6 }, () => new Secondary())
        for (let n = 0; n < 40; n++) zones.writer.publish(parseName(`steady${n}.z.`)!, [addresses(4, n)])
        zones.advance()
        for (const secondary of [steady, ...behind]) take(secondary, await zones.transfer())
        for (const [i, changes] of history.entries()) {
          const { buffer } = zones.writer
          for (const { owner, zone, rrsets } of changes) {
            const name = parseName(`${owner}${zone}`)!
            if (rrsets) zones.writer.publish(name, rrsets)
            else zones.writer.withdraw(name)
          }
          if (zones.writer.buffer !== buffer) moves++
          // What has no serial yet is not there.
          const before = new Secondary()
          take(before, await zones.transfer())
          assert.deepEqual([...before.records].sort(), [...steady.records].sort())
          zones.advance()
          const whole = new Secondary()
          take(whole, await zones.transfer())
          for (const secondary of [steady, behind[i % behind.length]]) {
            take(secondary, await zones.transfer(secondary.serial, size))
            if (typeof secondary.last === 'number') increments++
            assert.deepEqual([...secondary.records].sort(), [...whole.records].sort())
            assert.equal(secondary.serial, zones.writer.serial)
          }
        }
      }),
      { numRuns: 40 },
    )
    t.ok(increments > 20, `${increments} times by increments`)
    t.ok(moves > 0, `${moves} times the image moved`)
  },
)

void t.test('a change is the records that differ, and no others', async t => {
  const zones = new Zones()
  const name = parseName('a.z.')!
  for (const n of ['b', 'c', 'd']) zones.writer.publish(parseName(`${n}.z.`)!, [addresses(9, 1)])
  zones.writer.publish(name, [addresses(3, 1)])
  zones.advance()
  zones.writer.publish(name, [addresses(2, 1)])
  zones.advance()
  zones.writer.publish(parseName('a.\\001z.')!, [addresses(1, 1)])
  zones.advance()
  const a = 'a.z. 5 1 0a010002'
  t.same(await zones.transfer(1), [3, 1, a, 2, 2, 3, 3])
  t.same(await zones.transfer(2), [3, 2, 3, 3])
})

void t.test('what is as long as the zone is given up for the zone, and so is what is not known', async t => {
  const zones = new Zones()
  zones.writer.publish(parseName('b.z.')!, [addresses(3, 1)])
  zones.advance()
  zones.writer.publish(parseName('a.z.')!, [addresses(1, 1)])
  zones.advance()
  t.same((await zones.transfer(1)).slice(1, 3), [1, 2], 'SOA, SOA and a record of four')
  zones.writer.publish(parseName('a.z.')!, [])
  zones.advance()
  t.same((await zones.transfer(1)).length, 2 + 3, 'six of three')
  t.same((await zones.transfer(0)).length, 2 + 3)
  t.same((await zones.transfer(4)).length, 2 + 3)
})

/** docs/limits.md */
const MAX_SERIALS = 512
const MAX_OCTETS = 1 << 20

const isKnown = (zones: Zones, since: number): boolean => new History(zones.memory).read(since)!.steps !== undefined

void t.test('of serials without changes the last 512 are known', async t => {
  const zones = new Zones()
  zones.writer.publish(parseName('a.z.')!, [addresses(2_000, 1)])
  for (let i = 0; i <= MAX_SERIALS; i++) zones.advance()
  t.ok(isKnown(zones, 1))
  zones.advance()
  t.notOk(isKnown(zones, 1))
  t.ok(isKnown(zones, 2))
})

void t.test('of large changes as many are known as a megabyte holds, and never more than the zones', async t => {
  const zones = new Zones()
  const publish = (n: number, count: number): void => {
    zones.writer.publish(parseName(`n${n}.z.`)!, [addresses(count, n & 255)])
  }
  for (let n = 0; n < 60; n++) publish(n, 3_000)
  zones.advance()
  const size = 3_000 * 16
  let known = 0
  for (let n = 100; n < 150; n++) {
    publish(n, 3_000)
    zones.advance()
    let since = zones.writer.serial - 1
    while (since > 0 && isKnown(zones, since)) since--
    known = zones.writer.serial - 1 - since
    if (n === 149)
      t.ok(known * size <= MAX_OCTETS && (known + 1) * size > MAX_OCTETS * 0.9, `${known} of ${size} octets`)
  }
  const small = new Zones()
  small.advance()
  for (let n = 0; n < 40; n++) {
    small.writer.publish(parseName('a.z.')!, [addresses(3_000, n)])
    small.advance()
    const { history, image } = small.memory
    t.ok(history.byteLength < image.byteLength * 1.1)
  }
})
