// Plays a history of a small cluster whose API fails in every way that it can, while its zone is asked.

import { FakeApi } from '../../../src/fakeapi/fakeapi.ts'
import type { Hold } from '../../../src/fakeapi/faults.ts'
import { type ApiObject, ApiError } from '../../../src/fakeapi/object.ts'
import type { Backup } from '../../../src/fakeapi/store.ts'
import { openWatches } from '../../../src/plugins/kubernetes/source.ts'
import { connectEndpoint } from '../../../src/watch/endpoint.ts'
import { ManualClock, RecordingLog } from '../../watch/scripted.ts'
import { openApi } from '../../site/running.ts'
import { clusterIP, externalName, namespace, pod, service, slice } from './objects.ts'
import { Past, Subject, Zone } from './possible.ts'
import {
  ADDRESSES,
  type History,
  NAMESPACES,
  RESOURCE_OF,
  type Removal,
  type Resource,
  type Step,
  type Write,
} from './steps.ts'

/** What was seen on the way, to know that something was. */
export interface Seen {
  relists: number
  losses: number
  publications: number
}

const turn = async (turns: number): Promise<void> => {
  for (let at = 0; at < turns; at++) await new Promise(setImmediate)
}

/** Whoever has not heard everything after this many seconds, of the clock that the watches have, never will. */
const PATIENCE_SECONDS = 1_000
const TURNS_A_SECOND = 20
/** Of a backoff, and what opening a watch takes. */
const LONGEST_WAIT_SECONDS = 60

class Player {
  readonly api: FakeApi = openApi({ controllers: false })
  readonly clock = new ManualClock()
  readonly log = new RecordingLog()
  readonly past = new Past()
  readonly zone = new Zone(
    () => this.#check(),
    error => void this.faults.push(`it could not be published: ${String(error)}`),
  )
  readonly faults: string[] = []
  publications = 0
  /** Which cluster it is has been heard. */
  isKnown = false
  #subjects: readonly Subject[] = []
  #hold: Hold | undefined
  /** Whose watches had begun before that. */
  #open: ReadonlySet<unknown> = new Set()
  #copy: Backup | undefined
  /** The last ones to be lost were so by a copy, which has the uid of the cluster. */
  #isCopy = false
  /** How often it had been found out that data were lost, when they last were. */
  #lossesBefore = -1
  #number = 0

  constructor() {
    this.#subjects = NAMESPACES.flatMap(namespace => [
      ...['s', 't'].map(name => this.#subjectOf(namespace, name)),
      ...ADDRESSES.map(address => this.#podsAt(namespace, address)),
    ])
  }

