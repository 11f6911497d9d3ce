// `kubezone check`: everything that is checked before a start, without starting.

import { PLUGINS } from '../plugins/order.ts'
import { parseBlocks } from './configuration.ts'
import { readDifferences } from './differences.ts'
import { UsageError } from './flags.ts'
import { HELP } from './help.ts'
import { createLog } from './log.ts'
import { writeOut } from './output.ts'
import { readCorefile } from './serve.ts'
import { Site } from './site.ts'
import { VERSION } from './version.ts'

const DNS_PORT = 53

/** Resolves with 0 for a Corefile that can be served; rejects with the first mistake. */
export async function check(args: readonly string[]): Promise<number> {
  if (args.some(arg => /^--?h(elp)?$/.test(arg))) {
    writeOut(HELP)
    return 0
  }
  if (args.length > 1 || args[0]?.startsWith('-')) throw new UsageError('usage: kubezone check [Corefile]')
  const { text, file } = readCorefile(args[0] ?? 'Corefile')
  const site = new Site({
    corefile: text,
    file,
    defaultPort: DNS_PORT,
    log: createLog({ format: 'text', descriptor: 1 }),
    version: VERSION,
  })
  writeOut(`${file}: ok, serves ${site.keys.join(' ')}\n`)
  await site.stop()
  for (const line of tellDifferences(text, file)) writeOut(`${line}\n`)
  return 0
}

/** For each plugin of the Corefile, what it does otherwise than CoreDNS. */
function tellDifferences(text: string, file: string): string[] {
  const blocks = parseBlocks(text, { file, defaultPort: DNS_PORT, plugins: PLUGINS }, () => {})
  const used = new Set(blocks.flatMap(({ directives }) => directives.map(({ name }) => name.text)))
  const told: string[] = []
  for (const { name } of PLUGINS) {
    const differences = used.has(name) ? readDifferences(name) : []
    if (differences.length > 0) told.push(name, ...differences.map(difference => `  * ${difference}`))
  }
  return told.length > 0 ? ['', 'What differs from CoreDNS, for the plugins that it has:', ...told] : []
}
