import { mock } from 'node:test'
import t from 'tap'
import { makeProcess, setUpBlock, start, stop } from './harness.ts'

/** How often the Corefile is looked at within a time. */
async function countPolls(directive: string, ms: number): Promise<number> {
  mock.timers.enable({ apis: ['setInterval'] })
  let polls = 0
  const pollCorefile = (): Promise<void> => {
    polls++
    return Promise.resolve()
  }
  const block = setUpBlock(directive, { ...makeProcess(), pollCorefile })
  await start(block)
  mock.timers.tick(ms)
  const seen = polls
  await stop(block)
  mock.timers.tick(ms)
  mock.timers.reset()
  return polls === seen ? polls : Number.NaN
}

void t.test('the Corefile is looked at in each interval, until the end', async t => {
  t.equal(await countPolls('reload 2s 0', 1_999), 0)
  t.equal(await countPolls('reload 2s 0s', 10_000), 5)
  t.equal(await countPolls('reload 1h 0', 7_200_000), 2)
})

void t.test('by default it is 30 s and half of 15 s more or less', async t => {
  for (let i = 0; i < 20; i++) {
    t.equal(await countPolls('reload', 22_499), 0)
    t.equal(await countPolls('reload', 37_500), 1)
  }
})

void t.test('the jitter is half of the interval at most', async t => {
  for (let i = 0; i < 20; i++) {
    t.equal(await countPolls('reload 10s 1h', 7_499), 0)
    t.equal(await countPolls('reload 10s 1h', 12_500), 1)
  }
})

const mistakes: [directives: string, message: RegExp][] = [
  ['reload 1s', /^Corefile:2:8: bad value '1s'; expected a duration .* from 2s to/],
  ['reload often', /^Corefile:2:8: bad value 'often'/],
  ['reload 2s 500ms', /^Corefile:2:11: jitter of 500ms; expected 0 or at least 1s/],
  ['reload 2s -1s', /^Corefile:2:11: bad value '-1s'/],
  ['reload 2s 1s 1s', /^Corefile:2:14: '1s' is one argument too many/],
  ['reload {\n now\n}', /^Corefile:3:2: reload has no properties/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
