// The names that a publisher has in a zone image. A change of a Service gives it other names: those that are new or differ are published, those
// that are no more go, or linger for a moment.

import { type OwnerRecords, octetsKey } from '../../records/item.ts'
import type { MovedRecords } from '../../records/moved.ts'
import type { SlimEndpointSlice, SlimService } from '../../watch/slim.ts'
import type { WireName } from '../../wire/name.ts'
import type { ZoneWriter } from '../../zones/writer.ts'
import { Lingering } from './linger.ts'

/** What the names of a Service were made from. Slim objects never change, so holding them is a snapshot. */
export interface ServiceInput {
  readonly service: SlimService | undefined
  readonly slices: readonly SlimEndpointSlice[]
  readonly isExposed: boolean
}

/** The names of a Service in one zone. */
export interface MakeRecords {
  readonly all: (service: SlimService, slices: readonly SlimEndpointSlice[]) => OwnerRecords[]
  /** Those that may differ, where nothing but slices has changed; undefined where all are to be looked at. */
  readonly moved?: (
    service: SlimService,
    before: readonly SlimEndpointSlice[],
    after: readonly SlimEndpointSlice[],
  ) => MovedRecords | undefined
}

export class Names {
  readonly #writer: ZoneWriter
  readonly #lingering: Lingering

  /** `lingerMs` is for how long a name stays when its last record has gone and its Service has not. */
  constructor(writer: ZoneWriter, lingerMs: number) {
    this.#writer = writer
    this.#lingering = new Lingering(lingerMs, (owner, remains) => {
      writer.change(() => {
        if (remains) writer.publish(owner, remains.rrsets, remains.isAwaited)
        else writer.withdraw(owner)
      })
    })
  }

  stop(): void {
    this.#lingering.stop()
  }

  /** Returns whether anything has changed. */
  publish({ owner, rrsets, isAwaited, isComputed }: OwnerRecords): boolean {
    this.#lingering.stay(owner)
    return this.#writer.publish(owner, rrsets, isAwaited, isComputed)
  }

  withdraw(owner: WireName): void {
    this.#writer.withdraw(owner)
  }

  /** The name is to go unless it is published again; `of` is what it is a name of. */
  leave(owner: WireName, of: string): void {
    this.#lingering.leave(owner, of)
  }

  /** `makes` give the names in each of the zones. `isSure`: what there was before is what was published. */
  publishService(before: ServiceInput, after: ServiceInput, makes: readonly MakeRecords[], isSure: boolean): void {
    // Only its slices have changed: what they have lost may be in another one soon.
    const isMoving = after.service !== undefined && after.service === before.service && after.isExposed
    if (!isMoving && before.service) this.#lingering.end(before.service.key)
    for (const make of makes) {
      const moved =
        isMoving && isSure && before.isExposed ? make.moved?.(after.service, before.slices, after.slices) : undefined
      if (moved) {
        for (const records of moved.there) this.publish(records)
        for (const owner of moved.gone) this.#lingering.leave(owner, after.service!.key)
        continue
      }
      const gone = new Map<string, OwnerRecords>()
      if (before.service && before.isExposed) {
        for (const records of make.all(before.service, before.slices)) gone.set(octetsKey(records.owner), records)
      }
      if (after.service && after.isExposed) {
        for (const published of make.all(after.service, after.slices)) {
          const known = gone.size > 0 ? take(gone, octetsKey(published.owner)) : undefined
          if (!known || !isMoving) this.publish(published)
          else if (published.isAwaited) this.#lingering.leave(published.owner, after.service.key, published)
          else if (!isSure || !known.isSame?.(published)) this.publish(published)
        }
      }
      for (const { owner } of gone.values()) {
        if (isMoving) this.#lingering.leave(owner, after.service.key)
        else this.#writer.withdraw(owner)
      }
    }
  }
}

function take<V>(map: Map<string, V>, key: string): V | undefined {
  const value = map.get(key)
  map.delete(key)
  return value
}
