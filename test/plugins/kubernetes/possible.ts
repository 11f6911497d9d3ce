// Which answers are possible: those of a state that the API has had.
//
// What a name answers follows from a few objects, its subject: a Service, its Namespace, and the slices that may be of it. Each object has had one
// state after the other; each is watched by itself, so at any moment the zone may know one of them in an older state than another. What it may
// never do is to know a state that was none, or to go back to one: so a sequence of answers is possible if there is for each of them a state of
// each object that gives it, and none of these is older than it was for the answer before.

import type { ApiObject } from '../../../src/fakeapi/object.ts'
import type { Store as ApiStore } from '../../../src/fakeapi/store.ts'
import { Publisher } from '../../../src/plugins/kubernetes/publisher.ts'
import { podStore } from '../../../src/watch/pods.ts'
import { slimEndpointSlice, slimNamespace, slimPod, slimService } from '../../../src/watch/slim.ts'
import { type Keeper, Store } from '../../../src/watch/store.ts'
import { parseAddress } from '../../../src/wire/address.ts'
import { Type } from '../../../src/wire/constants.ts'
import { type WireName, formatName, parseName } from '../../../src/wire/name.ts'
import { ZoneImage } from '../../../src/zones/image.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'
import { OPTIONS } from '../../records/objects.ts'
import { readSet } from '../../zones/reading.ts'

const ORIGINS = ['cluster.local.', '10.in-addr.arpa.'].map(name => parseName(name)!)
const TYPES = [Type.A, Type.SRV, Type.CNAME, Type.PTR, Type.NS]
const CONVERT = { Namespace: slimNamespace, Service: slimService, EndpointSlice: slimEndpointSlice, Pod: slimPod }
type Kind = keyof typeof CONVERT
export const KINDS = Object.keys(CONVERT) as Kind[]

/** A publisher with its image, and all names that it has had. */
export class Zone {
  readonly names = new Map<string, WireName>()
  readonly writer = new RecordingWriter(ORIGINS, buffer => this.#image.attach(buffer))
  readonly publisher: Publisher
  readonly #image = new ZoneImage(this.writer.buffer)

  constructor(onComplete: () => void, onFailure: (error: unknown) => void) {
    this.writer.recorded = this.names
    const [forward, reverse] = ORIGINS
    this.publisher = new Publisher(this.writer, {
      records: OPTIONS,
      forwardOrigins: [forward],
      reverseOrigins: [reverse],
      namespaces: undefined,
      pods: 'verified',
      lingerMs: 0,
      localAddresses: [parseAddress('10.9.9.9')!],
      onComplete,
      onFailure,
    })
  }

  /** What is made of these objects. */
  static of(objects: readonly ApiObject[]): Zone {
    const zone = new Zone(
      () => {},
      () => {},
    )
    const { publisher } = zone
    const stores = {
      Namespace: new Store(publisher.namespaces),
      Service: new Store(publisher.services),
      EndpointSlice: new Store(publisher.slices),
      Pod: podStore(publisher.pods),
    }
    publisher.keepPods(stores.Pod)
    for (const object of objects) {
      const kind = object.kind as Kind
      const store = stores[kind] as Keeper<unknown, unknown>
      store.put(CONVERT[kind](object))
    }
    zone.publisher.flush()
    zone.publisher.stop()
    return zone
  }

  /** The sets of a name as sorted text. */
  read(name: WireName): string {
    const sets = TYPES.map(type => {
      const set = readSet(this.#image, name, type)
      return typeof set === 'object' ? [set.answer.sort(), set.additional.sort()] : (set ?? 'missing')
    })
    return `${formatName(name)} ${JSON.stringify(sets)}`
  }
}

class RecordingWriter extends ZoneWriter {
  /** Absent while the constructor of its parent publishes the apexes. */
  recorded?: Map<string, WireName>

  override publish(...published: Parameters<ZoneWriter['publish']>): boolean {
    const [name] = published
    this.recorded?.set(formatName(name), name)
    return super.publish(...published)
  }
}

/** All states that each object has had, oldest first; undefined where it was not there. */
export class Past {
  readonly #states = new Map<string, (ApiObject | undefined)[]>()
  #held = new Map<string, ApiObject>()

  /** Writes down what the API has now. */
  record(store: ApiStore): void {
    const held = new Map<string, ApiObject>()
    for (const kind of KINDS) {
      for (const object of store.list(store.resource(kind))) held.set(keyOf(object), object)
    }
    for (const key of new Set([...held.keys(), ...this.#held.keys()])) {
      if (held.get(key) !== this.#held.get(key)) this.of(key).push(held.get(key))
    }
    this.#held = held
  }

  /** Before it was first written down, it was not there. */
  of(key: string): (ApiObject | undefined)[] {
    const states = this.#states.get(key) ?? [undefined]
    this.#states.set(key, states)
    return states
  }

  /** What there is now. */
  get objects(): ApiObject[] {
    return [...this.#held.values()]
  }
}

export const keyOf = ({ kind, metadata }: ApiObject): string =>
  [kind, metadata.namespace, metadata.name].filter(part => part !== undefined).join('/')

/** Names that follow from the same objects. */
export class Subject {
  readonly #names: readonly WireName[]
  readonly #keys: readonly string[]
  readonly #past: Past
  readonly #made = new Map<string, string>()
  #said: string | undefined
  /** States that may have given the last answer, each object's by its place in its past; none of them is later in all than another. */
  #possible: number[][]

  constructor(past: Past, keys: readonly string[], names: readonly string[]) {
    this.#past = past
    this.#keys = keys
    this.#names = names.map(name => parseName(name)!)
    this.#possible = [keys.map(() => 0)]
  }

  /** Reads the names. What is wrong with the answers, if it is. */
  check(zone: Zone): string | undefined {
    const said = this.#read(zone)
    if (said === this.#said) return undefined
    const before = this.#said
    const found = this.#listStates().filter(states => this.#make(states) === said)
    if (found.length === 0) {
      const past = this.#keys.map(
        (key, i) =>
          `${key}: ${this.#past.of(key).map(print).join(', ')} (${this.#possible.map(states => states[i]).join(' or ')} and later)`,
      )
      return ['no state of the API answers', said, 'after', before ?? 'nothing', ...past].join('\n')
    }
    this.#said = said
    this.#possible = found.filter(states => !found.some(other => other !== states && isReached(other, states)))
    return undefined
  }

  #read(zone: Zone): string {
    return this.#names.map(name => zone.read(name)).join('\n')
  }

  /** From each of those that are possible on. */
  #listStates(): number[][] {
    let all: number[][] = [[]]
    for (const [i, key] of this.#keys.entries()) {
      const first = Math.min(...this.#possible.map(states => states[i]))
      const count = this.#past.of(key).length - first
      all = all.flatMap(states => Array.from({ length: count }, (_, at) => [...states, first + at]))
    }
    return all.filter(states => this.#possible.some(before => isReached(before, states)))
  }

  /** What the names answer when the objects are in these states. */
  #make(states: readonly number[]): string {
    const key = states.join()
    const made =
      this.#made.get(key) ??
      this.#read(
        Zone.of(this.#keys.map((key, i) => this.#past.of(key)[states[i]]).filter(object => object !== undefined)),
      )
    this.#made.set(key, made)
    return made
  }
}

const isReached = (from: readonly number[], to: readonly number[]): boolean => from.every((state, i) => state <= to[i])

const print = (object: ApiObject | undefined): string =>
  object === undefined ? 'none' : `${object.metadata.uid?.slice(0, 4)}@${object.metadata.resourceVersion}`
