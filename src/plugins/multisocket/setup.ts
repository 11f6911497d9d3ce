import { availableParallelism } from 'node:os'
import type { Plugin } from '../../server/plugin.ts'

/** CoreDNS's bound. */
const MAX_THREADS = 1024
/** More than a machine has CPUs for only cost memory. */
const MIN_LIMIT = 8

export const multisocket: Plugin = {
  name: 'multisocket',
  repeatable: false,
  setup(cursor, block) {
    const token = cursor.nextArg()
    cursor.end()
    cursor.noBlock()
    // The kernel's view of the CPUs, and the limit of the cgroup.
    const cpus = availableParallelism()
    const limit = Math.min(MAX_THREADS, Math.max(MIN_LIMIT, 4 * cpus))
    const threads = token ? Number(token.text) : cpus
    if (!Number.isInteger(threads) || threads < 1 || threads > limit) {
      const expected = `a whole number from 1 to ${limit}, or none for one thread for each CPU (here ${cpus})`
      throw cursor.error('bad_argument', `'${token?.text}' threads cannot be had`, expected, token)
    }
    block.threads = threads
    return {}
  },
}
