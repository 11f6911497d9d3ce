import fc from 'fast-check'
import t from 'tap'
import { Type } from '../../src/wire/constants.ts'
import { parseName } from '../../src/wire/name.ts'
import { Query } from '../../src/wire/query.ts'
import { Reply } from '../../src/wire/reply.ts'
import { ZoneCopy } from '../../src/zones/copy.ts'
import { ZoneImage } from '../../src/zones/image.ts'
import { ZoneWriter } from '../../src/zones/writer.ts'
import { buildQuery, decode } from '../server/message.ts'

const ZONE = parseName('z.')!
/** Ends in the same octets as ZONE, and is none of its names. */
const OTHER = parseName('\\001z.')!

function open(): { writer: ZoneWriter; image: ZoneImage } {
  const image = new ZoneImage()
  const writer = new ZoneWriter([ZONE, OTHER], buffer => image.attach(buffer))
  image.attach(writer.buffer)
  return { writer, image }
}

const address = (n: number): { type: number; ttlSeconds: number; rdata: Uint8Array[] } => ({
  type: Type.A,
  ttlSeconds: 5,
  rdata: [Uint8Array.of(10, 0, n >> 8, n & 255)],
})

/** Owner and address of every record, in messages of `size` octets. */
function read(copy: ZoneCopy, size: number): string[] {
  const message = buildQuery({ name: 'Z.', type: 252 })
  const query = new Query()
  query.transport = 1
  query.parse(message, 0, message.length)
  const reply = new Reply(Buffer.alloc(size))
  const found: string[] = []
  for (let isDone = false; !isDone; ) {
    reply.begin(query)
    isDone = copy.write(reply)
    const { answers } = decode(Buffer.from(reply.bytes.subarray(0, reply.finish(query, 0))))
    found.push(...answers.map(({ owner, rdata }) => `${owner} ${rdata.join('.')}`))
  }
  return found.sort()
}

const names = fc.uniqueArray(fc.stringMatching(/^([a-c]{1,3}\.){1,3}$/), { maxLength: 60 })

void t.test(
  'a copy has every record of its zone once, in messages of any size, as it was when it was made',
  async t => {
    fc.assert(
      fc.property(names, names, fc.integer({ min: 80, max: 2_000 }), (before, after, size) => {
        const { writer, image } = open()
        for (const [i, name] of before.entries()) writer.publish(parseName(`${name}z.`)!, [address(i)])
        for (const name of after) writer.publish(parseName(`${name}\\001z.`)!, [address(9)])
        const copy = new ZoneCopy(image.freeze()!, ZONE, 1)
        for (const [i, name] of after.entries()) writer.publish(parseName(`${name}z.`)!, [address(1000 + i)])
        for (const name of before) writer.withdraw(parseName(`${name}z.`)!)
        const expected = before.map((name, i) => `${name}z. 10.0.${i >> 8}.${i & 255}`).sort()
        t.same(read(copy, size), expected)
      }),
      { numRuns: 60 },
    )
  },
)

void t.test('no copy is made of half a change, in a new image either', async t => {
  const { writer, image } = open()
  writer.change(() => {
    const { buffer } = writer
    for (let i = 0; writer.buffer === buffer; i++) {
      writer.publish(parseName(`n${i}.z.`)!, [address(i)])
      t.equal(image.freeze(), undefined)
    }
  })
  t.ok(image.freeze())
  t.throws(() =>
    writer.change(() => {
      throw new Error('half')
    }),
  )
  t.ok(image.freeze(), 'what has failed is over')
})
