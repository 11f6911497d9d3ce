import type { Plugin } from '../../server/plugin.ts'

export const debug: Plugin = {
  name: 'debug',
  repeatable: true,
  setup(cursor, block) {
    cursor.end()
    cursor.noBlock()
    // One server block that has it turns it on for the whole process, as in CoreDNS.
    block.process.log.level = 'debug'
    return {}
  },
}
