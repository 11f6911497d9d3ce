// `topology`: whether a client is told something else of a name than others, since its zone has endpoints of its own there.

import { MAX_NAME_LENGTH, Type } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import { NO_BLOCK, NO_ENTRY, type ZoneImage } from '../../zones/image.ts'
import type { Clients } from './clients.ts'

export class Topology {
  /** Names with a zone in front (`zoneOwner`), and what its clients are told of them. */
  readonly image: ZoneImage
  /** What was found last, in this image. */
  block = NO_BLOCK
  entry = NO_ENTRY
  /** As `AliasFinder.shift`: how much longer its name is than the one that was looked up. */
  shift = 0
  readonly #clients: Clients
  readonly #name = new Uint8Array(MAX_NAME_LENGTH)

  constructor(image: ZoneImage, clients: Clients) {
    this.image = image
    this.#clients = clients
  }

  /** Looks up what the client is told in place of a set of the zones' image. Allocates nothing. */
  find(query: Query, zones: ZoneImage, block: number, entry: number): boolean {
    const { qtype } = query
    if (qtype !== Type.A && qtype !== Type.AAAA && qtype !== Type.SRV) return false
    // Of one address there is nothing to choose; this is what most names have.
    if (zones.count(entry) < 2 && zones.additionalCount(entry) < 2) return false
    const clients = this.#clients
    if (!clients.findZone(query.clientAddress)) return false
    const { length } = clients
    const from = zones.nameOffset(block)
    const nameLength = zones.nameLength(block)
    this.shift = 1 + length
    if (this.shift + nameLength > MAX_NAME_LENGTH) return false
    const name = this.#name
    name[0] = length
    clients.copyFound(name, 1)
    for (let i = 0; i < nameLength; i++) name[this.shift + i] = zones.bytes[from + i]
    const { image } = this
    this.block = image.lookup(name, 0, this.shift + nameLength)
    if (this.block === NO_BLOCK) return false
    this.entry = image.entry(this.block, qtype)
    return this.entry !== NO_ENTRY
  }
}
