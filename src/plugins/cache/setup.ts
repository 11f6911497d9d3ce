import { randomInt } from 'node:crypto'
import { type Plugin, joinChain } from '../../server/plugin.ts'
import { Cache } from './cache.ts'
import { SYSTEM_CLOCK } from './clock.ts'
import { defineMetrics } from './metrics.ts'
import { readOptions } from './options.ts'

export const cache: Plugin = {
  name: 'cache',
  repeatable: false,
  setup(cursor, block) {
    const options = readOptions(cursor, block.zones)
    const author = joinChain(block, 'cache')
    return {
      handler(next) {
        const metrics = defineMetrics(block, options.zones)
        return new Cache(next, options, { metrics, clock: SYSTEM_CLOCK, author, seed: randomInt(2 ** 32) })
      },
    }
  },
}
