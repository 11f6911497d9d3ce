// What is believed of a file, and what is not.

import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  SnapshotError,
  readSnapshot,
  removeLeftovers,
  writeSnapshot,
} from '../../../src/plugins/kubernetes/snapshotfile.ts'
import { Type } from '../../../src/wire/constants.ts'
import { type FrozenImage, ZoneImage, NO_BLOCK } from '../../../src/zones/image.ts'
import { packImage } from '../../../src/zones/pack.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'
import { wireName } from '../../zones/reference.ts'
import { readSet } from '../../zones/reading.ts'

const KEY = 'these options'
const WRITTEN_MS = 1_700_000_000_000

function makeImage(names: number): ZoneImage {
  const writer = new ZoneWriter([wireName('z.')])
  for (let i = 0; i < names; i++) {
    writer.publish(wireName(`n${i}.z.`), [
      { type: Type.A, ttlSeconds: 5, rdata: [Uint8Array.of(10, 0, i >> 8, i & 255)] },
    ])
  }
  writer.serial = 42
  return new ZoneImage(writer.buffer)
}

const freeze = (image: ZoneImage): FrozenImage => image.freeze()!

async function writeNames(file: string, names = 3): Promise<Buffer> {
  await writeSnapshot(
    file,
    KEY,
    WRITTEN_MS,
    new Map([
      ['cluster', freeze(makeImage(names))],
      ['more', freeze(makeImage(0))],
    ]),
  )
  return readFileSync(file)
}

/** Why the file is not believed; 'no file' where there is none, 'believed' where it is. */
async function reasonOf(file: string, key = KEY): Promise<string> {
  try {
    return (await readSnapshot(file, key)) ? 'believed' : 'no file'
  } catch (error) {
    if (error instanceof SnapshotError) return error.message
    throw error
  }
}

/** The same octets with another sum at their end, the right one. */
const seal = (octets: Buffer): Buffer =>
  Buffer.concat([octets.subarray(0, -32), createHash('sha256').update(octets.subarray(0, -32)).digest()])

void t.test('what was written is read, images by their names', async t => {
  const file = join(t.testdir({}), 'names')
  await writeNames(file, 2_000)
  const snapshot = (await readSnapshot(file, KEY))!
  t.equal(snapshot.writtenMs, WRITTEN_MS)
  t.same([...snapshot.images.keys()], ['cluster', 'more'])
  const image = new ZoneImage(snapshot.images.get('cluster'))
  t.match(image, { names: 2_001, serial: 42, isStale: true, isComplete: false })
  for (let i = 0; i < 2_000; i++) {
    const name = wireName(`n${i}.z.`)
    if (image.lookup(name, 0, name.length) === NO_BLOCK) t.fail(`n${i}`)
  }
  t.same(readSet(image, wireName('n258.z.'), Type.A), { answer: ['n258.z. 5 1 0a000102'], additional: [] })
  t.equal(new ZoneImage(snapshot.images.get('more')).names, 1)
  t.equal(statSync(file).mode & 0o777, 0o600)
})

/**
 * As it was written by the version that brought the format. When this fails, an image or the file is laid out otherwise: another MAGIC or another
 * FORMAT keeps a new version from misreading an old file. Then this is the new file's.
 */
const GOLDEN_TITLE = 'kubezone snapshot 1-1nzk\n'
const GOLDEN_SHA256 = 'ba82e8ff206f1210a9ac3b73b5d46bff74b57ec3a77747086980427306f6bf43'

void t.test('the format is the one that its number says', async t => {
  const octets = await writeNames(join(t.testdir({}), 'names'))
  t.equal(octets.toString('latin1', 0, GOLDEN_TITLE.length), GOLDEN_TITLE)
  t.equal(octets.toString('hex', octets.length - 32), GOLDEN_SHA256)
})

