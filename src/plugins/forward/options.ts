// The block of a `forward` directive.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import tls from 'node:tls'
import { familyOf } from '../../wire/address.ts'
import type { Cursor } from '../../corefile/directive.ts'
import { parseZones } from '../../corefile/key.ts'
import type { Token } from '../../corefile/token.ts'
import type { DohMethod } from '../../upstream/route.ts'
import { Rcode, parseRcode } from '../../wire/constants.ts'
import { type WireName, lowerName, parseName } from '../../wire/name.ts'
import { MAX_TIMER_MS } from '../duration.ts'
import { type Policy, RoundRobin, random, sequential } from './policy.ts'

const MAX_UINT32 = 2 ** 32 - 1

const PROPERTIES = [
  'except',
  'force_tcp',
  'prefer_udp',
  'expire',
  'max_age',
  'max_idle_conns',
  'max_fails',
  'max_connect_attempts',
  'read_timeout',
  'doh_method',
  'tls',
  'tls_servername',
  'policy',
  'health_check',
  'max_concurrent',
  'next',
  'next_on_nodata',
  'failfast_all_unhealthy_upstreams',
  'failover',
  'source_address',
  'resolver',
]

/** What a Corefile may say. Durations are in milliseconds; CoreDNS's defaults are in `readProperties`. */
export interface Properties {
  excepted: WireName[]
  forceTcp: boolean
  preferUdp: boolean
  expireMs: number
  maxAgeMs: number
  maxIdle: number
  maxFails: number
  maxConnectAttempts?: number
  readTimeoutMs: number
  dohMethod: DohMethod
  tls?: tls.SecureContextOptions
  serverName?: string
  policy: Policy
  healthIntervalMs: number
  healthRecursionDesired: boolean
  healthDomain: WireName
  maxConcurrent: number
  next: Set<Rcode>
  nextOnNodata: boolean
  failfast: boolean
  failover: Set<Rcode>
  source?: string
  resolvers: string[]
}

/** Reads the block. Throws CorefileError. */
export function readProperties(cursor: Cursor, directory: string): Properties {
  const properties: Properties = {
    excepted: [],
    forceTcp: false,
    preferUdp: false,
    expireMs: 10_000,
    maxAgeMs: 0,
    maxIdle: 0,
    maxFails: 2,
    readTimeoutMs: 2_000,
    dohMethod: 'POST',
    policy: random,
    healthIntervalMs: 500,
    healthRecursionDesired: true,
    healthDomain: Uint8Array.of(0),
    maxConcurrent: 0,
    next: new Set(),
    nextOnNodata: false,
    failfast: false,
    failover: new Set(),
    resolvers: [],
  }
  for (const line of cursor.block()) {
    readProperty(line, properties, directory)
    line.end()
    line.noBlock()
    const { maxAgeMs, expireMs } = properties
    if (line.name.text === 'max_age' || line.name.text === 'expire') {
      // Either may come first: only the last of them can tell.
      const isLast = cursor.block().findLast(({ name }) => name.text === 'max_age' || name.text === 'expire') === line
      if (isLast && maxAgeMs > 0 && maxAgeMs < expireMs) {
        throw line.error('bad_argument', 'max_age is less than expire', `a max_age of at least ${expireMs}ms, or 0`)
      }
    }
  }
  return properties
}

function readProperty(line: Cursor, properties: Properties, directory: string): void {
  switch (line.name.text) {
    case 'except':
      properties.excepted.push(...readSome(line, 'a zone').flatMap(parseZones).map(readOrigin))
      break
    case 'force_tcp':
      properties.forceTcp = true
      break
    case 'prefer_udp':
      properties.preferUdp = true
      break
    case 'expire':
      properties.expireMs = line.durationMs(0, MAX_TIMER_MS)
      break
    case 'max_age':
      properties.maxAgeMs = line.durationMs(0, MAX_TIMER_MS)
      break
    case 'max_idle_conns':
      properties.maxIdle = line.integer(0)
      break
    case 'max_fails':
      properties.maxFails = line.integer(0, MAX_UINT32)
      break
    case 'max_connect_attempts':
      properties.maxConnectAttempts = line.integer(0, MAX_UINT32)
      break
    case 'read_timeout':
      properties.readTimeoutMs = line.durationMs(1, MAX_TIMER_MS)
      break
    case 'tls':
      properties.tls = readTls(line, directory)
      break
    case 'tls_servername':
      properties.serverName = line.requireArg('the name in the certificate').text
      break
    case 'policy':
      properties.policy = readPolicy(line)
      break
    case 'health_check':
      readHealthCheck(line, properties)
      break
    case 'max_concurrent':
      properties.maxConcurrent = line.integer(0)
      break
    case 'next':
      for (const token of readSome(line, 'an rcode such as NXDOMAIN')) properties.next.add(readRcode(line, token))
      break
    case 'next_on_nodata':
      properties.nextOnNodata = true
      break
    case 'failfast_all_unhealthy_upstreams':
      properties.failfast = true
      break
    case 'failover':
      for (const token of readSome(line, 'an rcode such as SERVFAIL')) {
        const rcode = readRcode(line, token)
        if (rcode === Rcode.NOERROR) throw line.error('bad_argument', 'NOERROR is no failure', 'another rcode', token)
        properties.failover.add(rcode)
      }
      break
    case 'source_address':
      properties.source = readIp(line, line.requireArg('an IP address'))
      break
    case 'resolver':
      properties.resolvers = readSome(line, 'IP or IP:PORT').map(token => readResolver(line, token))
      break
    case 'doh_method':
      properties.dohMethod = readMethod(line)
      break
    default:
      throw line.unknown(PROPERTIES)
  }
}

