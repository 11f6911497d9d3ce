import t from 'tap'
import { Exposure } from '../../../src/plugins/kubernetes/exposure.ts'

const image = (): SharedArrayBuffer => new SharedArrayBuffer(4)

void t.test('who follows is told where the image is, and again when the writer has moved it', async t => {
  const writer = { buffer: image() }
  const exposure = new Exposure(writer)
  const seen: SharedArrayBuffer[] = []
  const unfollow = exposure.follow(async buffer => void seen.push(buffer))
  const first = writer.buffer
  writer.buffer = image()
  exposure.move()
  t.equal(exposure.isFollowed, true)
  unfollow()
  t.equal(exposure.isFollowed, false)
  exposure.move()
  t.equal(seen.length, 2)
  t.equal(seen[0], first)
  t.equal(seen[1], writer.buffer)
})

void t.test('an image that stands in is shown until the writer has its own', async t => {
  const writer = { buffer: image() }
  const standIn = image()
  const exposure = new Exposure(writer)
  let shown: SharedArrayBuffer | undefined
  exposure.follow(async buffer => {
    shown = buffer
  })
  exposure.standIn(standIn)
  t.equal(shown, standIn)
  writer.buffer = image()
  exposure.move()
  t.equal(shown, standIn)
  let late: SharedArrayBuffer | undefined
  exposure.follow(async buffer => {
    late = buffer
  })
  t.equal(late, standIn)
  exposure.reveal()
  t.equal(shown, writer.buffer)
  t.equal(late, writer.buffer)
})

void t.test('it is handed over when all that follow have it', async t => {
  const exposure = new Exposure({ buffer: image() }, image())
  const gate = Promise.withResolvers<void>()
  exposure.follow(() => gate.promise)
  exposure.reveal()
  const order: string[] = []
  const over = exposure.handedOver.then(() => order.push('handed over'))
  await new Promise(setImmediate)
  order.push('taken')
  gate.resolve()
  await over
  t.same(order, ['taken', 'handed over'])
})
