#!/usr/bin/env node
import { existsSync } from 'node:fs'

// A checkout runs its sources as they are: Node strips the types from 22.18 on, but not under node_modules. A package has the bundle alone.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `kubezone needs Node 22.18 or newer, and this is ${process.versions.node}; its own dependencies bring one: npm install, then npx kubezone\n`,
  )
  process.exit(1)
}
const main = new URL('../src/main.ts', import.meta.url)
await import(existsSync(main) ? main.href : '../dist/lib/main.mjs')
