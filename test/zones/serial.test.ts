import { mock } from 'node:test'
import t from 'tap'
import { SerialClock } from '../../src/zones/serial.ts'

const START_MS = Date.UTC(2026, 0, 1) + 250
const START = Math.floor(START_MS / 1000)

/** Changes, in ms from the start, and the serials that follow, in seconds from the start, each with its time. */
const HISTORIES: readonly { changes: number[]; serials: [atMs: number, serial: number][] }[] = [
  { changes: [0], serials: [[0, 0]] },
  {
    changes: [0, 100, 200],
    serials: [
      [0, 0],
      [751, 1],
    ],
  },
  {
    changes: [0, 800, 5_000],
    serials: [
      [0, 0],
      [800, 1],
      [5_000, 5],
    ],
  },
  {
    changes: [0, 100, 760, 770],
    serials: [
      [0, 0],
      [751, 1],
      [1_751, 2],
    ],
  },
  // The clock is set back by an hour.
  {
    changes: [0, -3_600_000, -3_599_999],
    serials: [
      [0, 0],
      [-3_599_249, 1],
    ],
  },
]

/** Each timer sees the time that it was set for. */
function pass(ms: number): void {
  for (let i = 0; i < ms; i++) mock.timers.tick(1)
}

for (const { changes, serials } of HISTORIES) {
  void t.test(
    `changes at ${changes.join(', ')} ms move the serial at ${serials.map(([ms]) => ms).join(', ')} ms`,
    async t => {
      mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START_MS })
      t.teardown(() => mock.timers.reset())
      const found: [number, number][] = []
      const clock = new SerialClock(serial => found.push([Date.now() - START_MS, serial - START]))
      for (const atMs of changes) {
        const leftMs = START_MS + atMs - Date.now()
        if (leftMs < 0) mock.timers.setTime(START_MS + atMs)
        else pass(leftMs)
        clock.tick()
      }
      pass(3_000)
      t.same(found, serials)
    },
  )
}

void t.test('from a serial that was given out before, it goes on, however far ahead that is', async t => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START_MS })
  t.teardown(() => mock.timers.reset())
  const found: number[] = []
  const clock = new SerialClock(serial => found.push(serial - START))
  clock.resume(START + 100)
  clock.tick()
  pass(1_000)
  t.same(found, [101])
})
