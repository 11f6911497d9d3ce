import { familyOf, isIpv6 } from '../../wire/address.ts'
import { type Prefix, parsePrefix } from '../../corefile/cidr.ts'
import type { Cursor } from '../../corefile/directive.ts'
import { Networks } from '../../corefile/networks.ts'
import type { Token } from '../../corefile/token.ts'
import { type Address, readAddress } from '../../corefile/value.ts'
import { type Block, type Plugin, joinChain } from '../../server/plugin.ts'
import type { Primary } from '../../server/primary.ts'
import { type WireName, lowerName, parseName } from '../../wire/name.ts'
import type { Notifier } from './notifier.ts'
import { type Rule, Transfer, findPrimary, findRule } from './transfer.ts'

const DNS_PORT = 53
const PROPERTIES = ['to', 'source'] as const

interface Directive extends Rule {
  /** Who is told of changes. */
  readonly targets: readonly Address[]
  /** The address that they are told from. */
  readonly source: string | undefined
}

/** Of all directives of a block the one with the longest zone counts. */
const directives = new WeakMap<Block, Directive[]>()

export const transfer: Plugin = {
  name: 'transfer',
  repeatable: true,
  setup(cursor, block) {
    const directive = readDirective(cursor, block)
    const rules = directives.get(block) ?? []
    directives.set(block, rules)
    rules.push(directive)
    const author = joinChain(block, 'transfer')
    const { log } = block.process
    return {
      handler(next) {
        // All plugins of the block are set up by now.
        for (const primary of listPrimaries(block)) {
          if (primary.origins.some(origin => findRule(rules, origin))) primary.keep()
        }
        return new Transfer(next, rules, () => listPrimaries(block), author, log)
      },
      control() {
        const ends: (() => void)[] = []
        const notifiers: Notifier[] = []
        return {
          async start() {
            if (directive.targets.length === 0) return
            // Loaded when it is needed: threads that only answer tell nobody.
            const { Notifier } = await import('./notifier.ts')
            const primaries = listPrimaries(block)
            for (const primary of primaries) {
              const isTold = (zone: WireName): boolean =>
                findRule(rules, zone) === directive && findPrimary(primaries, zone) === primary
              for (const zone of primary.origins.filter(isTold)) {
                for (const target of directive.targets) {
                  notifiers.push(new Notifier(zone, target, sourceFor(directive, target), log))
                }
              }
            }
          },
          activate() {
            for (const primary of listPrimaries(block)) {
              const isOfPrimary = ({ zone }: Notifier): boolean => primary.origins.includes(zone)
              ends.push(primary.follow(() => notifiers.filter(isOfPrimary).forEach(notifier => notifier.notify())))
            }
          },
          async stop() {
            for (const end of ends) end()
            await Promise.all(notifiers.map(notifier => notifier.stop()))
          },
        }
      },
    }
  },
}

const listPrimaries = ({ instances }: Block): Primary[] => instances.flatMap(({ instance }) => instance.primary ?? [])

/** The system chooses for a target of the other family. */
const sourceFor = ({ source }: Directive, { host }: Address): string | undefined =>
  source !== undefined && isIpv6(source) === isIpv6(host) ? source : undefined

function readDirective(cursor: Cursor, block: Block): Directive {
  const named = cursor.zones()
  const zones = (named.length > 0 ? named : block.zones).flatMap(zone => {
    const name = parseName(zone)
    return name ? [lowerName(name)] : []
  })
  const prefixes: Prefix[] = []
  const targets: Address[] = []
  let isForAll = false
  let source: string | undefined
  for (const line of cursor.block()) {
    line.noBlock()
    switch (line.name.text) {
      case 'to':
        if (line.peek() === undefined) throw line.expected(EXPECTED)
        for (const token of line.remainingArgs()) {
          if (token.text === '*') isForAll = true
          else {
            const { prefix, target } = readClient(line, token)
            prefixes.push(prefix)
            if (target) targets.push(target)
          }
        }
        break
      case 'source': {
        const token = line.requireArg('an IP address')
        if (source !== undefined) throw line.error('bad_argument', 'transfer has two sources', 'one', token)
        if (familyOf(token.text) === 0) {
          throw line.error('bad_argument', `bad source '${token.text}'`, 'an IP address of this machine', token)
        }
        source = token.text
        line.end()
        break
      }
      default:
        throw line.unknown(PROPERTIES)
    }
  }
  if (!isForAll && prefixes.length === 0) {
    throw cursor.error('bad_argument', "transfer has no 'to'", `to and ${EXPECTED}`, cursor.name)
  }
  return { zones, clients: isForAll ? undefined : new Networks(prefixes), targets, source }
}

const EXPECTED = 'addresses such as 10.0.0.10, 10.0.0.10:5300 or [fd00::1]:53, networks, or *'

/** An address is told of changes, a network is not. */
function readClient(line: Cursor, token: Token): { prefix: Prefix; target?: Address } {
  const network = token.text.includes('/') ? parsePrefix(token.text) : undefined
  if (network) return { prefix: network }
  const target = readAddress(token.text, DNS_PORT)
  const prefix = target && parsePrefix(target.host)
  if (prefix && target.port > 0) return { prefix, target }
  throw line.error('bad_argument', `bad address '${token.text}'`, EXPECTED, token)
}
