// Who asks: the namespace and the Pod of a client, as far as the API tells. It is a table of its own in shared memory, in the form of a zone image
// whose names are addresses; it is there only where something asks for it (`autopath`, `metadata`).

import { NO_BLOCK, NO_ENTRY, type ZoneImage } from '../../zones/image.ts'

/** What is known of a client; numbers where a zone image has types of records. */
export const ClientField = { Namespace: 1, Pod: 2 } as const
export type ClientField = (typeof ClientField)[keyof typeof ClientField]

/** A record begins with a pointer, and a head of 10 octets. */
const RECORD_HEAD = 12

/** The reading side: nothing but the image. */
export class Clients {
  readonly #image: ZoneImage
  readonly #name = new Uint8Array(18)
  #at = 0
  #length = 0

  constructor(image: ZoneImage) {
    this.#image = image
  }

  /** Looks up what is known of the client with this address; false when that is nothing. Allocates nothing. */
  find(address: Uint8Array, field: ClientField): boolean {
    const image = this.#image
    const name = this.#name
    const { length } = address
    name[0] = length
    for (let i = 0; i < length; i++) name[i + 1] = address[i]
    name[length + 1] = 0
    const block = image.lookup(name, 0, length + 2)
    if (block === NO_BLOCK) return false
    const entry = image.entry(block, field)
    if (entry === NO_ENTRY) return false
    this.#at = image.offset(block, entry) + RECORD_HEAD
    this.#length = image.length(entry) - RECORD_HEAD
    return true
  }

  /** Whether what was found is the same as `length` octets at `from`. */
  isFound(octets: Uint8Array, from: number, length: number): boolean {
    if (length !== this.#length) return false
    for (let i = 0; i < length; i++) if (octets[from + i] !== this.#image.bytes[this.#at + i]) return false
    return true
  }

  get found(): string {
    return this.#image.bytes.toString('utf8', this.#at, this.#at + this.#length)
  }
}
