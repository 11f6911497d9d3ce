import type { Plugin } from '../../server/plugin.ts'
import { Bufsize } from './bufsize.ts'

/** DNS flag day 2020: what fits in one packet of IPv6 wherever that may go. */
const DEFAULT_SIZE = 1232
const MIN_SIZE = 512
const MAX_SIZE = 4096

export const bufsize: Plugin = {
  name: 'bufsize',
  repeatable: true,
  setup(cursor) {
    const size = cursor.args.length > 0 ? cursor.integer(MIN_SIZE, MAX_SIZE) : DEFAULT_SIZE
    cursor.end()
    cursor.noBlock()
    return { handler: next => new Bufsize(next, size) }
  },
}
