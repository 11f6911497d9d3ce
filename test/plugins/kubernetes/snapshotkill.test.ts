// Processes that are killed while they write.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readSnapshot } from '../../../src/plugins/kubernetes/snapshotfile.ts'
import { Type } from '../../../src/wire/constants.ts'
import { ZoneImage, NO_BLOCK, NO_ENTRY } from '../../../src/zones/image.ts'
import { Command } from '../../cli/command.ts'
import { wireName } from '../../zones/reference.ts'
import { IMAGES, namesOf } from './snapshotwriter.ts'

const WRITER = fileURLToPath(new URL('./snapshotwriter.ts', import.meta.url))
const KILLS = 20
/** More than it takes to write one. */
const LONGEST_MS = 40
const TTL_AT = 6

void t.test(
  'wherever a process is killed, the file is a whole one, and no older than the last that was written',
  async t => {
    const folder = t.testdir({})
    const file = join(folder, 'names')
    for (let kill = 0; kill < KILLS; kill++) {
      const first = 1 + kill * 1_000
      const writer = new Command(t, [WRITER, file, String(first)])
      await writer.seen(/written/)
      await delay(Math.random() * LONGEST_MS)
      writer.child.kill('SIGKILL')
      t.equal((await writer.ended).signal, 'SIGKILL')
      const snapshot = await readSnapshot(file, 'key')
      const generation = snapshot?.writtenMs ?? 0
      t.ok(generation >= first, `generation ${generation} of ${first} and on`)
      const image = new ZoneImage(snapshot?.images.get('cluster'))
      t.equal(image.serial, generation)
      const names = namesOf(generation % IMAGES)
      t.equal(image.names, names + 1)
      const wrong = Array.from({ length: names }, (_, i) => i).filter(
        i => ttlOf(image, `n${i}.z.`) !== generation % IMAGES,
      )
      t.same(wrong, [], 'all names are of one image')
    }
    const left = readdirSync(folder).length - 1
    t.ok(left > 0, `${left} of ${KILLS} were killed while they wrote`)
  },
)

function ttlOf(image: ZoneImage, text: string): number | undefined {
  const name = wireName(text)
  const block = image.lookup(name, 0, name.length)
  if (block === NO_BLOCK) return undefined
  const entry = image.entry(block, Type.A)
  return entry === NO_ENTRY ? undefined : image.bytes.readUInt32BE(image.offset(block, entry) + TTL_AT)
}
