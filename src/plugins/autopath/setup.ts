import { isAbsolute, join } from 'node:path'
import type { Cursor } from '../../corefile/directive.ts'
import { parseZones } from '../../corefile/key.ts'
import type { Token } from '../../corefile/token.ts'
import type { Block, Plugin } from '../../server/plugin.ts'
import type { SearchPath } from '../../server/searchpath.ts'
import { Scope } from '../scope.ts'
import { readSearchList } from '../searchlist.ts'
import { nameServer } from '../servername.ts'
import { AutoPath } from './autopath.ts'
import { FixedSearchPath } from './fixed.ts'

const EXPECTED = 'a file such as /etc/resolv.conf, or @kubernetes'

export const autopath: Plugin = {
  name: 'autopath',
  repeatable: false,
  setup(cursor, block) {
    const args = cursor.remainingArgs()
    const source = args.pop()
    if (!source) throw cursor.expected(EXPECTED)
    cursor.noBlock()
    const zones = args.flatMap(parseZones)
    const scope = new Scope(zones.length > 0 ? zones : block.zones)
    const fixed = source.text.startsWith('@') ? undefined : readFile(cursor, source, block)
    return {
      handler(next) {
        // All plugins of the block are set up by now.
        const path = fixed ?? findSearchPath(cursor, source, block)
        const { metrics } = block.process
        const successes = metrics.counter('coredns_autopath_success_total', 'Counter of requests that did autopath.', [
          'server',
        ])
        return new AutoPath(next, scope, path, successes.cell([nameServer(block)]))
      },
    }
  },
}

function readFile(cursor: Cursor, token: Token, { directory }: Block): SearchPath {
  const path = isAbsolute(token.text) ? token.text : join(directory, token.text)
  try {
    return new FixedSearchPath(readSearchList(path))
  } catch (error) {
    throw cursor.error('bad_argument', (error as Error).message, EXPECTED, token)
  }
}

function findSearchPath(cursor: Cursor, token: Token, { instances }: Block): SearchPath {
  const named = instances.filter(({ name }) => name === token.text.slice(1))
  const path = named.map(({ instance }) => instance.searchPath?.()).find(known => known !== undefined)
  if (path) return path
  const what = `the server block has no plugin '${token.text.slice(1)}' that knows search paths`
  throw cursor.error('bad_argument', what, EXPECTED, token)
}