void t.test('without a file there is no complaint', async t => {
  const folder = t.testdir({})
  t.equal(await reasonOf(join(folder, 'names')), 'no file')
  t.equal(await reasonOf(join(folder, 'none', 'names')), 'no file')
})

/** How a file is spoilt, and what is said of it. */
const spoilt: [what: string, spoil: (file: string, octets: Buffer) => void, reason: string | RegExp][] = [
  ['nothing', () => {}, 'believed'],
  ['readable by all', file => chmodSync(file, 0o666), 'believed'],
  ['empty', file => truncateSync(file), /^it is no snapshot of kubezone; remove it, or name another file$/],
  ['half', (file, octets) => truncateSync(file, octets.length >> 1), /^it is damaged/],
  [
    'with one octet more',
    (file, octets) => writeFileSync(file, Buffer.concat([octets, Buffer.of(0)])),
    /^it is damaged/,
  ],
  ['a page of zeros', (file, octets) => writeFileSync(file, Buffer.from(octets).fill(0, 100, 200)), /^it is damaged/],
  ['another program', file => writeFileSync(file, '{"apiVersion":"v1"}'), /^it is no snapshot of kubezone/],
  [
    'another format',
    (file, octets) =>
      writeFileSync(file, seal(Buffer.from(octets.toString('latin1').replace('1-1nzk', '2-1nzk'), 'latin1'))),
    'it is in another format than 1-1nzk, which this version reads',
  ],
  [
    'another image',
    (file, octets) =>
      writeFileSync(file, seal(Buffer.from(octets.toString('latin1').replace('1-1nzk', '1-knz1'), 'latin1'))),
    'it is in another format than 1-1nzk, which this version reads',
  ],
  [
    'sealed, but without a head',
    file => writeFileSync(file, seal(Buffer.concat([Buffer.from(`${GOLDEN_TITLE}null\n`), Buffer.alloc(32)]))),
    /^it is no snapshot of kubezone \(.*\); remove it$/,
  ],
  [
    'sealed, with other blocks',
    (file, octets) =>
      writeFileSync(file, seal(Buffer.from(octets).fill(0xff, octets.length - 100, octets.length - 32))),
    /^what it holds of '(cluster|more)' is no image$/,
  ],
  [
    'sealed, with more blocks than there are',
    (file, octets) =>
      writeFileSync(file, seal(Buffer.from(octets.toString('latin1').replace('"names":4', '"names":9'), 'latin1'))),
    "what it holds of 'cluster' is no image",
  ],
]

void t.test('what is not a whole snapshot in this format is not believed, and why is told', async t => {
  for (const [what, spoil, reason] of spoilt) {
    const file = join(t.testdir({}), 'names')
    spoil(file, await writeNames(file))
    t.match(await reasonOf(file), reason, what)
  }
})

void t.test('what is no file that can be read is not waited for', async t => {
  const folder = t.testdir({ folder: {} })
  const at = (name: string): string => join(folder, name)
  symlinkSync('loop', at('loop'))
  execFileSync('mkfifo', [at('pipe')])
  writeFileSync(at('huge'), '')
  truncateSync(at('huge'), 2 ** 33)
  await writeNames(at('names'))
  symlinkSync('names', at('link'))
  t.equal(await reasonOf(at('folder')), 'it is no file; name one')
  t.equal(await reasonOf(at('pipe')), 'it is no file; name one')
  t.equal(await reasonOf('/dev/zero'), 'it is no file; name one')
  t.match(await reasonOf(at('loop')), /^ELOOP: .*; name a file that this process can read$/)
  t.match(await reasonOf(at('names/x')), /^ENOTDIR: /)
  t.equal(await reasonOf(at('huge')), 'it has 8589934592 octets, and 268435456 are the most; remove it')
  t.equal(await reasonOf(at('link')), 'believed')
})

