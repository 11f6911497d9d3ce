// The files of the image, started as a pod starts them.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './process.ts'

const IMAGE = fileURLToPath(new URL('../scripts/image.ts', import.meta.url))

/** Writes them into a folder. What starts them takes the arguments of kubezone behind its own. */
export function writeImage(root: string): Command {
  execFileSync(process.execPath, [IMAGE, '--root', root])
  return {
    file: join(root, 'bin/node'),
    args: ['--max-old-space-size-percentage=50', join(root, 'kubezone/dist/lib/main.mjs')],
    // A pod has no authorities of its machine's, which Node would parse.
    env: { NODE_EXTRA_CA_CERTS: '' },
  }
}
