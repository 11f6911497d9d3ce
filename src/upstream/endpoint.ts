// Where an upstream server is: an address and how it is spoken to.

import { joinHostPort } from '../wire/address.ts'

export const HTTPS_PORT = 443

/** How it is spoken to: over UDP and TCP, over TLS (RFC 7858), over HTTPS (RFC 8484). */
export type Scheme = 'dns' | 'tls' | 'https'

export interface Endpoint {
  /** IPv4, or IPv6 with a scope where it is link-local. */
  readonly address: string
  readonly port: number
  readonly scheme: Scheme
  /** The name that its certificate must have; its address otherwise. */
  readonly serverName?: string
}

/** `10.0.0.10:53`, `[fd00::10]:53`: the `to` label of metrics. */
export const formatEndpoint = ({ address, port }: Endpoint): string => joinHostPort(address, port)

/** The host of its URL: `dns.quad9.net`, `[2620:fe::fe]:8443`. */
export function formatAuthority({ address, port, serverName }: Endpoint): string {
  const host = serverName ?? (address.includes(':') ? `[${address}]` : address)
  // RFC 9110 section 4.2.3: the default is left out.
  return port === HTTPS_PORT ? host : `${host}:${port}`
}

/** Tells endpoints apart: two names for TLS at one address are two. */
export const endpointKey = (endpoint: Endpoint): string =>
  `${endpoint.scheme} ${formatEndpoint(endpoint)} ${endpoint.serverName?.toLowerCase() ?? ''}`
