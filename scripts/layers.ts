// What is in the image: one layer that changes with Node, one that changes with kubezone.

import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type Entry, Mode, makeEntry } from './tree.ts'

const NOBODY = 65_532

/** `root` is that of the project, `work` a folder for what lies between, with the bundle in `lib`. */
export type Layer = (root: string, work: string) => Entry[]

/** Node, the libraries that it and koffi need, and the names of the users. */
const runtime: Layer = (root, work) => {
  const native = join(root, NATIVE)
  const libraries = new Set([process.execPath, native].flatMap(listLibraries))
  return [
    makeEntry('bin/node', strip(realpathSync(process.execPath), work), Mode.Program, true),
    ...[...libraries].map(file => makeEntry(file.slice(1), strip(realpathSync(file), work), Mode.Program)),
    makeEntry('etc/passwd', `root:x:0:0:root:/:/bin/false\nnonroot:x:${NOBODY}:${NOBODY}:nonroot:/:/bin/false\n`),
    // The kubelet brings its own. Without either, `localhost` would be asked of a DNS server: of this one.
    makeEntry('etc/hosts', '127.0.0.1 localhost\n::1 localhost\n'),
    makeEntry('etc/nsswitch.conf', 'hosts: files dns\n'),
    makeEntry('etc/group', `root:x:0:\nnonroot:x:${NOBODY}:\n`),
  ]
}

/** The bundle, koffi with its native part for this platform alone, and what commands read beside it. */
const program: Layer = (root, work) => {
  const copy = (pattern: string): Entry[] =>
    globSync(pattern, { cwd: root }).map(file => makeEntry(`kubezone/${file}`, readFileSync(join(root, file))))
  const lib = globSync('*', { cwd: join(work, 'lib') })
  return [
    // For `kubectl exec`: kubezone lookup, kubezone check.
    makeEntry('bin/kubezone', "#!/bin/node\nimport '/kubezone/dist/lib/main.mjs'\n", Mode.Program),
    ...lib.map(file => makeEntry(`kubezone/dist/lib/${file}`, readFileSync(join(work, 'lib', file)))),
    ...['package.json', 'LICENSE', 'examples/*', 'src/plugins/*/README.md'].flatMap(copy),
    ...['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'].flatMap(file =>
      copy(`node_modules/koffi/${file}`),
    ),
    ...[`${PLATFORM}/package.json`, `${PLATFORM}/index.js`].flatMap(copy),
    makeEntry(`kubezone/${NATIVE}`, strip(join(root, NATIVE), work), Mode.Program),
  ]
}

export const LAYERS: readonly Layer[] = [runtime, program]

const PLATFORM = `node_modules/@koromix/koffi-linux-${process.arch}`
const NATIVE = `${PLATFORM}/linux_${process.arch}/koffi.node`

/** Paths of the shared libraries that a file needs, as the loader looks for them. */
function listLibraries(file: string): string[] {
  const lines = execFileSync('ldd', [file], { encoding: 'utf8' }).trimEnd().split('\n')
  return lines.flatMap(line => {
    if (line.includes('not found'))
      throw new Error(`${file} needs a library that is not on this machine: ${line.trim()}`)
    return /(?:^|=>)\s*(\/\S+) \(/.exec(line)?.[1] ?? []
  })
}

/** Without symbols where binutils are there; a fifth smaller. */
function strip(file: string, work: string): Buffer {
  const output = join(work, 'stripped')
  const { status } = spawnSync('strip', ['--strip-unneeded', '-o', output, file], { stdio: 'ignore' })
  return readFileSync(status === 0 ? output : file)
}
