import fc from 'fast-check'
import t from 'tap'
import { Timed, Wheel } from '../../src/upstream/wheel.ts'

class Entry extends Timed {
  expiredMs = 0
  readonly #onExpire: () => void

  constructor(onExpire: () => void) {
    super()
    this.#onExpire = onExpire
  }

  override expire(): void {
    this.expiredMs = performance.now()
    this.#onExpire()
  }
}

void t.test('every entry expires once, none early, and then nothing runs', async t => {
  const wheel = new Wheel()
  const addedMs = performance.now()
  const delays = [0, 10, 60, 60, 120]
  let count = 0
  const entries: Entry[] = []
  await new Promise<void>(resolve => {
    for (const delay of delays) {
      const entry = new Entry(() => ++count === delays.length && resolve())
      entries.push(entry)
      wheel.add(entry, delay)
    }
    t.equal(wheel.count, delays.length)
  })
  for (const [i, { expiredMs }] of entries.entries()) t.ok(expiredMs - addedMs >= delays[i])
  t.equal(wheel.count, 0)
})

void t.test('an entry that is removed does not expire; one that is added again waits once', async t => {
  const wheel = new Wheel()
  const removed = new Entry(() => t.fail('removed'))
  wheel.add(removed, 10)
  let count = 0
  await new Promise<void>(resolve => {
    const again = new Entry(() => count++)
    wheel.add(again, 10)
    wheel.add(again, 20)
    wheel.add(new Entry(resolve), 150)
    wheel.remove(removed)
    wheel.remove(removed)
    t.equal(wheel.count, 2)
  })
  t.equal(count, 1)
})

void t.test('what expires may add and remove others', async t => {
  const wheel = new Wheel()
  await new Promise<void>(resolve => {
    const victim = new Entry(() => t.fail('removed'))
    let rounds = 0
    const first: Entry = new Entry(() => {
      wheel.remove(victim)
      if (++rounds < 3) wheel.add(first, 0)
      else resolve()
    })
    wheel.add(victim, 300)
    wheel.add(first, 0)
  })
  t.equal(wheel.count, 0)
})

void t.test('the count is that of the entries, whatever is added and removed', async () => {
  const commands = fc.array(fc.tuple(fc.boolean(), fc.nat(9), fc.nat(10_000)))
  fc.assert(
    fc.property(commands, list => {
      const wheel = new Wheel()
      const entries = Array.from({ length: 10 }, () => new Entry(() => {}))
      const inside = new Set<Entry>()
      for (const [isAdded, i, delay] of list) {
        if (isAdded) wheel.add(entries[i], delay)
        else wheel.remove(entries[i])
        inside[isAdded ? 'add' : 'delete'](entries[i])
        if (wheel.count !== inside.size) return false
      }
      for (const entry of entries) wheel.remove(entry)
      return wheel.count === 0
    }),
  )
})
