import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { decode, LineSplitter } from '../../src/watch/line.ts'

/** `bytes` in chunks that end at the given places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set([...places.map(place => place % (bytes.length + 1)), bytes.length])].sort(
    (one, other) => one - other,
  )
  return ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end))
}

void t.test('lines are the same wherever the stream is cut, through characters too', async () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => !text.includes('\n') && text.isWellFormed())
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, places) => {
      const splitter = new LineSplitter()
      const taken: string[] = []
      const bytes = Buffer.from(lines.map(text => `${text}\n`).join(''))
      for (const chunk of cutAt(bytes, places)) {
        splitter.push(chunk, line => taken.push(decode(line)))
        chunk.fill(0)
      }
      return JSON.stringify(taken) === JSON.stringify(lines) && splitter.pendingBytes === 0
    }),
  )
})

void t.test('what has no end yet is pending, and empty lines are nothing', async t => {
  const splitter = new LineSplitter()
  const taken: string[] = []
  splitter.push(Buffer.from('\n\none\nhal'), line => taken.push(decode(line)))
  t.strictSame(taken, ['one'])
  t.equal(splitter.pendingBytes, 3)
  splitter.push(Buffer.from('f\n'), line => taken.push(decode(line)))
  t.strictSame(taken, ['one', 'half'])
  t.equal(splitter.pendingBytes, 0)
})

void t.test('a line that is too long is refused before it is whole, and its bytes are let go', async t => {
  const splitter = new LineSplitter(10)
  splitter.push(Buffer.from('0123456789'), refuseAny)
  t.throws(() => splitter.push(Buffer.from('0'), refuseAny), {
    name: 'RangeError',
    message: /11 bytes or more, where 10 is the most/,
  })
  t.equal(splitter.pendingBytes, 0)
  t.throws(() => new LineSplitter(3).push(Buffer.from('four\n'), refuseAny), { name: 'RangeError' })
})

function refuseAny(bytes: Uint8Array): never {
  throw new Error(`taken: ${decode(bytes)}`)
}
