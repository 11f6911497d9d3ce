import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { RULES } from '../kubernetes/agreement.ts'
import { DIFFERENCES } from './differences.ts'

const text = readFileSync(new URL('../../docs/differences.md', import.meta.url), 'utf8')

void test('each rule by which an answer may differ from CoreDNS is in docs/differences.md, and the other way round', t => {
  const documented = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, rule]) => rule)
  t.strictSame(
    documented,
    DIFFERENCES.map(({ rule }) => rule),
  )
  t.end()
})

void test('so is each by which one may differ from a CoreDNS beside it in a real cluster', t => {
  const documented = new Set([...text.matchAll(/^[|*] `([a-z-]+)`/gm)].map(([, rule]) => rule))
  for (const { rule } of RULES) t.ok(documented.has(rule), rule)
  t.end()
})
