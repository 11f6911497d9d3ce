// The `server` label of metrics.

import type { Block } from '../server/plugin.ts'
import { joinHostPort } from '../wire/address.ts'

/** The `server` label of a listener: `dns://:53`, `dns://127.0.0.1:53`, `dns://[::1]:53`. */
export function formatServer(scheme: string, address: string, port: number): string {
  return `${scheme}://${joinHostPort(address, port)}`
}

/** The `server` label of a block: its address if `bind` gives it one, no address if it listens on several. */
export function nameServer({ keys, addresses }: Block): string {
  const { scheme, port } = keys[0]
  return formatServer(scheme, addresses.length === 1 ? addresses[0] : '', port)
}
