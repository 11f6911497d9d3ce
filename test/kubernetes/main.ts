// npm run test:kubernetes: builds what the tests beside this run against, and runs them.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildPrograms } from './programs.ts'

const tell = (line: string): void => void process.stderr.write(`test:kubernetes: ${line}\n`)

const missing = await buildPrograms(tell)
if (missing !== undefined) {
  tell(`skipped: ${missing}`)
} else {
  const rcfile = fileURLToPath(new URL('.taprc', import.meta.url))
  const env = { ...process.env, TAP_RCFILE: rcfile }
  const { status } = spawnSync('tap', process.argv.slice(2), { env, stdio: 'inherit' })
  process.exitCode = status ?? 1
}
