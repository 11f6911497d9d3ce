import { type Plugin, joinChain } from '../../server/plugin.ts'
import { Any } from './any.ts'

export const any: Plugin = {
  name: 'any',
  repeatable: true,
  setup(cursor, block) {
    cursor.end()
    cursor.noBlock()
    const author = joinChain(block, 'any')
    return { handler: next => new Any(next, author) }
  },
}