void t.test('what this user may not read is told', async t => {
  const file = join(t.testdir({}), 'names')
  await writeNames(file)
  chmodSync(file, 0)
  // Root may read everything.
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65534)
  try {
    t.match(await reasonOf(file), /^EACCES: .*; name a file that this process can read$/)
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})

void t.test('what was written with other options is not believed', async t => {
  const file = join(t.testdir({}), 'names')
  await writeNames(file)
  t.equal(await reasonOf(file, 'others'), 'it was written with other zones or other options of kubernetes')
})

void t.test('whichever octet is changed, and wherever it is cut, it is not believed', async t => {
  const file = join(t.testdir({}), 'names')
  const octets = await writeNames(file)
  await fc.assert(
    fc.asyncProperty(fc.nat(octets.length - 1), fc.nat(7), fc.boolean(), async (at, bit, isCut) => {
      const changed = Buffer.from(octets)
      changed[at] ^= 1 << bit
      writeFileSync(file, isCut ? octets.subarray(0, at) : changed)
      return (await reasonOf(file)) !== 'believed'
    }),
    { numRuns: 300 },
  )
})

void t.test('a file that cannot be written stays as it is, and nothing is left beside it', async t => {
  const folder = t.testdir({ names: { inside: '' } })
  await t.rejects(writeNames(join(folder, 'names')), { code: 'EISDIR' })
  await t.rejects(writeNames(join(folder, 'none', 'names')), { code: 'ENOENT' })
  t.same(readdirSync(folder), ['names'])
  await t.rejects(
    writeSnapshot(
      join(folder, 'large'),
      KEY,
      0,
      new Map([['cluster', { ...freeze(makeImage(1)), liveBytes: 2 ** 28 }]]),
    ),
    { message: /^it would have 268435\d+ octets, and 268435456 are the most$/ },
  )
  t.same(readdirSync(folder), ['names'])
})

void t.test('what processes have left that ended while they wrote is removed, and nothing else', async t => {
  const old = 'names.0123456789ab.tmp'
  const others = ['names', 'names.ba9876543210.tmp', 'names.0123456789ab.tmp.x', 'other.0123456789ab.tmp', 'names.tmp']
  const folder = t.testdir(Object.fromEntries([old, ...others].map(name => [name, ''])))
  for (const name of [old, ...others.filter(name => name !== 'names.ba9876543210.tmp')])
    utimesSync(join(folder, name), 0, 0)
  await removeLeftovers(join(folder, 'names'))
  t.same(readdirSync(folder).sort(), others.sort())
})

void t.test('others have their turn while it is written', async t => {
  const file = join(t.testdir({}), 'names')
  const image = freeze(makeImage(40_000))
  const portions = packImage(image).reduce((count, { length }) => count + (length > 0 ? 1 : 0), 0)
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  turn()
  await writeSnapshot(file, KEY, WRITTEN_MS, new Map([['cluster', image]]))
  isOver = true
  t.ok(portions > 30)
  t.ok(turns >= portions, `${turns} turns for ${portions} portions`)
})

void t.test('it holds what was there when it was begun, whatever is published meanwhile', async (t: Test) => {
  const file = join(t.testdir({}), 'names')
  const writer = new ZoneWriter([wireName('z.')])
  const publish = (generation: number): void => {
    for (let i = 0; i < 5_000; i++) {
      writer.publish(wireName(`n${i}.z.`), [
        { type: Type.A, ttlSeconds: generation, rdata: [Uint8Array.of(10, 0, 0, 1)] },
      ])
    }
  }
  publish(1)
  const written = writeSnapshot(file, KEY, 0, new Map([['cluster', freeze(new ZoneImage(writer.buffer))]]))
  publish(2)
  await written
  const image = new ZoneImage((await readSnapshot(file, KEY))!.images.get('cluster'))
  for (let i = 0; i < 5_000; i += 100) {
    t.same(readSet(image, wireName(`n${i}.z.`), Type.A), { answer: [`n${i}.z. 1 1 0a000001`], additional: [] })
  }
})
