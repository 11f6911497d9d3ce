import { randomInt } from 'node:crypto'
import { type Prefix, parsePrefix } from '../../corefile/cidr.ts'
import type { Cursor } from '../../corefile/directive.ts'
import type { Plugin } from '../../server/plugin.ts'
import { Loadbalance } from './loadbalance.ts'

export const loadbalance: Plugin = {
  name: 'loadbalance',
  repeatable: true,
  setup(cursor) {
    readPolicy(cursor)
    const preferred: Prefix[] = []
    for (const property of cursor.block()) {
      if (property.name.text !== 'prefer') throw property.unknown(['prefer'])
      preferred.push(...readPrefixes(property))
      property.noBlock()
    }
    return { handler: next => new Loadbalance(next, preferred, randomInt(1, 2 ** 32)) }
  },
}

function readPolicy(cursor: Cursor): void {
  const policy = cursor.nextArg()
  if (policy?.text === 'weighted') {
    throw cursor.error('bad_argument', 'the policy weighted is not supported', 'round_robin, or no policy', policy)
  }
  if (policy && policy.text !== 'round_robin') {
    throw cursor.error('bad_argument', `unknown policy '${policy.text}'`, 'round_robin', policy)
  }
  cursor.end()
}

function readPrefixes(property: Cursor): Prefix[] {
  return property.remainingArgs().map(token => {
    const prefix = token.text.includes('/') ? parsePrefix(token.text) : undefined
    if (prefix) return prefix
    throw property.error('bad_argument', `bad network '${token.text}'`, 'ADDRESS/LENGTH such as 10.0.0.0/8', token)
  })
}
