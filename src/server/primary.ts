// What a plugin that holds whole zones is to `transfer`: the primary server of a zone transfer (RFC 9499 section 6).

import type { WireName } from '../wire/name.ts'
import type { Reply } from '../wire/reply.ts'

/** One zone as it was when it got its serial, or what has changed in it until then, whatever happens to it while it is read. */
export interface ZoneCopy {
  readonly serial: number
  /** The serial from which on it has changes alone. */
  readonly since?: number
  /**
   * Writes the next records into the answer section: all that stand between the SOA records at both ends of a transfer. Returns whether that
   * was all; if not, the reply is full, or others should have their turn before more is looked for.
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
  /** Before the start: zones are only had for secondaries if somebody has asked for that. */
  keep(): void
  /** With `since`, what has changed from that serial on, if that is known and less than the zone. Undefined when the zone is not known whole. */
  copy(origin: WireName, since?: number): Promise<ZoneCopy | undefined>
  /** In the control thread: calls when the serial has moved, and when the zones are whole; at once if they are. Returns what ends that. */
  follow(onMove: () => void): () => void
}
