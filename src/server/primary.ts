// What a plugin that holds whole zones is to `transfer`: the primary server of a zone transfer (RFC 9499 section 6).

import type { WireName } from '../wire/name.ts'
import type { Reply } from '../wire/reply.ts'

/** One zone as it was at one moment, whatever happens to it while it is read. */
export interface ZoneCopy {
  readonly serial: number
  /**
   * Writes the next records into the answer section: all of the zone but its SOA, each once. Returns whether that was all; if not, the reply
   * is full, or others should have their turn before more is looked for.
   */
  write(reply: Reply): boolean
}

export interface Primary {
  /** Apexes, in lower case. */
  readonly origins: readonly WireName[]
  /** Of all its zones; undefined until they are known whole. */
  readonly serial: number | undefined
  /** Writes the SOA with `serial` into the answer section. The question's name is the zone. */
  addSoa(reply: Reply, serial: number): void
  /** Undefined when the zone is not known whole. */
  copy(origin: WireName): Promise<ZoneCopy | undefined>
  /** In the control thread: calls when the serial has moved, and when the zones are whole; at once if they are. Returns what ends that. */
  follow(onMove: () => void): () => void
}
