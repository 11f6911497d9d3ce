// The zone image as one would write it without thinking of speed.

import { type WireName, formatName, parseName } from '../../src/wire/name.ts'
import type { Rrset } from '../../src/wire/rrset.ts'

export const wireName = (text: string): WireName => parseName(text)!

export class ReferenceZones {
  readonly #origins: readonly string[]
  readonly #published = new Map<string, readonly Rrset[]>()
  #names: Set<string> | undefined

  constructor(origins: readonly WireName[]) {
    this.#origins = origins.map(name => formatName(name))
    for (const origin of this.#origins) this.#published.set(origin, [])
  }

  publish(name: WireName, rrsets: readonly Rrset[]): boolean {
    const text = formatName(name)
    const before = this.#published.get(text)
    this.#names = undefined
    this.#published.set(text, rrsets)
    return before === undefined || describe(before) !== describe(rrsets)
  }

  withdraw(name: WireName): boolean {
    const text = formatName(name)
    this.#names = undefined
    return !this.#origins.includes(text) && this.#published.delete(text)
  }

  /** The sets of a name, none for an empty non-terminal; undefined where it does not exist. */
  read(name: WireName): readonly Rrset[] | undefined {
    return this.#published.get(formatName(name)) ?? (this.names.has(formatName(name)) ? [] : undefined)
  }

  /** All names that exist. */
  get names(): ReadonlySet<string> {
    this.#names ??= this.#list()
    return this.#names
  }

  #list(): Set<string> {
    const names = new Set<string>()
    for (const published of this.#published.keys()) {
      let name = published
      while (!this.#origins.includes(name)) {
        names.add(name)
        name = name.slice(name.indexOf('.') + 1)
      }
      names.add(name)
    }
    return names
  }
}

const describe = (rrsets: readonly Rrset[]): string =>
  JSON.stringify(rrsets, (_key, value: unknown) => (value instanceof Uint8Array ? [...value] : value))
