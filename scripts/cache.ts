// What V8 makes of the program, kept for its starts: each of them would compile some 2,000 functions anew.
//
// All functions are in it, not those alone that a start has called: which ones those are differs from one start to the next.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CACHE, PROGRAM, packCache, readScript } from './loader.ts'

/** Of V8: everything is compiled at once, and the same octets come of it each time. Tables are ordered by hashes; who reads them has a seed of its own. */
const COMPLETE = ['--no-lazy', '--single-threaded', '--hash-seed=1', '--random-seed=1']
/** Where the octets that V8 makes have the hash of the flags that it ran with (V8's src/snapshot/code-serializer.h). Those above change no code. */
const FLAGS = { start: 12, end: 16 } as const

const MAX_BYTES = 64 << 20

/** Writes it beside the program in `folder`. `home` is where that will be, which is told in it, and `flags` those that Node will run with. */
export function makeCache(folder: string, home: string, flags: readonly string[]): void {
  const file = join(folder, PROGRAM)
  const compile = (flags: readonly string[]): Buffer => {
    const args = [...flags, fileURLToPath(import.meta.url), file, join(home, PROGRAM)]
    return execFileSync(process.execPath, args, { env: {}, maxBuffer: MAX_BYTES })
  }
  const data = compile([...flags, ...COMPLETE])
  compile(flags).copy(data, FLAGS.start, FLAGS.start, FLAGS.end)
  writeFileSync(join(folder, CACHE), packCache(readFileSync(file), data))
}

if (import.meta.main) {
  const [file, filename] = process.argv.slice(2)
  writeFileSync(1, readScript(file, { filename }).createCachedData())
}
