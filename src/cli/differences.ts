// What a plugin does otherwise than its namesake in CoreDNS: the last section of its README.

import { readFileSync } from 'node:fs'

const SECTION = /^## Differences from CoreDNS\n(.*?)(?=^## |(?![^]))/ms

/** One entry for each item of the list, on one line. Empty where there are none, or where no README came with this installation. */
export function readDifferences(plugin: string): string[] {
  let text: string
  try {
    text = readFileSync(new URL(`../../src/plugins/${plugin}/README.md`, import.meta.url), 'utf8')
  } catch {
    return []
  }
  const section = SECTION.exec(text)?.[1] ?? ''
  return section
    .split(/^\* /m)
    .slice(1)
    .map(item => item.trim().replaceAll(/\s+/g, ' '))
}
