import type { Cursor } from '../../corefile/directive.ts'
import type { Block, Plugin } from '../../server/plugin.ts'

const MIN_MS = 1_000
const MAX_MS = 24 * 3_600_000

/** What each property of the block does; the keys are the properties that there are. */
const PROPERTIES: Readonly<Record<string, (line: Cursor, limits: Block['tcp']) => void>> = {
  read(line, limits) {
    limits.readTimeoutMs = line.durationMs(MIN_MS, MAX_MS)
  },
  write(line, limits) {
    limits.writeTimeoutMs = line.durationMs(MIN_MS, MAX_MS)
  },
  idle(line, limits) {
    limits.idleTimeoutMs = line.durationMs(MIN_MS, MAX_MS)
  },
  maxtcpqueries(line, limits) {
    const count = line.integer(-1)
    if (count === 0) throw line.error('bad_argument', 'no query at all', 'a number above 0, or -1 for no limit')
    limits.maxQueries = count < 0 ? Infinity : count
  },
}

export const timeouts: Plugin = {
  name: 'timeouts',
  repeatable: true,
  setup(cursor, block) {
    cursor.end()
    const lines = cursor.block()
    if (lines.length === 0) throw cursor.expected(`a block with at least one of ${Object.keys(PROPERTIES).join(', ')}`)
    for (const line of lines) {
      const property = Object.hasOwn(PROPERTIES, line.name.text) ? PROPERTIES[line.name.text] : undefined
      if (!property) throw line.unknown(Object.keys(PROPERTIES))
      property(line, block.tcp)
      line.end()
      line.noBlock()
    }
    return {}
  },
}
