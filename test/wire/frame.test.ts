import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { FrameReader } from '../../src/wire/frame.ts'

const frame = (message: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message])

const messages = fc.array(fc.uint8Array({ maxLength: 1_500 }), { maxLength: 12 })

/** Cuts `bytes` at `cuts`, in any order, some equal. */
function cutAt(bytes: Buffer, cuts: number[]): Buffer[] {
  const at = [0, ...cuts.map(cut => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

void t.test('messages come out whole, wherever the stream is cut', async t => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(20_000), { maxLength: 30 }), (sent, cuts) => {
      const reader = new FrameReader()
      const received: Uint8Array[] = []
      for (const chunk of cutAt(Buffer.concat(sent.map(frame)), cuts)) {
        // The transport may use its buffer again.
        const reused = Buffer.from(chunk)
        reader.push(reused, (bytes, start, end) => {
          received.push(Uint8Array.from(bytes.subarray(start, end)))
          return undefined
        })
        reused.fill(0xaa)
      }
      assert.deepEqual(received, sent)
      assert.equal(reader.isMidway, false)
    }),
  )
  t.pass('all of them')
})

void t.test('a halt keeps the messages after it for later', async t => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(20_000), { maxLength: 8 }), fc.array(fc.boolean()), (sent, cuts, halts) => {
      const reader = new FrameReader()
      const received: Uint8Array[] = []
      let isHalted = false
      const take = (bytes: Buffer, start: number, end: number): boolean => {
        assert.equal(isHalted, false)
        received.push(Uint8Array.from(bytes.subarray(start, end)))
        isHalted = halts[received.length] ?? false
        return !isHalted
      }
      for (const chunk of cutAt(Buffer.concat(sent.map(frame)), cuts)) {
        reader.push(Buffer.from(chunk), take)
        while (isHalted) {
          isHalted = false
          reader.push(Buffer.alloc(0), take)
        }
      }
      assert.deepEqual(received, sent)
    }),
  )
  t.pass('all of them')
})

void t.test('octet by octet', async t => {
  const reader = new FrameReader()
  const received: number[] = []
  const bytes = Buffer.concat([frame(new Uint8Array(65_535).fill(1)), frame(Uint8Array.of(7))])
  for (const octet of bytes) {
    reader.push(Buffer.from([octet]), (_bytes, start, end) => {
      received.push(end - start)
      return undefined
    })
  }
  t.same(received, [65_535, 1])
})

void t.test('what is incomplete is midway, and is not handed out', async t => {
  const reader = new FrameReader()
  t.equal(reader.isMidway, false)
  reader.push(Buffer.from([0]), () => t.fail('half a length'))
  t.equal(reader.isMidway, true)
  reader.push(Buffer.from([2, 1]), () => t.fail('half a message'))
  t.equal(reader.isMidway, true)
  let count = 0
  reader.push(Buffer.from([1]), () => {
    count++
    return undefined
  })
  t.equal(count, 1)
  t.equal(reader.isMidway, false)
})