  #subjectOf(namespace: string, name: string): Subject {
    const slices = ['1', '2'].map(slice => `EndpointSlice/${namespace}/${slice}`)
    const keys = [`Namespace/${namespace}`, `Service/${namespace}/${name}`, ...slices]
    const owner = `${name}.${namespace}.svc.cluster.local.`
    const names = [
      `${namespace}.svc.cluster.local.`,
      owner,
      `_http._tcp.${owner}`,
      `10-0-0-1.${owner}`,
      `10-0-0-2.${owner}`,
    ]
    return new Subject(this.past, keys, names)
  }

  #podsAt(namespace: string, address: string): Subject {
    const keys = [`Namespace/${namespace}`, `Pod/${namespace}/p`, `Pod/${namespace}/q`]
    return new Subject(this.past, keys, [`${address.replaceAll('.', '-')}.${namespace}.pod.cluster.local.`])
  }

  #check(): void {
    this.publications++
    for (const subject of this.#subjects) {
      const fault = subject.check(this.zone)
      if (fault !== undefined) this.faults.push(fault)
    }
  }

  get losses(): number {
    return this.log.lines.filter(line => line.includes('lost data')).length
  }

  /** Data were lost, and nobody knows yet. */
  get isDoubtful(): boolean {
    return this.#lossesBefore === this.losses
  }

  do(step: Step): void {
    const { faults } = this.api
    if ('write' in step) this.#write(() => void this.api.apply(this.#objectOf(step.write)))
    else if ('remove' in step) this.#write(() => this.#remove(step))
    else if ('anew' in step) this.#write(() => this.#makeAnew(step.anew))
    else if ('break' in step) faults.breakOpenWatches(step.break, step.of === undefined ? {} : { resource: step.of })
    else if ('answer' in step) {
      const { answer, of: resource, count, retryAfterSeconds } = step
      faults.answer(answer, { resource, count, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) })
    } else if ('refuse' in step) faults[step.refuse]({ resource: step.of, count: step.count })
    else if ('versions' in step)
      for (let at = 0; at < step.versions; at++)
        this.#write(() => void this.api.apply(namespace('noise', { number: String(++this.#number) })))
    else if ('hold' in step) {
      this.#holdBack(step.hold)
      if (!('writes' in step)) return
      for (const write of step.writes) this.do({ write })
      this.#release(step.release)
    } else if ('release' in step) this.#release(step.release)
    else if ('api' in step) this.#change(step.api)
    else if ('advanceMs' in step) this.clock.advance(step.advanceMs)
  }

  #holdBack(resource: Resource): void {
    if (this.#hold !== undefined) return
    const { faults } = this.api
    this.#hold = faults.hold({ resource })
    this.#open = new Set(faults.openWatches({ resource }).map(({ request }) => request))
  }

  #release(how: 'in order' | 'reversed'): void {
    // The first events of a streaming list have no order, but its end is their end: no server tells that before.
    this.#hold?.release((lines, request) =>
      how === 'reversed' && this.#open.has(request) ? lines.toReversed() : lines,
    )
    this.#hold = undefined
  }

  #change(how: 'compact' | 'bookmark' | 'copy' | 'restore' | 'lose'): void {
    const { api } = this
    if (how === 'compact') api.store.compact()
    else if (how === 'bookmark') api.sendBookmarks()
    else if (how === 'copy') this.#copy = api.store.backup()
    else if (how === 'lose') {
      // Which cluster it was is known as soon as the Namespaces have been heard once.
      if (!this.isKnown) return
      // A copy is of the cluster that was.
      this.#copy = undefined
      this.#isCopy = false
      this.#lossesBefore = this.losses
      api.loseData()
    } else if (this.#copy !== undefined) {
      if (this.#copy.revision < api.store.revision) {
        this.#isCopy = true
        this.#lossesBefore = this.losses
      }
      api.loseData(this.#copy)
    }
    this.past.record(api.store)
  }

  #write(write: () => void): void {
    // When a copy comes past where all were before they ask, they never know (docs/decisions.md).
    if (this.isDoubtful && this.#isCopy) return
    try {
      write()
    } catch (error) {
      // A Namespace that is not there, or what is to be removed.
      if (!(error instanceof ApiError)) throw error
    }
    this.past.record(this.api.store)
  }

  #remove({ remove, namespace, name }: Removal): void {
    const { store } = this.api
    const resource = store.resource(remove)
    if (remove === 'Namespace') store.delete(resource, undefined, namespace)
    else store.delete(resource, namespace, name)
  }

  #makeAnew(write: Write): void {
    this.#remove({ remove: write.put, namespace: write.namespace, name: 'name' in write ? write.name : '' })
    this.past.record(this.api.store)
    this.api.apply(this.#objectOf(write))
  }

  /** Each has a port of its own, so that what is answered tells which it was. */
  #objectOf(write: Write): ApiObject {
    const ports = [{ name: 'http', port: 1_000 + ++this.#number }]
    if (write.put === 'Namespace') return namespace(write.namespace, { number: String(this.#number) })
    const place = { namespace: write.namespace }
    if (write.put === 'Pod') return pod(write.name, write.address, place)
    if (write.put === 'EndpointSlice') return slice(write.of, write.addresses, { ports, name: write.name, ...place })
    if (write.as === 'ExternalName') return externalName(write.name, `n${this.#number}.example`, place)
    if (write.as === 'ClusterIP') return clusterIP(write.name, ['10.96.0.1'], ports, place)
    return service(write.name, { clusterIP: 'None', ports, selector: { app: write.name } }, place)
  }

  /** From here on nothing fails. */
  heal(): void {
    this.#release('in order')
    this.api.faults.clear()
  }

  /** What is written last tells when all before it must have arrived: the version of it, for each resource. */
  finish(): Map<string, number> {
    const end = { namespace: 'end' }
    const last = [
      namespace('end'),
      clusterIP('s', ['10.96.0.9'], undefined, end),
      slice('s', ['10.0.0.9'], end),
      pod('p', '10.0.0.9', end),
    ]
    const versions = last.map(object => Number(this.api.apply(object).metadata.resourceVersion))
    this.past.record(this.api.store)
    return new Map(versions.map((version, i) => [Object.values(RESOURCE_OF)[i], version]))
  }

  /** The zone beside one that is made of what the API has now. */
  compare(): void {
    const made = Zone.of(this.past.objects)
    for (const [text, name] of this.zone.names) {
      const [found, expected] = [this.zone.read(name), made.read(name)]
      if (found !== expected) this.faults.push(`in the end ${text} is\n${found}\nand not\n${expected}`)
    }
    if (this.zone.writer.names !== made.writer.names) this.faults.push('names are left over')
    if (this.zone.writer.liveBytes !== made.writer.liveBytes) this.faults.push('octets are left over')
  }
}

/** Plays the history; the faults that were found, and what was seen. */
export async function play({
  lists,
  isHeard,
  randomness,
  initial,
  steps,
}: History): Promise<{ faults: string[]; seen: Seen }> {
  const player = new Player()
  const { api, clock, log, zone, faults } = player
  clock.randomness = randomness
  if (lists === 'refused') api.faults.refuseInitialEvents()
  if (lists === 'ignored') api.faults.ignoreInitialEvents({ count: 6 })
  for (const name of NAMESPACES) player.do({ write: { put: 'Namespace', namespace: name } })
  for (const write of initial) player.do({ write })
  const connection = await connectEndpoint({ endpoint: await api.listen() })
  const options = {
    labels: undefined,
    namespaceLabels: undefined,
    noEndpoints: false,
    pods: 'verified',
    topology: false,
  } as const
  const publishers = { cluster: zone.publisher, clusterSet: undefined }
  const watches = openWatches(connection, options, publishers, [], { log, brace: () => () => {} }, clock)
  for (const watch of watches.values()) watch.start()
  const pass = async (seconds: number, isOver: () => boolean): Promise<void> => {
    for (let second = 0; second < seconds && !isOver(); second++) {
      await turn(TURNS_A_SECOND)
      if (!isOver()) clock.advance(1_000)
    }
  }
  if (isHeard) await pass(PATIENCE_SECONDS, () => player.publications > 0)
  for (const step of steps) {
    player.isKnown ||= watches.get('namespaces')?.status.synced ?? false
    player.do(step)
    await turn('turns' in step ? step.turns : 1)
  }
  player.heal()
  // If it is not found out by then, nobody was beyond the copy.
  if (player.isDoubtful) await pass(LONGEST_WAIT_SECONDS, () => !player.isDoubtful)
  const last = player.finish()
  const isLate = (): boolean =>
    [...last].some(([resource, version]) => Number(watches.get(resource)?.status.resourceVersion) < version)
  await pass(PATIENCE_SECONDS, () => !isLate())
  if (isLate()) {
    const told = [...watches].map(([resource, { status }]) => `${resource}: ${JSON.stringify(status)}`)
    faults.push(['not everything is heard in the end', ...told, ...log.lines].join('\n'))
  }
  await turn(2)
  await Promise.all([...watches.values()].map(watch => watch.stop()))
  zone.publisher.flush()
  zone.publisher.stop()
  if (faults.length === 0) player.compare()
  faults.push(...log.lines.filter(line => line.includes('what was to take a change failed')))
  await connection.close()
  await api.close()
  const relists = [...watches.values()].reduce((sum, { status }) => sum + status.relists, 0)
  return { faults, seen: { relists, losses: player.losses, publications: player.publications } }
}
