// What this program is called, and how it says so.

import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export const VERSION = version

/** Two lines, as CoreDNS prints them for `-version` and at its start. */
export const VERSION_TEXT = `kubezone-${version}\n${process.platform}/${process.arch}, node ${process.version}`
