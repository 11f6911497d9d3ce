import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { Replacement, compilePattern, countGroups } from '../../src/plugins/pattern.ts'
import { spellOut } from '../../src/plugins/repetition.ts'

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
  ['\\x{41}\\x{2e}[\\x{62}-d]+', 'A.bcde', 'A.bcd'],
  ['[\\d-a-c]+', '0-abz', '0-ab'],
  // Where case does not count; the matches are Go's.
  ['(?i)[a-c]+[X-Z]', '0AbCx', 'AbCx'],
  ['(?i)[^a-c]+', 'AbCxB', 'x'],
  ['(?i)[X-b]+', 'wxyzABc[', 'xyzAB'],
  ['(?i)[[:upper:]]+[[:lower:]]', '1ab', 'ab'],
  ['(?i)[^[:lower:]]+', 'Ab1', '1'],
  ['(?i)\\Qa.b\\E+', 'A.BbA', 'A.Bb'],
  ['(?i)\\Qa.b', 'A.B', 'A.B'],
  ['(?i)\\x41\\x{62}[\\x43]', 'aBc', 'aBc'],
  ['(?i)\\bA\\d\\D\\.', 'xa1b.a1b.', 'a1b.'],
  ['(?i)(?P<Name>b)\\z', 'aB', 'B'],
  ['(?i)\u00e9[\u00c0-\u00ca]', '\u00c9\u00e9', '\u00c9\u00e9'],
  ['(?i)ks[ks]', '\u212a\u017f\u212a', '\u212a\u017f\u212a'],
  ['(?i)\u212a[\u017f]', 'kS', 'kS'],
  ['(?i)\u0131', 'i', undefined],
  ['[a-z]+', 'ABc', 'c'],
  ['a(?i:b[c]|d)e', 'aBCe aDE', 'aBCe'],
  ['a(?i:b(?-i:c)d)E', 'aBcDE', 'aBcDE'],
  ['a(?i:b(?-i:c)d)E', 'aBCDE', undefined],
  ['(?i)a(?-i:b)(?s-i:.c)d', 'Ab\ncD', 'Ab\ncD'],
  ['(?i)a(?-i:b)(?s-i:.c)d', 'Ab\nCD', undefined],
  ['(?is-m:A.)', 'a\n', 'a\n'],
  // Counts that are written out.
  ['^[a-z0-9-]{1,63}\\.example\\.$', `${'a'.repeat(63)}.example.`, `${'a'.repeat(63)}.example.`],
  ['^[a-z0-9-]{1,63}\\.example\\.$', `${'a'.repeat(64)}.example.`, undefined],
  ['^[a-z0-9-]{1,63}\\.example\\.$', '.example.', undefined],
  ['a{1,20}?b?', 'aab', 'a'],
  ['x{20}', 'x'.repeat(21), 'x'.repeat(20)],
  ['x{20,}', 'x'.repeat(30), 'x'.repeat(30)],
  ['x{20,}?', 'x'.repeat(30), 'x'.repeat(20)],
  ['x{20,}', 'x'.repeat(19), undefined],
  ['x{0,20}y{0}', 'xxy', 'xx'],
  ['(?:[][]{2}[(){},]{3}){17}', '[]()}'.repeat(17), '[]()}'.repeat(17)],
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
  ['a(?i-:b)', /'\(\?i-:' is not understood here/],
  ['[a', /a bracket without its end/],
  ['[z-a]', /the range 'z-a' goes backwards/],
  ['[\\b]', /'\\b' is not understood/],
  ['\\x{110000}', /'\\x\{110000\}' is not understood/],
  ['a{1001}', /Corefile:3:7: repetitions that may take very long in 'a\{1001\}'; expected smaller counts/],
  ['(a|b){1,17}', /repetitions that may take very long .* \(\?:…\) around what is repeated/],
  ['(?:(?:a{1,63}){1,63}){1,63}', /repetitions that may take very long/],
  ['[[:nothing:]]', /the class \[:nothing:\]/],
  ['a'.repeat(10_001), /has 10001 characters/],
]
for (const [pattern, message] of mistakes) {
  void t.test(`refused: ${pattern.slice(0, 20)}`, async t => {
    t.throws(() => compile(pattern), message)
  })
}

const groups: readonly (readonly [pattern: string, text: string, groups: readonly (string | undefined)[]])[] = [
  ['^ip-(?P<a>\\d{1,3})-(\\d{1,3})\\.', 'ip-10-255.', ['10', '255']],
  ['^([a-z0-9-]{1,63})\\.([a-z]{2,63})\\.$', 'web-1.example.', ['web-1', 'example']],
  ['^([0-9a-f]\\.){32}(ip6)', `${'a.'.repeat(31)}b.ip6`, ['b.', 'ip6']],
  ['^((a|b)\\.){20}(c)', `${'a.'.repeat(19)}b.c`, ['b.', 'b', 'c']],
  ['^([ab]){18,}(c)', `${'a'.repeat(29)}bc`, ['b', 'c']],
  ['^([ab]){18,30}(c)', `${'a'.repeat(29)}bc`, ['b', 'c']],
  ['^(a){0}x{20}(y)', `${'x'.repeat(20)}y`, [undefined, 'y']],
]
for (const [pattern, text, expected] of groups) {
  void t.test(`groups of ${pattern}`, async t => {
    t.same(compile(pattern).exec(text)?.slice(1), expected)
  })
}

void t.test('counts written out match what they match where they stay', async t => {
  const atom = fc.constantFrom('a', '[ab]', '(?:ab)', '(a)', '(?:a|(b))', '.', '(b?)')
  const min = fc.nat(4)
  const quantifier = fc.oneof(
    fc.constantFrom('', '*', '+', '?', '??'),
    min.map(min => `{${min}}`),
    min.map(min => `{${min},}`),
    fc.tuple(min, fc.nat(4), fc.constantFrom('', '?')).map(([min, more, lazy]) => `{${min},${min + more}}${lazy}`),
  )
  const part = fc.tuple(atom, quantifier).map(pair => pair.join(''))
  // What would rather be nothing, counted, is left out: JavaScript refuses a repetition of nothing, Go writes it out as we do.
  const prefersNothing = /(\?|\{0,\d+\})\?/
  const nested = fc
    .tuple(part, part, fc.constantFrom('(', '(?:'), quantifier)
    .filter(([a, b, , q]) => !q.startsWith('{') || !prefersNothing.test(a + b))
    .map(([a, b, open, q]) => `${open}${a}${b})${q}`)
  const pattern = fc.array(fc.oneof(part, nested), { minLength: 1, maxLength: 3 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 }), (pattern, text) => {
      const spelled = spellOut(pattern, 100_000)
      t.ok(spelled !== undefined)
      t.same(new RegExp(spelled ?? '').exec(text), new RegExp(pattern).exec(text), `${pattern} as ${spelled}`)
    }),
    { numRuns: 300 },
  )
})

// In a process of its own: a pattern that takes for ever cannot be ended otherwise. Without the linear engine they take longer than any test may.
void t.test('hostile names end with every pattern that is taken', async t => {
  const script = fileURLToPath(new URL('hostile.ts', import.meta.url))
  const { stdout, status } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 20_000 })
  t.equal(status, 0, 'it came to its end')
  t.equal(stdout, '198 names, 0 matches\n')
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
