// Who asks: the namespace and the Pod of a client, as far as the API tells. It is a table of its own in shared memory, in the form of a zone image
// whose names are addresses; it is there only where something asks for it (`autopath`, `metadata`, `topology`).

import { MAX_NAME_LENGTH } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import { read16 } from '../../wire/query.ts'
import { NO_BLOCK, NO_ENTRY, type ZoneImage } from '../../zones/image.ts'

/** What is known of a client; numbers where a zone image has types of records. */
export const ClientField = { Namespace: 1, Pod: 2, Labels: 3, Zone: 4, Node: 5 } as const
export type ClientField = (typeof ClientField)[keyof typeof ClientField]

/** Beside addresses, which are one label, there are nodes, of which only the zone is known: their name in front of this. */
export const NODES: WireName = Uint8Array.of(1, 0x6e, 0)
export const MAX_NODE_LENGTH = MAX_NAME_LENGTH - 1 - NODES.length

/** A record begins with a pointer, and a head of 10 octets. */
const RECORD_HEAD = 12
/** Where in it the length of its rdata is. */
const RDLENGTH_AT = 10

/** The reading side: nothing but the image. */
export class Clients {
  readonly #image: ZoneImage
  readonly #name = new Uint8Array(MAX_NAME_LENGTH)
  #at = 0
  #length = 0

  constructor(image: ZoneImage) {
    this.#image = image
  }

  /** Looks up what is known of the client with this address; false when that is nothing. Allocates nothing. */
  find(address: Uint8Array, field: ClientField): boolean {
    return this.#findField(this.#findBlock(address), field)
  }

  /** The same for the zone of the client, or that of its node. */
  findZone(address: Uint8Array): boolean {
    const block = this.#findBlock(address)
    if (this.#findField(block, ClientField.Zone)) return true
    if (!this.#findField(block, ClientField.Node)) return false
    const name = this.#name
    const { length } = this
    if (length > MAX_NODE_LENGTH) return false
    name[0] = length
    this.copyFound(name, 1)
    for (let i = 0; i < NODES.length; i++) name[1 + length + i] = NODES[i]
    return this.#findField(this.#image.lookup(name, 0, 1 + length + NODES.length), ClientField.Zone)
  }

  #findField(block: number, field: ClientField): boolean {
    const image = this.#image
    const entry = block === NO_BLOCK ? NO_ENTRY : image.entry(block, field)
    if (entry === NO_ENTRY) return false
    this.#at = image.offset(block, entry) + RECORD_HEAD
    this.#length = image.length(entry) - RECORD_HEAD
    return true
  }

  /** The same for the value of a label of its Pod; there is a record for each label: its key, a 0, its value. */
  findLabel(address: Uint8Array, key: Uint8Array): boolean {
    const image = this.#image
    const block = this.#findBlock(address)
    const entry = block === NO_BLOCK ? NO_ENTRY : image.entry(block, ClientField.Labels)
    if (entry === NO_ENTRY) return false
    const { bytes } = image
    let at = image.offset(block, entry)
    for (let left = image.count(entry); left > 0; left--) {
      const from = at + RECORD_HEAD
      at = from + read16(bytes, at + RDLENGTH_AT)
      if (!startsWithKey(bytes, from, at, key)) continue
      this.#at = from + key.length + 1
      this.#length = at - this.#at
      return true
    }
    return false
  }

  #findBlock(address: Uint8Array): number {
    const name = this.#name
    const { length } = address
    name[0] = length
    for (let i = 0; i < length; i++) name[i + 1] = address[i]
    name[length + 1] = 0
    return this.#image.lookup(name, 0, length + 2)
  }

  /** Whether what was found is the same as `length` octets at `from`. */
  isFound(octets: Uint8Array, from: number, length: number): boolean {
    if (length !== this.#length) return false
    for (let i = 0; i < length; i++) if (octets[from + i] !== this.#image.bytes[this.#at + i]) return false
    return true
  }

  /** How many octets were found. */
  get length(): number {
    return this.#length
  }

  copyFound(to: Uint8Array, at: number): void {
    const { bytes } = this.#image
    for (let i = 0; i < this.#length; i++) to[at + i] = bytes[this.#at + i]
  }

  get found(): string {
    return this.#image.bytes.toString('utf8', this.#at, this.#at + this.#length)
  }
}

function startsWithKey(bytes: Uint8Array, from: number, end: number, key: Uint8Array): boolean {
  if (from + key.length >= end || bytes[from + key.length] !== 0) return false
  for (let i = 0; i < key.length; i++) if (bytes[from + i] !== key[i]) return false
  return true
}
