// `npm run image`: dist/kubezone.tar, a container image that needs neither an engine nor a registry to be made. IMAGE names it.
// `npm run image -- --root DIR` writes what is in it to a folder instead, for deploy/Dockerfile.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type ImageConfig, packArchive } from './archive.ts'
import { bundle } from './build.ts'
import { makeCache } from './cache.ts'
import { LAYERS } from './layers.ts'
import { writeTree } from './tree.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DEFAULT_NAME = 'registry.local/kubezone:dev'
/** As CoreDNS's image has it. A number, for `runAsNonRoot`. */
const USER = '65532:65532'

const HOME = '/kubezone/dist/lib'
/** Of Node. */
const FLAGS = ['--max-old-space-size-percentage=50']

const CONFIG: ImageConfig = {
  // kubeadm's Deployment and its like give arguments alone: `-conf /etc/coredns/Corefile`.
  Entrypoint: ['/bin/node', ...FLAGS, join(HOME, 'main.mjs')],
  Env: ['PATH=/bin'],
  User: USER,
  WorkingDir: '/',
  ExposedPorts: { '53/tcp': {}, '53/udp': {} },
}

const { values } = parseArgs({ options: { root: { type: 'string' }, output: { type: 'string' } } })
if (process.platform !== 'linux') {
  throw new Error(
    'the image is made of the Node and the libraries of this machine, so this has to be Linux: see deploy/Dockerfile',
  )
}
const work = mkdtempSync(join(tmpdir(), 'kubezone-image-'))
try {
  await bundle(join(work, 'lib'))
  makeCache(join(work, 'lib'), HOME, FLAGS)
  const layers = LAYERS.map(layer => layer(ROOT, work))
  if (values.root === undefined) {
    const name = process.env['IMAGE'] ?? DEFAULT_NAME
    const { archive, digest } = await packArchive(name, layers, CONFIG)
    const file = values.output ?? join(ROOT, 'dist/kubezone.tar')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, archive)
    process.stdout.write(`${name} ${digest.slice(0, 19)} ${file} ${(archive.length / 1e6).toFixed(1)} MB\n`)
  } else {
    for (const entries of layers) writeTree(values.root, entries)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
