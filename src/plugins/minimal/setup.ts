import type { Plugin } from '../../server/plugin.ts'
import { Minimal } from './minimal.ts'

export const minimal: Plugin = {
  name: 'minimal',
  repeatable: true,
  setup(cursor) {
    cursor.end()
    cursor.noBlock()
    return { handler: next => new Minimal(next) }
  },
}
