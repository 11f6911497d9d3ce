// A process that does nothing but write snapshots into one file, each of another generation, until it is killed. Says so after the first.

import { writeSnapshot } from '../../../src/plugins/kubernetes/snapshotfile.ts'
import { Type } from '../../../src/wire/constants.ts'
import { ZoneImage } from '../../../src/zones/image.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'
import { wireName } from '../../zones/reference.ts'

/** How many images there are; a generation is written with that of its number, which is the TTL of all its records. */
export const IMAGES = 8
export const namesOf = (image: number): number => 500 + image * 400

const [file, first] = process.argv.slice(2)
if (process.argv[1] === import.meta.filename && file !== undefined) {
  const images = Array.from({ length: IMAGES }, (_, image) => {
    const writer = new ZoneWriter([wireName('z.')])
    for (let i = 0; i < namesOf(image); i++) {
      const rdata = [Uint8Array.of(10, 0, i >> 8, i & 255)]
      writer.publish(wireName(`n${i}.z.`), [{ type: Type.A, ttlSeconds: image, rdata }])
    }
    return new ZoneImage(writer.buffer).freeze()!
  })
  for (let generation = Number(first); ; generation++) {
    const image = { ...images[generation % IMAGES], serial: generation }
    await writeSnapshot(file, 'key', generation, new Map([['cluster', image]]))
    if (generation === Number(first)) process.stdout.write('written\n')
  }
}
