import type { Plugin, ProcessContext } from '../../server/plugin.ts'

/** How many server blocks that run have it. */
const holds = new WeakMap<ProcessContext, number>()

export const debug: Plugin = {
  name: 'debug',
  repeatable: true,
  setup(cursor, { process }) {
    cursor.end()
    cursor.noBlock()
    return {
      start() {
        change(process, 1)
        return Promise.resolve()
      },
      stop() {
        change(process, -1)
        return Promise.resolve()
      },
    }
  },
}

/** One server block that has it turns it on for the whole process, as in CoreDNS; a reload that takes it out of the last one turns it off. */
function change(process: ProcessContext, by: number): void {
  const count = (holds.get(process) ?? 0) + by
  holds.set(process, count)
  process.log.level = count > 0 ? 'debug' : 'info'
}
