import { readFileSync } from 'node:fs'
import t from 'tap'
import { CorefileError } from '../../src/corefile/error.ts'
import { readTokens } from '../../src/corefile/lexer.ts'

interface LexerRow {
  input: string
  expected: { Line: number; Text: string }[]
}

const data = readFileSync(new URL('../conformance/unit/corefile_lexer.json', import.meta.url), 'utf8')
const { rows } = JSON.parse(data) as { rows: LexerRow[] }

void t.test("splits every text of Caddy's own table as Caddy does", async t => {
  t.equal(rows.length, 14)
  for (const { input, expected } of rows) {
    const found = readTokens(input, 'Corefile').map(token => ({ Line: token.line, Text: token.text }))
    t.same(found, expected, JSON.stringify(input))
  }
})

function words(text: string): string[] {
  return readTokens(text, 'Corefile').map(token => token.text)
}

void t.test('a comment begins at the start of a word and in its middle, and goes to the end of the line', async t => {
  t.same(words('a # b c\nd'), ['a', 'd'])
  t.same(words('a#b c\nd'), ['a', 'd'])
  t.same(words('"a#b" "c" # d'), ['a#b', 'c'])
  t.same(words('#'), [])
})

void t.test(
  'a quote in the middle of a word is a plain character, and a word begins behind a closing quote',
  async t => {
    t.same(words('a"b c"'), ['a"b', 'c"'])
    t.same(words('"a"b'), ['a', 'b'])
  },
)

void t.test('a backslash before a newline is no line continuation', async t => {
  const tokens = readTokens('a \\\nb', 'Corefile')
  t.same(
    tokens.map(token => [token.text, token.line]),
    [
      ['a', 1],
      ['\\', 1],
      ['b', 2],
    ],
  )
})

void t.test('carriage returns vanish outside quotes and stay inside', async t => {
  t.same(words('a\rb\r\nc'), ['ab', 'c'])
  t.same(words('"a\r\nb"'), ['a\r\nb'])
})

void t.test('tokens know their column, whether they were quoted, and whether they begin a line', async t => {
  const tokens = readTokens('\uFEFFzone {\n  log "x\ny" {\n\t}\n}', 'dir/Corefile')
  t.same(
    tokens.map(token => [token.text, token.line, token.column, token.quoted, token.startsLine]),
    [
      ['zone', 1, 1, false, true],
      ['{', 1, 6, false, false],
      ['log', 2, 3, false, true],
      ['x\ny', 2, 7, true, false],
      ['{', 3, 4, false, false],
      ['}', 4, 2, false, true],
      ['}', 5, 1, false, true],
    ],
  )
  t.ok(tokens.every(token => token.file === 'dir/Corefile'))
})

void t.test('the first word behind an opening brace begins a line even on the same line', async t => {
  t.same(
    readTokens('a { b c }', 'Corefile').map(token => token.startsLine),
    [true, false, true, false, false],
  )
  t.same(
    readTokens('a "{" b', 'Corefile').map(token => token.startsLine),
    [true, false, false],
  )
})

void t.test('a quote that is never closed is an error at the quote', async t => {
  t.throws(() => readTokens('a {\n  log "b c\n}\n', 'Corefile'), {
    name: 'CorefileError',
    code: 'unterminated_quote',
    message: `Corefile:2:7: quote is never closed; expected '"' before the end`,
    line: 2,
    column: 7,
  })
  t.throws(() => readTokens('"a\\"', 'Corefile'), CorefileError)
})
