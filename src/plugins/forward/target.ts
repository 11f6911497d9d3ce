// What stands behind FROM: servers, files that name servers, names of servers (CoreDNS: plugin/pkg/parse/host.go, plugin/forward/resolve.go).

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { familyOf } from '../../wire/address.ts'
import type { Cursor } from '../../corefile/directive.ts'
import type { CorefileError } from '../../corefile/error.ts'
import type { Token } from '../../corefile/token.ts'
import { type Endpoint, HTTPS_PORT, type Scheme } from '../../upstream/endpoint.ts'
import { parseName } from '../../wire/name.ts'

export type Target = ServerTarget | FileTarget | NameTarget

interface ServerTarget {
  readonly kind: 'server'
  readonly endpoint: Endpoint
}

/** A file in the format of resolv.conf. */
interface FileTarget {
  readonly kind: 'file'
  readonly path: string
}

/** Looked up once, at the start. */
export interface NameTarget {
  readonly kind: 'name'
  readonly name: string
  readonly port: number
  readonly scheme: Scheme
  readonly serverName?: string
}

export const DNS_PORT = 53
const TLS_PORT = 853
const MAX_PORT = 65_535
const PORTS: Readonly<Record<Scheme, number>> = { dns: DNS_PORT, tls: TLS_PORT, https: HTTPS_PORT }
const EXPECTED = 'IP, IP:PORT, [IPV6]:PORT, tls://IP, https://IP, a file such as /etc/resolv.conf, or a host name'

/** Reads one TO. Throws CorefileError. */
export function parseTarget(cursor: Cursor, token: Token, directory: string): Target {
  const bad = (what: string): CorefileError => cursor.error('bad_argument', what, EXPECTED, token)
  const [, scheme = 'dns', rest = ''] = /^(?:([a-z0-9]+):\/\/)?(.*)$/s.exec(token.text) ?? []
  if (scheme === 'quic') {
    const what = 'quic:// is not supported: Node.js has no QUIC without a build of its own'
    throw cursor.error(
      'bad_argument',
      what,
      `tls://${rest} or https://${rest}, which most such servers answer too`,
      token,
    )
  }
  if (scheme !== 'dns' && scheme !== 'tls' && scheme !== 'https') throw bad(`unknown scheme in '${token.text}'`)
  if (scheme === 'https' && rest.includes('/')) throw bad(`a path in '${token.text}': /dns-query is always asked for`)
  const isDns = scheme === 'dns'
  const { text, zone } = splitZone(rest)
  const parts = splitPort(text)
  const host = parts?.host ?? ''
  const port = parts?.port ?? PORTS[scheme]
  if (port < 1 || port > MAX_PORT) throw bad(`bad port in '${token.text}'`)
  const serverName = !isDns && zone !== '' ? zone : undefined
  if (familyOf(host) !== 0) {
    // Behind `%` stands a name for TLS; otherwise the interface of a link-local address.
    const address = isDns && zone !== '' && isLinkLocal(host) ? `${host}%${zone}` : host
    return { kind: 'server', endpoint: { address, port, scheme, serverName } }
  }
  const path = resolve(directory, rest)
  if (isDns && rest !== '' && existsSync(path)) return { kind: 'file', path }
  if (rest.includes('/')) throw bad(`there is no file '${rest}'`)
  // Digits and dots alone are meant as an address.
  if (!/^[\w.-]+$/.test(host) || /^[\d.]+$/.test(host) || !parseName(host)) {
    throw bad(`'${token.text}' is not an IP address, a file or a host name`)
  }
  return { kind: 'name', name: host, port, scheme, serverName }
}

/** `9.9.9.9%dns.quad9.net:853`: the port belongs to the address, not to the name behind `%`. */
function splitZone(text: string): { text: string; zone: string } {
  const at = text.lastIndexOf('%')
  if (at < 0) return { text, zone: '' }
  const [, zone = '', port = ''] = /^([^:]*?)\]?(:\d+)?$/.exec(text.slice(at + 1)) ?? []
  const host = text.slice(0, at)
  return { text: `${host}${host.startsWith('[') ? ']' : ''}${port}`, zone }
}

function splitPort(text: string): { host: string; port?: number } | undefined {
  if (familyOf(text) !== 0) return { host: text }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text)
  if (!match) return undefined
  const host = match[1] ?? match[2]
  if (match[1] !== undefined && familyOf(host) !== 6) return undefined
  return match[3] === undefined ? { host } : { host, port: Number(match[3]) }
}

const isLinkLocal = (host: string): boolean => /^fe[89ab]/i.test(host)
