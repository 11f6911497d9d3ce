import fc from 'fast-check'
import t from 'tap'
import { SYSTEM_CLOCK } from '../../src/watch/clock.ts'
import { connectEndpoint } from '../../src/watch/endpoint.ts'
import { Reflector } from '../../src/watch/reflector.ts'
import { SERVICES } from '../../src/watch/resource.ts'
import type { SlimService } from '../../src/watch/slim.ts'
import { type Sink, Store } from '../../src/watch/store.ts'
import { Breakage, HistoryServer } from './history.ts'
import { RecordingLog } from './scripted.ts'

/** Real time, but no backoff is longer than nothing. */
const EAGER_CLOCK = { ...SYSTEM_CLOCK, random: () => 0 }

type Step = { put: string } | { delete: string } | { break: Breakage } | { turns: number }

const KEYS = ['a/1', 'a/2', 'b/1', 'b/2', 'c/1', 'c/2', 'c/3']
const key = fc.constantFrom(...KEYS)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: key.map(key => ({ put: key })) },
  { weight: 3, arbitrary: key.map(key => ({ delete: key })) },
  { weight: 3, arbitrary: fc.constantFrom(...Object.values(Breakage)).map(how => ({ break: how })) },
  { weight: 2, arbitrary: fc.constantFrom(Breakage.EXPIRE, Breakage.TRUNCATE).map(how => ({ break: how })) },
  { weight: 4, arbitrary: fc.nat(300).map(turns => ({ turns })) },
)

/** Believes what it is told, and says when that cannot be true. */
class Mirror implements Sink<SlimService> {
  readonly objects = new Map<string, SlimService>()
  readonly faults: string[] = []
  lists = 0
  /** Of what was told, by what it was. */
  readonly counts = { added: 0, updated: 0, deleted: 0 }

  changed(before: SlimService | undefined, after: SlimService | undefined): void {
    const key = (after ?? before)?.key ?? ''
    if (this.objects.get(key) !== before) this.faults.push(`${key}: told from a state that was never told`)
    if (before !== undefined && after !== undefined) {
      if (before.uid !== after.uid) this.faults.push(`${key}: made anew, but told as an update`)
      if (Number(after.resourceVersion) <= Number(before.resourceVersion)) this.faults.push(`${key}: goes back in time`)
    }
    this.counts[before === undefined ? 'added' : after === undefined ? 'deleted' : 'updated']++
    if (after === undefined) this.objects.delete(key)
    else this.objects.set(key, after)
  }

  listed(): void {
    this.lists++
  }
}

async function turn(turns: number): Promise<void> {
  for (let at = 0; at < turns; at++) await new Promise(setImmediate)
}

async function play(
  turnsBefore: number,
  steps: readonly Step[],
  streamsLists: boolean,
  pageSize: number,
  initial: readonly string[],
): Promise<Mirror> {
  const server = new HistoryServer(streamsLists, pageSize)
  for (const key of initial) server.put(key)
  const connection = await connectEndpoint({ endpoint: await server.listen() })
  const mirror = new Mirror()
  const reflector = new Reflector({
    connection,
    resource: SERVICES,
    keeper: new Store(mirror),
    log: new RecordingLog(),
    clock: EAGER_CLOCK,
  })
  reflector.start()
  await turn(turnsBefore)
  for (const step of steps) {
    if ('put' in step) server.put(step.put)
    else if ('delete' in step) server.delete(step.delete)
    else if ('break' in step) server.break(step.break)
    else await turn(step.turns)
  }
  server.heal()
  // The last event tells when all before it must have arrived.
  server.put('end/of')
  while (Number(reflector.status.resourceVersion) < server.version) await turn(1)
  await reflector.stop()
  const held = new Map([...reflector.values()].map(object => [object.key, `${object.uid}@${object.resourceVersion}`]))
  for (const [key, { uid, resourceVersion }] of server.objects) {
    if (held.get(key) !== `${uid}@${resourceVersion}`)
      mirror.faults.push(`${key}: held ${held.get(key)}, where ${uid}@${resourceVersion} is`)
  }
  if (held.size !== server.objects.size) mirror.faults.push(`${held.size} held of ${server.objects.size}`)
  for (const object of reflector.values())
    if (mirror.objects.get(object.key) !== object) mirror.faults.push(`${object.key}: held, not told`)
  if (mirror.objects.size !== held.size) mirror.faults.push('told and not held')
  await connection.close()
  await server.close()
  return mirror
}

void t.test(
  'whatever breaks on the way, the end is exactly the state of the server, told in an order that can be',
  async t => {
    const total = { added: 0, updated: 0, deleted: 0, lists: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 20, 500),
        fc.array(step, { minLength: 20, maxLength: 80 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.subarray(KEYS),
        async (turnsBefore, steps, streamsLists, pageSize, initial) => {
          const mirror = await play(turnsBefore, steps, streamsLists, pageSize, initial)
          total.added += mirror.counts.added
          total.updated += mirror.counts.updated
          total.deleted += mirror.counts.deleted
          total.lists += mirror.lists
          if (mirror.faults.length > 0) throw new Error(mirror.faults.join('\n'))
        },
      ),
      { numRuns: 100 },
    )
    t.ok(
      total.lists > 150 && total.updated > 0 && total.deleted > 0,
      `histories with relists: ${JSON.stringify(total)}`,
    )
  },
)
