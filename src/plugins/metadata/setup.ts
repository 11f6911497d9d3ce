import { openMetadata } from '../../server/metadata.ts'
import type { Plugin } from '../../server/plugin.ts'
import { Scope } from '../scope.ts'

export const metadata: Plugin = {
  name: 'metadata',
  repeatable: false,
  setup(cursor, block) {
    const zones = cursor.zones()
    cursor.noBlock()
    const scope = new Scope(zones.length > 0 ? zones : block.zones)
    return {
      collects: query => scope.has(query),
      handler(next) {
        openMetadata(block)
        return next
      },
    }
  },
}
