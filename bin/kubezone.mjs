#!/usr/bin/env node
// Sources are TypeScript and run as they are: Node strips the types from 22.18 on.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `kubezone needs Node 22.18 or newer, and this is ${process.versions.node}; its own dependencies bring one: npm install, then npx kubezone\n`,
  )
  process.exit(1)
}
await import('../src/main.ts')
