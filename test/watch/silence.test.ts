import t from 'tap'
import { SilenceTimer } from '../../src/watch/silence.ts'
import { ManualClock } from './scripted.ts'

void t.test('it rings once, when nothing was heard for the whole time', async t => {
  const clock = new ManualClock()
  const rings: number[] = []
  const silence = new SilenceTimer(clock, 70, limitMs => rings.push(limitMs))
  clock.advance(69)
  silence.hear(70)
  clock.advance(69)
  t.strictSame(rings, [])
  clock.advance(1)
  t.strictSame(rings, [70])
  clock.advance(1000)
  t.strictSame(rings, [70])
})

void t.test('a limit can become shorter and longer', async t => {
  const clock = new ManualClock()
  const rings: number[] = []
  const silence = new SilenceTimer(clock, 70, limitMs => rings.push(limitMs))
  silence.hear(10)
  clock.advance(9)
  silence.hear(70)
  clock.advance(69)
  t.strictSame(rings, [])
  silence.hear(10)
  clock.advance(10)
  t.strictSame(rings, [10])
})

void t.test('hearing sets no timers, and none is left when it is stopped', async t => {
  const clock = new ManualClock()
  const silence = new SilenceTimer(clock, 70, () => t.fail())
  for (let at = 0; at < 1000; at++) silence.hear(70)
  t.equal(clock.delays.length, 1)
  silence.stop()
  t.strictSame(clock.delays, [])
})
