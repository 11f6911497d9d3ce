// Answers from hosts files. CoreDNS plugin/hosts: what has an address of the other family only is NODATA without SOA; what is not there at all
// goes on, or is SERVFAIL, as there is no SOA to deny it with.

import type { Handler } from '../../server/handler.ts'
import { Rcode, Type } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import type { Scope } from '../scope.ts'
import { type HostTable, Kind, NO_ENTRY } from './table.ts'

export interface HostsOptions {
  readonly zones: Scope
  readonly fallthrough: Scope
  /** Whether types that are not served here fall through at names that exist. */
  readonly fallthroughUnsupported: boolean
}

export class Hosts implements Handler {
  readonly #next: Handler
  readonly #author: number
  readonly #options: HostsOptions
  /** The table of the file is another one each time that it was read. */
  readonly #file: { readonly table: HostTable }
  readonly #inline: HostTable

  constructor(
    next: Handler,
    author: number,
    options: HostsOptions,
    file: { readonly table: HostTable },
    inline: HostTable,
  ) {
    this.#next = next
    this.#author = author
    this.#options = options
    this.#file = file
    this.#inline = inline
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    const { zones, fallthrough, fallthroughUnsupported } = this.#options
    switch (query.qtype) {
      case Type.PTR:
        // Reverse names need not be in the zones, and those that are not known go on in any case.
        return this.#write(query, reply, Kind.PTR) ? Rcode.NOERROR : this.#next.serve(query, reply)
      case Type.A:
      case Type.AAAA: {
        if (!zones.has(query)) return this.#next.serve(query, reply)
        const isIPv4 = query.qtype === Type.A
        if (this.#write(query, reply, isIPv4 ? Kind.A : Kind.AAAA)) return Rcode.NOERROR
        if (this.#has(query, isIPv4 ? Kind.AAAA : Kind.A)) return this.#answer(reply)
        break
      }
      default:
        if (!zones.has(query)) return this.#next.serve(query, reply)
        if (fallthroughUnsupported && fallthrough.has(query)) return this.#next.serve(query, reply)
        if (this.#has(query, Kind.A) || this.#has(query, Kind.AAAA)) return this.#answer(reply)
    }
    if (fallthrough.has(query)) return this.#next.serve(query, reply)
    reply.author = this.#author
    return Rcode.SERVFAIL
  }

  #answer(reply: Reply): Rcode {
    reply.author = this.#author
    reply.authoritative = true
    return Rcode.NOERROR
  }

  #has(query: Query, kind: Kind): boolean {
    return this.#file.table.find(query, kind) !== NO_ENTRY || this.#inline.find(query, kind) !== NO_ENTRY
  }

  /** Writes what the file has, then what the Corefile has; false when neither has any. */
  #write(query: Query, reply: Reply, kind: Kind): boolean {
    const { table } = this.#file
    const inFile = table.find(query, kind)
    const inCorefile = this.#inline.find(query, kind)
    if (inFile === NO_ENTRY && inCorefile === NO_ENTRY) return false
    this.#answer(reply)
    if (inFile !== NO_ENTRY) table.write(reply, inFile, kind)
    if (inCorefile !== NO_ENTRY) this.#inline.write(reply, inCorefile, kind)
    return true
  }
}
