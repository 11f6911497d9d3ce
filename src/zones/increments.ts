// What has changed in one zone, in the messages of an incremental transfer (RFC 1995 section 4): for each serial the SOA before and the records
// that were removed, then the SOA after and the records that were added.

import type { WireName } from '../wire/name.ts'
import type { Reply } from '../wire/reply.ts'
import { ZoneCopy } from './copy.ts'
import type { Step } from './history.ts'
import { MAX_SOA_LENGTH } from './soa.ts'

interface Part {
  readonly serial: number
  readonly records: ZoneCopy
}

export class Increments {
  readonly serial: number
  /** The serial that the secondary has. */
  readonly since: number
  readonly #addSoa: (reply: Reply, serial: number) => void
  readonly #parts: readonly Part[]
  #part = 0
  #hasSoa = false

  /** `steps` lead from `since` to `serial`. */
  constructor(
    steps: readonly Step[],
    origin: WireName,
    since: number,
    serial: number,
    addSoa: (reply: Reply, serial: number) => void,
  ) {
    this.since = since
    this.serial = serial
    this.#addSoa = addSoa
    this.#parts = steps.flatMap(({ from, to, removed, added }) => [
      { serial: from, records: new ZoneCopy(removed, origin, from) },
      { serial: to, records: new ZoneCopy(added, origin, to) },
    ])
  }

  /** As that of `ZoneCopy`. */
  write(reply: Reply): boolean {
    for (; this.#part < this.#parts.length; this.#part++) {
      const { serial, records } = this.#parts[this.#part]
      if (!this.#hasSoa) {
        if (!reply.hasRoom(MAX_SOA_LENGTH)) return false
        this.#addSoa(reply, serial)
        this.#hasSoa = true
      }
      if (!records.write(reply)) return false
      this.#hasSoa = false
    }
    return true
  }
}
