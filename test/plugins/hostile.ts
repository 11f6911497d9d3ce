// The process of pattern.test.ts: names that make patterns backtrack, which none of them fits.

import { compilePattern } from '../../src/plugins/pattern.ts'

const patterns = [
  '(?i)^(a+)+x$',
  '(?i)^(?:[a-z]|a)*x$',
  '^(?i:(a+)+)x$',
  '^(a{1,63})+x$',
  '(?i)^(a{1,63})+x$',
  '^(?:[a-z0-9-]{1,63}[.-]?){1,20}x$',
  '^(?:a?){40}a{40}x$',
  '^(?:(?:a|a)*)*b$',
  '^((a{2,30})*)*b$',
  '(.*)\\.(.*)\\.(.*)\\.(.*)\\.(.*)\\.x',
  '(.*)[a-z]{1,63}(.*)[a-z]{1,63}(.*)x',
]
const names = [
  'a'.repeat(28),
  'a'.repeat(250),
  'aA'.repeat(125),
  'a.'.repeat(125),
  'a-'.repeat(125),
  '\\255'.repeat(250),
]

let tried = 0
let matches = 0
for (const text of patterns) {
  const pattern = compilePattern({ text, file: 'Corefile', line: 1, column: 1, quoted: false, startsLine: false })
  // More than once: V8 compiles a pattern anew when it is used again.
  for (let run = 0; run < 3; run++) {
    for (const name of names) {
      tried++
      if (pattern.test(`${name}!`)) matches++
    }
  }
}
process.stdout.write(`${tried} names, ${matches} matches\n`)
