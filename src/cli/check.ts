// `kubezone check`: everything that is checked before a start, without starting.

import { UsageError } from './flags.ts'
import { HELP } from './help.ts'
import { createLog } from './log.ts'
import { writeOut } from './output.ts'
import { readCorefile } from './serve.ts'
import { Site } from './site.ts'
import { VERSION } from './version.ts'

/** Resolves with 0 for a Corefile that can be served; rejects with the first mistake. */
export async function check(args: readonly string[]): Promise<number> {
  if (args.some(arg => /^--?h(elp)?$/.test(arg))) {
    writeOut(HELP)
    return 0
  }
  if (args.length > 1 || args[0]?.startsWith('-')) throw new UsageError('usage: kubezone check [Corefile]')
  const { text, file } = readCorefile(args[0] ?? 'Corefile')
  const site = new Site({ corefile: text, file, defaultPort: 53, log: createLog('text'), version: VERSION })
  writeOut(`${file}: ok, serves ${site.keys.join(' ')}\n`)
  await site.stop()
  return 0
}
