// How the bundle loads what serves: one script, and beside it what V8 has compiled of that before, where it fits.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Script } from 'node:vm'

/** The script, and what V8 has compiled of it: behind the digest of both, since V8 takes what it is given for its own as long as the lengths are right. */
export const PROGRAM = 'program.js'
export const CACHE = 'program.cache'
const DIGEST_BYTES = 32

/** `beside` is the URL of a file in the same folder. What the script exports. */
export function loadProgram(beside: string): Record<string, never> {
  const file = fileURLToPath(new URL(PROGRAM, beside))
  const module = { exports: {} }
  const run = readScript(file, { cachedData: readCache(file) }).runInThisContext() as Program
  run(createRequire(file), module, pathToFileURL(file).href, name => import(name))
  return module.exports
}

/** What the script is: a function, which the build wraps around the program. */
type Program = (require: NodeJS.Require, module: object, url: string, load: (name: string) => Promise<unknown>) => void

/**
 * What `cachedData` has not is compiled when it is called. That of another V8, or for other flags, is `cachedDataRejected`, and of no consequence. The
 * script is told in stacks by `filename`.
 */
export function readScript(file: string, options: { cachedData?: Buffer; filename?: string }): Script {
  // It is ASCII.
  return new Script(readFileSync(file, 'latin1'), { filename: file, ...options })
}

/** Undefined where there is none, or not one of this script. */
export function readCache(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file.replace(PROGRAM, CACHE))
    const data = bytes.subarray(DIGEST_BYTES)
    return bytes.subarray(0, DIGEST_BYTES).equals(digest(readFileSync(file), data)) ? data : undefined
  } catch {
    return undefined
  }
}

/** The octets of a file with what V8 has compiled of a script. */
export const packCache = (script: Buffer, data: Buffer): Buffer => Buffer.concat([digest(script, data), data])

const digest = (script: Buffer, data: Buffer): Buffer => createHash('sha256').update(script).update(data).digest()
