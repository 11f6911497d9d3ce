// Servers that are named and not numbered: looked up once, at the start (CoreDNS: plugin/forward/resolve.go).

import { Resolver, lookup } from 'node:dns/promises'
import { TransientError } from '../../server/plugin.ts'
import type { Endpoint } from '../../upstream/endpoint.ts'
import type { NameTarget } from './target.ts'

const TIMEOUT_MS = 2_000

/**
 * The addresses of the host, IPv4 first. `resolvers` (`IP` or `IP:PORT`, `[IPV6]:PORT`) are asked; without any, the system. Rejects when
 * there is none.
 */
export async function resolveTarget(target: NameTarget, resolvers: readonly string[]): Promise<Endpoint[]> {
  const { name, port, scheme, serverName } = target
  const addresses = await (resolvers.length > 0 ? ask(name, resolvers) : askSystem(name)).catch((error: Error) => {
    throw new TransientError(`plugin/forward: failed to resolve "${name}": ${error.message}`, { cause: error })
  })
  return addresses.map(address => ({ address, port, scheme, serverName }))
}

async function ask(name: string, resolvers: readonly string[]): Promise<string[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 })
  resolver.setServers(resolvers)
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = [v4, v6].flatMap(result => (result.status === 'fulfilled' ? result.value : []))
  if (addresses.length > 0) return addresses
  throw v4.status === 'rejected' ? v4.reason : new Error('it has no address')
}

/** With a dot at its end, so that no search domain is added. */
async function askSystem(name: string): Promise<string[]> {
  const found = await lookup(name.endsWith('.') ? name : `${name}.`, { all: true, order: 'ipv4first' })
  return found.map(({ address }) => address)
}
