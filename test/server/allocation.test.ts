import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

void t.test('a million answers allocate nothing: no collection, no growth', async t => {
  const script = fileURLToPath(new URL('allocation.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' })
  t.equal(child.stderr, '')
  const { answered, collections, growth } = JSON.parse(child.stdout)
  t.equal(answered, 1_000_000)
  t.equal(collections, 0)
  t.ok(growth < 1 << 20, `${growth} octets`)
})
