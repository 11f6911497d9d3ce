import type { Cursor } from '../../corefile/directive.ts'
import type { Plugin } from '../../server/plugin.ts'
import { Flag } from '../../wire/constants.ts'
import { type FlagChange, Header } from './header.ts'

const FLAGS: Readonly<Record<string, number>> = { aa: Flag.AA, ra: Flag.RA, rd: Flag.RD }

export const header: Plugin = {
  name: 'header',
  repeatable: true,
  setup(cursor) {
    cursor.end()
    const lines = cursor.block()
    if (lines.length === 0) throw cursor.expected('a block with a line such as: response set ra')
    let query: FlagChange = { set: 0, clear: 0 }
    let response = query
    for (const line of lines) {
      switch (line.name.text.toLowerCase()) {
        case 'query':
          query = readChange(line, query)
          break
        case 'response':
          response = readChange(line, response)
          break
        default:
          throw line.unknown(['query', 'response'])
      }
      line.noBlock()
    }
    return { handler: next => new Header(next, query, response) }
  },
}

/** A later line has the last word about a flag. */
function readChange(line: Cursor, before: FlagChange): FlagChange {
  const action = line.requireArg('set or clear')
  const isSet = action.text.toLowerCase() === 'set'
  if (!isSet && action.text.toLowerCase() !== 'clear') {
    throw line.error('bad_argument', `unknown action '${action.text}'`, 'set or clear', action)
  }
  const known = Object.keys(FLAGS).join(', ')
  const first = line.requireArg(`one or more of ${known}`)
  let bits = 0
  for (const token of [first, ...line.remainingArgs()]) {
    const flag = token.text.toLowerCase()
    if (!Object.hasOwn(FLAGS, flag)) {
      throw line.error('bad_argument', `unknown flag '${token.text}'`, `one of ${known}`, token)
    }
    bits |= FLAGS[flag]
  }
  return isSet
    ? { set: before.set | bits, clear: before.clear & ~bits }
    : { set: before.set & ~bits, clear: before.clear | bits }
}
