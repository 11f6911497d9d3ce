import { CorefileError } from './error.ts'
import { formatKey, type Key } from './key.ts'
import type { Token } from './token.ts'

export interface BoundKey {
  key: Key
  /** Where it is written, for the error. */
  token: Token
  /** What the block's `bind` says; none means all addresses. */
  addresses: readonly string[]
}

/**
 * Checks that no two keys want the same zone on the same port and address, after CoreDNS's core/dnsserver/address.go:
 * a zone bound to all addresses leaves no room for the same zone bound to one. Throws CorefileError `duplicate_zone`.
 */
export function checkOverlap(bound: readonly BoundKey[]): void {
  const taken = new Map<string, Map<string, Token>>()
  for (const { key, token, addresses } of bound) {
    const name = formatKey(key)
    const others = taken.get(name) ?? new Map<string, Token>()
    taken.set(name, others)
    for (const address of addresses.length === 0 ? [''] : addresses) {
      const what = `cannot serve ${name}${address === '' ? '' : ` on ${address}`}`
      const same = others.get(address)
      if (same !== undefined) throw duplicate(token, `${what} - it is already defined`, same)
      const [other, at] = address === '' ? (others.entries().next().value ?? []) : ['', others.get('')]
      if (at !== undefined) {
        const on = other === '' ? '' : ` on ${other}`
        throw duplicate(token, `${what} - zone overlap listener capacity with ${name}${on}`, at)
      }
      others.set(address, token)
    }
  }
}

function duplicate(token: Token, what: string, first: Token): CorefileError {
  const where = `${first.file}:${first.line}:${first.column}`
  return new CorefileError(
    'duplicate_zone',
    token,
    `${what} (${where})`,
    'another zone or port, or a bind address each',
  )
}
