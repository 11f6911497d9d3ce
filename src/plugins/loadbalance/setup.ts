import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { type Prefix, parsePrefix } from '../../corefile/cidr.ts'
import type { Cursor } from '../../corefile/directive.ts'
import type { Block, Instance, Plugin } from '../../server/plugin.ts'
import { MAX_TIMER_MS } from '../duration.ts'
import { Loadbalance } from './loadbalance.ts'
import { WeightFile } from './weights.ts'

const DEFAULT_RELOAD_MS = 30_000

export const loadbalance: Plugin = {
  name: 'loadbalance',
  repeatable: true,
  setup(cursor, block) {
    const policy = cursor.nextArg()
    if (policy?.text === 'weighted') return readWeighted(cursor, block)
    if (policy && policy.text !== 'round_robin') {
      throw cursor.error('bad_argument', `unknown policy '${policy.text}'`, 'round_robin or weighted FILE', policy)
    }
    cursor.end()
    const preferred: Prefix[] = []
    for (const property of cursor.block()) {
      if (property.name.text !== 'prefer') throw property.unknown(['prefer'])
      preferred.push(...readPrefixes(property))
      property.noBlock()
    }
    return { handler: next => new Loadbalance(next, { preferred }, makeSeed()) }
  },
}

function readWeighted(cursor: Cursor, block: Block): Instance {
  const path = resolve(block.directory, cursor.requireArg('the weight file').text)
  cursor.end()
  let reloadMs = DEFAULT_RELOAD_MS
  for (const property of cursor.block()) {
    if (property.name.text !== 'reload') throw property.unknown(['reload'])
    reloadMs = property.durationMs(0, MAX_TIMER_MS)
    property.end()
    property.noBlock()
  }
  const weights = new WeightFile(path, block.process.notices)
  return {
    handler: next => new Loadbalance(next, { preferred: [], weights }, makeSeed()),
    start: () => weights.start(reloadMs),
    async stop() {
      weights.stop()
    },
  }
}

const makeSeed = (): number => randomInt(1, 2 ** 32)

function readPrefixes(property: Cursor): Prefix[] {
  return property.remainingArgs().map(token => {
    const prefix = token.text.includes('/') ? parsePrefix(token.text) : undefined
    if (prefix) return prefix
    throw property.error('bad_argument', `bad network '${token.text}'`, 'ADDRESS/LENGTH such as 10.0.0.0/8', token)
  })
}
