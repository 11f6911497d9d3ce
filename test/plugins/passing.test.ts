import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

void t.test('a question that a plugin is not for passes without an allocation', async t => {
  const script = fileURLToPath(new URL('passing.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' })
  t.equal(child.stderr, '')
  const results = JSON.parse(child.stdout) as Record<
    string,
    { growth: number; collections: number; nanoseconds: number }
  >
  t.ok(Object.keys(results).length >= 9)
  for (const [name, { growth, collections, nanoseconds }] of Object.entries(results)) {
    t.comment(`${name}: ${nanoseconds} ns a question`)
    t.equal(collections, 0, name)
    // One object a question would be at least 6 MB.
    t.ok(growth < 1 << 20, `${name}: ${growth} octets`)
  }
})
