import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

void t.test('a million answers of every kind, through the whole chain, allocate nothing', async t => {
  const script = fileURLToPath(new URL('allocation.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' })
  t.equal(child.stderr, '')
  const { octets, collections, growth, nanoseconds } = JSON.parse(child.stdout)
  t.comment(`${nanoseconds} ns a query`)
  t.ok(octets > 50_000_000)
  t.equal(collections, 0)
  // One object a query would be at least 12 MB.
  t.ok(growth < 1 << 20, `${growth} octets`)
})
