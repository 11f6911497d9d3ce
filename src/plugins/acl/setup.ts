import { type Prefix, parsePrefix } from '../../corefile/cidr.ts'
import type { Cursor } from '../../corefile/directive.ts'
import { Networks } from '../../corefile/networks.ts'
import type { Token } from '../../corefile/token.ts'
import { type Block, type Plugin, joinChain } from '../../server/plugin.ts'
import { parseType } from '../../wire/constants.ts'
import { Scope } from '../scope.ts'
import { nameServer } from '../servername.ts'
import { ACTIONS, Acl, type AclCounters, type Policy } from './acl.ts'

const SECTIONS = ['type', 'net'] as const
type Section = (typeof SECTIONS)[number]

export const acl: Plugin = {
  name: 'acl',
  repeatable: true,
  setup(cursor, block) {
    const zones = cursor.zones()
    const scope = new Scope(zones.length > 0 ? zones : block.zones)
    const policies = cursor.block().map(readPolicy)
    const author = joinChain(block, 'acl')
    return { handler: next => new Acl(next, scope, policies, author, () => countersOf(block, scope)) }
  },
}

function readPolicy(line: Cursor): Policy {
  const action = ACTIONS.find(known => known === line.name.text.toLowerCase())
  if (!action) throw line.unknown(ACTIONS)
  line.noBlock()
  const values: Record<Section, Token[] | undefined> = { type: undefined, net: undefined }
  let section: Section | undefined
  let header = line.name
  for (const token of line.remainingArgs()) {
    const named = SECTIONS.find(known => known === token.text.toLowerCase())
    if (!section && !named) throw line.error('bad_argument', `unexpected '${token.text}'`, 'type or net', token)
    if (!named) {
      values[section!]!.push(token)
      continue
    }
    if (section) requireValues(line, values[section], header)
    values[named] ??= []
    section = named
    header = token
  }
  if (section) requireValues(line, values[section], header)
  return { action, qtypes: readTypes(line, values.type), networks: readNetworks(line, values.net) }
}

function requireValues(line: Cursor, tokens: readonly Token[] | undefined, header: Token): void {
  if (tokens && tokens.length > 0) return
  const what = header.text.toLowerCase() === 'net' ? 'networks such as 10.0.0.0/8, or *' : 'record types, or *'
  throw line.error('bad_argument', `nothing after '${header.text}'`, what, header)
}

function readTypes(line: Cursor, tokens: readonly Token[] | undefined): ReadonlySet<number> | undefined {
  if (!tokens || tokens.some(isAny)) return undefined
  return new Set(
    tokens.map(token => {
      const type = parseType(token.text)
      if (type !== undefined) return type
      throw line.error('bad_argument', `'${token.text}' is no record type`, 'a type such as AAAA, or *', token)
    }),
  )
}

function readNetworks(line: Cursor, tokens: readonly Token[] | undefined): Networks | undefined {
  if (!tokens || tokens.some(isAny)) return undefined
  const prefixes = tokens.map((token): Prefix => {
    const prefix = parsePrefix(token.text)
    if (prefix) return prefix
    throw line.error(
      'bad_argument',
      `bad network '${token.text}'`,
      'an address, a network such as 10.0.0.0/8, or *',
      token,
    )
  })
  return new Networks(prefixes)
}

const isAny = ({ text }: Token): boolean => text === '*'

function countersOf(block: Block, { zones }: Scope): AclCounters {
  const { metrics } = block.process
  const server = nameServer(block)
  const define = (name: string, labels: string[]): ReturnType<typeof metrics.counter> =>
    metrics.counter(`coredns_acl_${name}_requests_total`, `Counter of DNS requests being ${name}.`, labels)
  const byZone = (name: string): AclCounters['blocked'] => {
    const family = define(name, ['server', 'zone', 'view'])
    return zones.map(zone => family.cell([server, zone, '']))
  }
  return {
    allowed: define('allowed', ['server', 'view']).cell([server, '']),
    blocked: byZone('blocked'),
    filtered: byZone('filtered'),
    dropped: byZone('dropped'),
  }
}
