import { type Plugin, joinChain } from '../../server/plugin.ts'
import { Whoami } from './whoami.ts'

export const whoami: Plugin = {
  name: 'whoami',
  repeatable: true,
  setup(cursor, block) {
    cursor.end()
    cursor.noBlock()
    const handler = new Whoami(joinChain(block, 'whoami'))
    return { handler: () => handler }
  },
}
