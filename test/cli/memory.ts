// Fills the young generation with what lives on, then gives back; prints what that did. A process of its own: flags of V8 hold for all of it.

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import v8 from 'node:v8'
import { keepHeapSmall, Memory, RELEASE_AFTER_MS } from '../../src/cli/memory.ts'

keepHeapSmall()
const memory = new Memory()
await memory.load()
let held: unknown[] = []
for (let i = 0; i < 400_000; i++) held.push({ i, text: `object ${i}` })
const youngBytes = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!.space_size
held = []

const read = (field: string): number =>
  Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1])
const measure = (): object => {
  const anonymousKib = read('Anonymous')
  return { anonymousKib, fileKib: read('Rss') - anonymousKib }
}

const before = measure()
memory.relieve(false)
// Behind what was asked for before this.
await delay(RELEASE_AFTER_MS)
process.stdout.write(JSON.stringify({ youngBytes, before, after: measure() }))
