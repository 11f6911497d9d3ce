import { globSync, readdirSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { ManifestError } from './document.ts'

const EXTENSIONS = new Set(['.yaml', '.yml', '.json'])
const START = { line: 1, column: 1 } as const

/** The files of a directory (those with manifests, at any depth), of a glob pattern, or the file itself. Throws ManifestError. */
export function filesOf(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isDirectory()) {
    const found = filesBelow(path)
    if (found.length === 0) throw new ManifestError(path, START, 'no .yaml, .yml or .json file in this directory')
    return found
  }
  if (stats) return [path]
  const isPattern = /[*?[{]/.test(path)
  const matches = isPattern
    ? globSync(path)
        .filter(match => !isKustomization(match))
        .sort(compareText)
    : []
  if (matches.length === 0) throw new ManifestError(path, START, 'no such file or directory, and no file matches it')
  return matches.flatMap(match => (statSync(match).isDirectory() ? filesBelow(match) : [match]))
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => compareText(a.name, b.name))
  return entries.flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name.startsWith('.') ? [] : filesBelow(path)
    return EXTENSIONS.has(extname(entry.name)) && !isKustomization(path) ? [path] : []
  })
}

// Kustomize's own file lies beside manifests and is none.
function isKustomization(path: string): boolean {
  return /^kustomization\.ya?ml$/i.test(basename(path))
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : 1
}
