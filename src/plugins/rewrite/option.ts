// From the words behind `edns0` to the rule.

import type { Cursor } from '../../corefile/directive.ts'
import type { Token } from '../../corefile/token.ts'
import { isLabel, readMetadata } from '../../server/metadata.ts'
import type { Block } from '../../server/plugin.ts'
import { parseAddress } from '../../wire/address.ts'
import { Action, EdnsRule, OptionCode, type OptionData, VARIABLES, findVariable, makeSubnet } from './edns.ts'
import type { Rule } from './rule.ts'

/** Throws CorefileError. */
export function readEdns(line: Cursor, isLast: boolean, block: Block): Rule {
  const kind = line.requireArg('local, nsid or subnet')
  const actions: readonly string[] = Object.values(Action)
  const word = line.requireArg(`one of ${actions.join(', ')}`)
  if (!actions.includes(word.text.toLowerCase())) {
    throw line.error('bad_argument', `unknown action '${word.text}'`, `one of ${actions.join(', ')}`, word)
  }
  const action = word.text.toLowerCase() as Action
  const [code, data] = readOption(line, kind, action, block)
  // An answer of this server has none of the options of its question: what `revert` would take out of it is not there.
  const last = line.args.at(-1)
  if (action === Action.Unset || last?.text !== 'revert' || line.nextArg() !== last) line.end()
  return new EdnsRule(isLast, action, code, data)
}

const NOTHING: OptionData = () => new Uint8Array(0)

function readOption(line: Cursor, kind: Token, action: Action, block: Block): readonly [number, OptionData] {
  const isUnset = action === Action.Unset
  switch (kind.text.toLowerCase()) {
    case 'local': {
      const code = readUnsigned(line, 'the code of an option', 0xffff)
      return [code, isUnset ? NOTHING : readData(line, block)]
    }
    case 'nsid':
      return [OptionCode.NSID, NOTHING]
    case 'subnet':
      if (isUnset) return [OptionCode.SUBNET, NOTHING]
      return [
        OptionCode.SUBNET,
        makeSubnet(readUnsigned(line, 'the length for IPv4', 32), readUnsigned(line, 'the length for IPv6', 128)),
      ]
    default:
      throw line.error('bad_argument', `unknown option '${kind.text}'`, 'local, nsid or subnet', kind)
  }
}

/** The metadata under a label as text; a query that has none, or an empty one, the rule is not for. */
function readLabel(block: Block, label: string): OptionData {
  const value = readMetadata(block, label)
  return query => {
    const text = value(query)
    return text ? Buffer.from(text) : undefined
  }
}

/** As Go's strconv.ParseUint reads it with base 0: `65001`, `0xfde9`, `0o176`, `0b11`. */
function readUnsigned(line: Cursor, what: string, max: number): number {
  const token = line.requireArg(what)
  const text = token.text.replace(/^0(?=\d)/, '0o')
  const value = /^(0x[\da-f]+|0o[0-7]+|0b[01]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
  if (value <= max) return value
  throw line.error('bad_argument', `bad value '${token.text}'`, `${what}, from 0 to ${max}`, token)
}

function readData(line: Cursor, block: Block): OptionData {
  const token = line.requireArg('the data of the option')
  const { text } = token
  const name = /^\{(.*)\}$/.exec(text)?.[1]
  if (name !== undefined) {
    if (isLabel(name)) return readLabel(block, name)
    const [address] = block.addresses.length === 1 ? block.addresses : []
    const octets = address === undefined ? undefined : parseAddress(address)
    const variable = findVariable(name, { octets, port: block.keys[0].port })
    if (variable) return variable
    throw line.error(
      'bad_argument',
      `unknown variable '${text}'`,
      `one of ${VARIABLES.map(v => `{${v}}`).join(', ')}, or a label of metadata such as {kubernetes/namespace}`,
      token,
    )
  }
  if (!text.startsWith('0x')) return () => Buffer.from(text)
  const octets = Buffer.from(text.slice(2), 'hex')
  if (octets.length * 2 === text.length - 2) return () => octets
  throw line.error('bad_argument', `bad hexadecimal data '${text}'`, 'two digits for each octet behind 0x', token)
}
