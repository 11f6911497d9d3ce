import { networkInterfaces } from 'node:os'
import type { Cursor } from '../../corefile/directive.ts'
import type { Plugin } from '../../server/plugin.ts'
import { type Interfaces, listAddresses } from './bind.ts'

const EXPECTED = 'an IP address or the name of an interface that is up'

export const bind: Plugin = {
  name: 'bind',
  repeatable: true,
  setup(cursor, block) {
    const interfaces: Interfaces = networkInterfaces()
    const included = readAddresses(cursor, interfaces)
    const excluded: string[] = []
    for (const property of cursor.block()) {
      if (property.name.text !== 'except') throw property.unknown(['except'])
      excluded.push(...readAddresses(property, interfaces))
      property.noBlock()
    }
    const chosen = included.filter(address => !excluded.includes(address))
    // No address at all would mean every address: the opposite of what is written.
    if (chosen.length === 0) {
      throw cursor.error('bad_argument', 'except leaves no address to bind to', 'at least one', cursor.name)
    }
    for (const address of chosen) if (!block.addresses.includes(address)) block.addresses.push(address)
    return {}
  },
}

function readAddresses(cursor: Cursor, interfaces: Interfaces): string[] {
  const addresses: string[] = []
  let token = cursor.requireArg(EXPECTED)
  for (;;) {
    const found = listAddresses(token.text, interfaces)
    if (!found) {
      const known = Object.keys(interfaces).join(', ')
      const what = `'${token.text}' is neither an IP address nor an interface of this host`
      throw cursor.error('bad_argument', what, `${EXPECTED} (${known})`, token)
    }
    addresses.push(...found)
    const next = cursor.nextArg()
    if (!next) return addresses
    token = next
  }
}
