// Files of an image, before they are an archive.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Entry {
  /** In the image, without a slash before it. */
  readonly path: string
  readonly content: Buffer
  readonly mode: number
  /** May bind ports below 1024 as any user. */
  readonly bindsLowPorts: boolean
}

export const Mode = { File: 0o644, Program: 0o755 } as const
export type Mode = (typeof Mode)[keyof typeof Mode]

export function makeEntry(
  path: string,
  content: Buffer | string,
  mode: Mode = Mode.File,
  bindsLowPorts = false,
): Entry {
  return { path, content: Buffer.from(content), mode, bindsLowPorts }
}

/** Writes them below a folder. What may bind low ports is left to `setcap`. */
export function writeTree(root: string, entries: readonly Entry[]): void {
  for (const { path, content, mode } of entries) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    chmodSync(file, mode)
  }
}
