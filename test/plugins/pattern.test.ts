import t from 'tap'
import { Replacement, compilePattern, countGroups } from '../../src/plugins/pattern.ts'

const compile = (text: string): RegExp =>
  compilePattern({ text, file: 'Corefile', line: 3, column: 7, quoted: false, startsLine: false })

/** What the syntaxes of RE2 and JavaScript say differently. */
const patterns: readonly (readonly [pattern: string, text: string, match: string | undefined])[] = [
  ['(?P<name>b+)c', 'abbc', 'bbc'],
  ['(?<name>b+)c', 'abbc', 'bbc'],
  ['(?i)ABC', 'xabc', 'abc'],
  ['(?is)A.c', 'a\nc', 'a\nc'],
  ['(?i:A)b', 'ab', 'ab'],
  ['(?i:A)b', 'aB', undefined],
  ['(?:a|b)+', 'xabba', 'abba'],
  ['\\Aab\\z', 'ab', 'ab'],
  ['\\Aab\\z', 'xab', undefined],
  ['\\Qa.b*\\E+', 'a.b**', 'a.b**'],
  ['\\Qa.b', 'a.b', 'a.b'],
  ['[[:alpha:]_]+', '1ab_2', 'ab_'],
  ['[^[:digit:].]+', '1.ab2', 'ab'],
  ['[]a]+', 'x]a]', ']a]'],
  ['[^]a]+', ']xa', 'x'],
  ['[a[]+', 'x[a', '[a'],
  ['[(?P<x>]+', 'a(?P<x>b', '(?P<x>'],
  ['[a\\]b]+', 'a]b', 'a]b'],
  ['a{2,3}', 'aaaa', 'aaa'],
  ['\\x41\\.\\d', 'A.1', 'A.1'],
]
for (const [pattern, text, match] of patterns) {
  void t.test(`${pattern} in ${JSON.stringify(text)}`, async t => {
    t.equal(compile(pattern).exec(text)?.[0], match)
  })
}

const mistakes: readonly (readonly [pattern: string, message: RegExp])[] = [
  ['(', /Corefile:3:7: .* in '\('; expected a regular expression/],
  ['a(?=b)', /'\(\?=' is not in the syntax of RE2/],
  ['a(?<!b)', /'\(\?<!' is not in the syntax of RE2/],
  ['(a)\\1', /'\\1' is not understood/],
  ['\\pL', /'\\p' is not understood/],
  ['a(?i)b', /'\(\?i\)' is not understood here/],
  ['(?U)a', /'\(\?U\)' is not understood here/],
  ['[[:nothing:]]', /the class \[:nothing:\]/],
  ['a'.repeat(10_001), /has 10001 characters/],
]
for (const [pattern, message] of mistakes) {
  void t.test(`refused: ${pattern.slice(0, 20)}`, async t => {
    t.throws(() => compile(pattern), message)
  })
}

void t.test('a pattern that backtracks without end comes to an end', async t => {
  // Without the linear engine behind, this takes longer than any test may.
  t.equal(compile('^(?:(?:a|a)*)*b$').exec(`${'a'.repeat(250)}c`), null)
  t.equal(compile('(.*)\\.(.*)\\.(.*)\\.(.*)\\.(.*)\\.x').exec('a.'.repeat(125)), null)
})

void t.test('references are to groups by their numbers, and stay text where they are none', async t => {
  const pattern = compile('^(a)(x)?(.*)$')
  t.equal(countGroups(pattern), 3)
  t.equal(countGroups(compile('a|b')), 0)
  const match = pattern.exec('a{1}$&')
  t.ok(match)
  if (!match) return
  const replacement = new Replacement('{3}-{1}{2}.{0}.{name}{}')
  t.equal(replacement.groups, 3)
  t.equal(replacement.fill(match), '{1}$&-a.a{1}$&.{name}{}')
})
