// The floor (floor.c), compiled when it is started.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Contender, ask } from '../contender.ts'

const SOURCE = fileURLToPath(new URL('floor.c', import.meta.url))

export const floor: Contender = {
  name: 'C, a fixed answer',
  program: 'cc',
  get: 'apt-get install gcc libc6-dev',
  version: file => ask(file, '--version').split('\n', 1)[0],
  hasTcp: false,
  prepare(compiler, { directory, port }) {
    const file = join(directory, 'floor')
    execFileSync(compiler, ['-O2', '-o', file, SOURCE])
    return { file, args: [String(port)] }
  },
}
