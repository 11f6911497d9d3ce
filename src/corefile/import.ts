// The files behind `import PATTERN`.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { CorefileError } from './error.ts'
import type { Token } from './token.ts'

// A ConfigMap holds 1 MiB at most; this bounds what a wrong path can make the server read.
const MAX_FILE_OCTETS = 4 * 1024 * 1024

export interface ImportedFile {
  path: string
  text: string
}

/**
 * Reads what `pattern` names, relative to the file that the import stands in, in the order of the names.
 * No file for a pattern with a wildcard is an empty list; a plain file that does not exist throws CorefileError.
 */
export function readImport(pattern: Token): ImportedFile[] {
  const text = pattern.text
  const path = isAbsolute(text) ? text : join(dirname(pattern.file), text)
  // Caddy #2096: a pattern with many wildcards can take for ever.
  if (path.split('*').length > 2 || path.split('?').length > 2 || path.includes('[')) {
    throw new CorefileError('bad_import', pattern, `'${text}' has too many wildcards`, "at most one '*' and one '?'")
  }
  if (hasWildcard(path)) return expandGlob(path).flatMap(match => readMatch(pattern, match))
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new CorefileError(
      'bad_import',
      pattern,
      `nothing to import: no snippet (${text}) stands above and there is no file ${path}`,
      'the name of a snippet, a file, or a pattern with one *',
    )
  }
  return [{ path, text: readText(pattern, path) }]
}

export function hasWildcard(path: string): boolean {
  return path.includes('*') || path.includes('?')
}

/** A mounted ConfigMap has directories beside its files (`..data`); a wildcard means the files. */
function readMatch(pattern: Token, path: string): ImportedFile[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined || stat.isDirectory() ? [] : [{ path, text: readText(pattern, path) }]
}

function readText(pattern: Token, path: string): string {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > MAX_FILE_OCTETS) throw new Error(`it has ${stat.size} octets`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const expected = `a readable text file of at most ${MAX_FILE_OCTETS} octets`
    throw new CorefileError('bad_import', pattern, `cannot read ${path}: ${reason}`, expected)
  }
}

function expandGlob(path: string): string[] {
  let found = [path.startsWith('/') ? '/' : '']
  for (const segment of path.split('/').filter(Boolean)) {
    if (!hasWildcard(segment)) {
      found = found.map(parent => join(parent, segment))
      continue
    }
    const matches = globSegment(segment)
    found = found.flatMap(parent =>
      listNames(parent || '.')
        .filter(name => matches.test(name))
        .map(name => join(parent, name)),
    )
  }
  return found
}

function globSegment(segment: string): RegExp {
  const source = segment.replace(/[.+^${}()|\\\]]/g, '\\$&')
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su')
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    // As Go's filepath.Glob: a directory that cannot be read matches nothing.
    return []
  }
}