function readSome(line: Cursor, what: string): Token[] {
  const tokens = line.remainingArgs()
  if (tokens.length === 0) throw line.expected(what)
  return tokens
}

/** An absolute lower-case zone in wire form. */
export const readOrigin = (zone: string): WireName => lowerName(parseName(zone) ?? Uint8Array.of(0))

function readPolicy(line: Cursor): Policy {
  const token = line.requireArg('random, round_robin or sequential')
  switch (token.text) {
    case 'random':
      return random
    case 'round_robin':
      return new RoundRobin()
    case 'sequential':
      return sequential
    default:
      throw line.error('bad_argument', `unknown policy '${token.text}'`, 'random, round_robin or sequential', token)
  }
}

function readMethod(line: Cursor): DohMethod {
  const token = line.requireArg('POST or GET')
  if (token.text === 'POST' || token.text === 'GET') return token.text
  throw line.error('bad_argument', `bad method '${token.text}'`, 'POST or GET', token)
}

function readHealthCheck(line: Cursor, properties: Properties): void {
  properties.healthIntervalMs = line.durationMs(0, MAX_TIMER_MS)
  properties.healthDomain = Uint8Array.of(0)
  for (let option = line.nextArg(); option; option = line.nextArg()) {
    if (option.text === 'no_rec') properties.healthRecursionDesired = false
    else if (option.text === 'domain') {
      const token = line.requireArg('a domain name')
      const domain = parseName(token.text)
      if (!domain) throw line.error('bad_argument', `bad domain '${token.text}'`, 'a domain name', token)
      properties.healthDomain = lowerName(domain)
    } else throw line.error('bad_argument', `unknown option '${option.text}'`, 'no_rec or domain FQDN', option)
  }
}

function readRcode(line: Cursor, token: Token): Rcode {
  const text = token.text.toUpperCase()
  // CoreDNS knows it by both names.
  const rcode = text === 'NOTIMPL' ? Rcode.NOTIMP : parseRcode(text)
  if (rcode === undefined)
    throw line.error('bad_argument', `'${token.text}' is no rcode`, 'one such as SERVFAIL', token)
  return rcode
}

function readIp(line: Cursor, token: Token): string {
  if (familyOf(token.text) === 0) throw line.error('bad_argument', `'${token.text}' is no IP address`, 'one', token)
  return token.text
}

function readResolver(line: Cursor, token: Token): string {
  const [, v6, v4, port = '53'] = /^(?:\[(.*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(token.text) ?? []
  const isResolver =
    familyOf(token.text) !== 0 || (familyOf(v6 ?? v4 ?? '') !== 0 && Number(port) > 0 && Number(port) < 65_536)
  if (isResolver) return token.text
  throw line.error('bad_argument', `'${token.text}' is no resolver`, 'IP or IP:PORT', token)
}

/** `tls`, `tls CA`, `tls CERT KEY`, `tls CERT KEY CA`; paths begin at the Corefile's folder. */
function readTls(line: Cursor, directory: string): tls.SecureContextOptions {
  const tokens = line.remainingArgs()
  if (tokens.length > 3) throw line.argError('tls [CERT KEY] [CA]')
  const read = (token: Token): Buffer => {
    try {
      return readFileSync(resolve(directory, token.text))
    } catch (error) {
      throw line.error('bad_argument', `cannot read it: ${(error as Error).message}`, 'a file in PEM format', token)
    }
  }
  const hasKey = tokens.length >= 2
  const caToken = hasKey ? tokens[2] : tokens[0]
  const options = {
    ...(hasKey && { cert: read(tokens[0]), key: read(tokens[1]) }),
    ...(caToken && { ca: read(caToken) }),
  }
  try {
    tls.createSecureContext(options)
  } catch (error) {
    throw line.error('bad_argument', (error as Error).message, 'certificates and their key in PEM format', line.name)
  }
  return options
}

/** What connections have in common. Without a CA of their own, those of Node and of the system are believed. */
export function makeSecureContext(options: tls.SecureContextOptions = {}): tls.SecureContext {
  const ca = options.ca ?? [...tls.getCACertificates('default'), ...tls.getCACertificates('system')]
  return tls.createSecureContext({ ...options, ca, minVersion: 'TLSv1.2' })
}
