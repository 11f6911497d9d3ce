import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { DIFFERENCES } from './differences.ts'

void test('each rule by which an answer may differ from CoreDNS is in docs/differences.md, and the other way round', t => {
  const text = readFileSync(new URL('../../docs/differences.md', import.meta.url), 'utf8')
  const documented = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, rule]) => rule)
  t.strictSame(
    documented,
    DIFFERENCES.map(({ rule }) => rule),
  )
  t.end()
})
