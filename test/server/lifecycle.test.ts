import t from 'tap'
import type { ControlPhases, Instance } from '../../src/server/plugin.ts'
import { Lifecycle } from '../../src/server/lifecycle.ts'
import { makeProcess } from '../plugins/harness.ts'
import { recorder, silent } from './handlers.ts'

function build(instances: Record<string, Instance>, log = silent): Lifecycle {
  return new Lifecycle(
    Object.entries(instances).map(([name, instance]) => ({ name, instance })),
    log,
    makeProcess(),
  )
}

const noting = (name: string, events: string[]): Instance => ({ control: () => note(name, events) })

const note = (name: string, events: string[]): ControlPhases => ({
  async start() {
    events.push(`${name} starts`)
    await new Promise(setImmediate)
    events.push(`${name} has started`)
  },
  activate() {
    events.push(`${name} is active`)
  },
  async lameduck() {
    events.push(`${name} is lame`)
    await new Promise(setImmediate)
    events.push(`${name} was lame`)
  },
  stop() {
    events.push(`${name} stops`)
    return Promise.resolve()
  },
})

void t.test('plugins start one by one, and stop together', async t => {
  const events: string[] = []
  const lifecycle = build({ a: noting('a', events), plain: {}, b: noting('b', events) })
  await lifecycle.start()
  t.same(events.splice(0), ['a starts', 'a has started', 'b starts', 'b has started'])
  lifecycle.activate()
  t.same(events.splice(0), ['a is active', 'b is active'])
  await lifecycle.lameduck()
  t.same(events.splice(0), ['a is lame', 'b is lame', 'a was lame', 'b was lame'])
  const stopped = lifecycle.stop()
  t.equal(lifecycle.stop(), stopped)
  await stopped
  await lifecycle.lameduck()
  t.same(events, ['a stops', 'b stops'])
})

void t.test(
  'what plugins wait for is waited for when all have started, and what else there is to do comes before',
  async t => {
    const events: string[] = []
    const waiting = (name: string): Instance => ({
      control: () => ({ ...note(name, events), settle: async () => void events.push(`${name} has settled`) }),
    })
    const lifecycle = build({ a: waiting('a'), b: noting('b', events), c: waiting('c') })
    await lifecycle.start(async () => void events.push('meanwhile'))
    t.same(events, [
      ...['a', 'b', 'c'].flatMap(name => [`${name} starts`, `${name} has started`]),
      'meanwhile',
      'a has settled',
      'c has settled',
    ])
  },
)

void t.test('nothing is done meanwhile where none waits', async t => {
  const events: string[] = []
  await build({ a: noting('a', events) }).start(async () => void events.push('meanwhile'))
  t.same(events, ['a starts', 'a has started'])
})

void t.test('a plugin that waits in vain ends the start, and a stop ends the waiting', async t => {
  const events: string[] = []
  const broken: Instance = { control: () => ({ settle: () => Promise.reject(new Error('no answer')) }) }
  await t.rejects(build({ a: noting('a', events), broken, b: noting('b', events) }).start(), { message: 'no answer' })
  t.same(events.splice(0).slice(-2), ['a stops', 'b stops'])
  const settle = (): Promise<void> => {
    void lifecycle.stop()
    return Promise.resolve()
  }
  const stopped: Instance = { control: () => ({ settle }) }
  const never: Instance = { control: () => ({ settle: () => Promise.reject(new Error('still waited for')) }) }
  const lifecycle = build({ a: noting('a', events), stopped, never })
  await lifecycle.start()
  t.same(events.slice(-1), ['a stops'])
})

void t.test('a plugin that cannot start ends the start; those before it are stopped', async t => {
  const events: string[] = []
  const broken: Instance = { start: () => Promise.reject(new Error('no API')) }
  const lifecycle = build({ a: noting('a', events), broken, b: noting('b', events) })
  await t.rejects(lifecycle.start(), { message: 'no API' })
  t.same(events, ['a starts', 'a has started', 'a stops'])
})

void t.test('what fails at the end is logged and holds up nothing', async t => {
  const events: string[] = []
  const { log, lines } = recorder()
  const failing: ControlPhases = {
    activate() {
      throw new Error('idle')
    },
    lameduck: () => Promise.reject(new Error('lame')),
    stop: () => {
      throw new Error('stuck')
    },
  }
  const lifecycle = build({ broken: { control: () => failing }, a: noting('a', events) }, log)
  await lifecycle.start()
  events.length = 0
  lifecycle.activate()
  await lifecycle.lameduck()
  await lifecycle.stop()
  t.same(events, ['a is active', 'a is lame', 'a was lame', 'a stops'])
  t.same(
    lines.map(({ msg }) => msg),
    ['plugin broken: activate failed', 'plugin broken: lameduck failed', 'plugin broken: stop failed'],
  )
})

void t.test('a stop during the start: what comes after does not start', async t => {
  const events: string[] = []
  const a: Instance = note('a', events)
  const lifecycle = build({ a, b: noting('b', events) })
  const started = lifecycle.start()
  await lifecycle.stop()
  await started
  t.notOk(events.includes('b starts'))
  t.ok(events.includes('a stops'))
})

void t.test('what the process has once is left out of threads that only answer', async t => {
  const events: string[] = []
  const both: Instance = { ...noting('process', events), ...note('thread', events) }
  const thread = new Lifecycle([{ name: 'both', instance: both }], silent)
  await thread.start()
  t.same(events.splice(0), ['thread starts', 'thread has started'])
  const process = new Lifecycle([{ name: 'both', instance: both }], silent, makeProcess())
  await process.start()
  t.same(events, ['thread starts', 'thread has started', 'process starts', 'process has started'])
})
