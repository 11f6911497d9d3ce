import { readFileSync } from 'node:fs'
import { type WireName, lowerName, parseName } from '../wire/name.ts'

/** The search list of a file in the format of resolv.conf(5): the last of its `search` and `domain` lines. Throws when it cannot be read. */
export function readSearchList(path: string): WireName[] {
  let names: string[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/)
    if (keyword === 'search') names = words
    else if (keyword === 'domain') names = words.slice(0, 1)
  }
  return names.flatMap(name => {
    const wire = parseName(name)
    return wire ? [lowerName(wire)] : []
  })
}
