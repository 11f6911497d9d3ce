import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { Archive } from '../../../src/plugins/kubernetes/archive.ts'
import { parseName } from '../../../src/wire/name.ts'
import { History } from '../../../src/zones/history.ts'
import type { HistoryMemory } from '../../../src/zones/journal.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'

class Follower extends EventEmitter {
  readonly serials: number[] = []
  moves = 0

  async onHistory(memory: HistoryMemory): Promise<void> {
    this.serials.push(new History(memory).serial)
  }

  onMove(): void {
    this.moves++
    this.emit('move')
  }
}

const open = (): { writer: ZoneWriter; archive: Archive; publish: () => void } => {
  const writer = new ZoneWriter([parseName('z.')!])
  let count = 0
  return {
    writer,
    archive: new Archive(writer),
    publish: () => writer.change(() => void writer.publish(parseName(`n${count++}.z.`)!, [])),
  }
}

void t.test('a history begins when all is published, or with the first that follows it then', async t => {
  const { writer, archive, publish } = open()
  const [first, second] = [new Follower(), new Follower()]
  const unfollow = archive.follow(first)
  publish()
  t.same(first.serials, [])
  writer.markComplete()
  t.same(first.serials, [writer.serial])
  await once(first, 'move')
  const unfollowToo = archive.follow(second)
  t.same([first.serials.length, second.serials], [1, [writer.serial]])
  unfollow()
  unfollowToo()
  await archive.handedOver
  t.equal(first.moves, 1)
  const late = new Follower()
  archive.follow(late)
  t.same(late.serials, [writer.serial])
})

void t.test('what has a serial from before the start has no history until it has moved', async t => {
  const { writer, archive, publish } = open()
  const follower = new Follower()
  archive.follow(follower)
  // Further than the clock, so that it does not move at once.
  const before = Math.floor(Date.now() / 1000) + 100
  writer.resumeSerial(before)
  publish()
  writer.markComplete()
  t.same(follower.serials, [])
  // The writer's timer holds no process.
  const alive = setInterval(() => {}, 1000)
  await once(follower, 'move')
  clearInterval(alive)
  t.same(follower.serials, [before + 1])
})
