// The zones of an image as `transfer` hands them to secondaries (server/primary.ts).

import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { WireName } from '../wire/name.ts'
import { type Reply, Section } from '../wire/reply.ts'
import { type Blocks, countRecords, isWithin, zoneEntries } from './blocks.ts'
import { ZoneCopy } from './copy.ts'
import { History, type Moment, type Step } from './history.ts'
import { Increments } from './increments.ts'
import type { HistoryMemory } from './journal.ts'
import { SLOT_FREED } from './layout.ts'
import { type SoaNames, addSoa } from './soa.ts'

/** The next moment is written in milliseconds. */
const MAX_TRIES = 1_000
/** What is counted before others have their turn. */
const SLOTS_PER_TURN = 1 << 14

export class ImagePrimary {
  readonly origins: readonly WireName[]
  /** Whether a history is to be kept for it. */
  isKept = false
  readonly #soaTtlSeconds: number
  readonly #soaNames: SoaNames | undefined
  readonly #followers = new Set<() => void>()
  #history: History | undefined

  /** `soaTtlSeconds` and `soaNames` are those of the SOA. */
  constructor(origins: readonly WireName[], soaTtlSeconds: number, soaNames?: SoaNames) {
    this.origins = origins
    this.#soaTtlSeconds = soaTtlSeconds
    this.#soaNames = soaNames
  }

  /** Before the start. */
  keep(): void {
    this.isKept = true
  }

  /** Once the zones are whole, and whenever their history is in other memory. */
  attach(memory: HistoryMemory): void {
    this.#history = new History(memory)
  }

  get serial(): number | undefined {
    return this.#history?.serial
  }

  addSoa(reply: Reply, serial: number): void {
    addSoa(reply, Section.Answer, 0, this.#soaTtlSeconds, serial, this.#soaNames)
  }

  /** The whole zone; with `since`, what has changed from that serial on, if that is known and less. Undefined when it is not known whole. */
  async copy(origin: WireName, since?: number): Promise<ZoneCopy | Increments | undefined> {
    const moment = await this.#read(since)
    if (!moment) return undefined
    const { blocks, serial, steps } = moment
    if (steps && (await hasMoreThan(blocks, origin, countAll(steps, origin)))) {
      return new Increments(steps, origin, since!, serial, (reply, other) => this.addSoa(reply, other))
    }
    return new ZoneCopy(blocks, origin, serial)
  }

  async #read(since: number | undefined): Promise<Moment | undefined> {
    for (let i = 0; i < MAX_TRIES && this.#history; i++) {
      const moment = this.#history.read(since)
      if (moment) return moment
      await delay(1)
    }
    return undefined
  }

  follow(onMove: () => void): () => void {
    this.#followers.add(onMove)
    if (this.serial !== undefined) onMove()
    return () => this.#followers.delete(onMove)
  }

  /** For those who follow. */
  tell(): void {
    for (const follower of this.#followers) follower()
  }
}

function countOf(blocks: Blocks, slot: number, origin: WireName): number {
  const block = blocks.slots[slot]
  if (block <= SLOT_FREED || !isWithin(blocks, block, origin)) return 0
  return zoneEntries(blocks, block).reduce((sum, entry) => sum + countRecords(blocks.words, entry), 0)
}

/** Records of the steps; each has two SOA. */
function countAll(steps: readonly Step[], origin: WireName): number {
  let count = 0
  for (const { removed, added } of steps) {
    count += 2
    for (const blocks of [removed, added]) {
      for (let slot = 0; slot < blocks.slots.length; slot++) count += countOf(blocks, slot, origin)
    }
  }
  return count
}

/** Looks at no more of the zone than it must. */
async function hasMoreThan(blocks: Blocks, origin: WireName, count: number): Promise<boolean> {
  let left = count
  for (let slot = 0; slot < blocks.slots.length; slot++) {
    left -= countOf(blocks, slot, origin)
    if (left < 0) return true
    if (slot % SLOTS_PER_TURN === SLOTS_PER_TURN - 1) await turn()
  }
  return false
}
