import fc from 'fast-check'
import t from 'tap'
import { Cursor } from '../../src/corefile/directive.ts'
import { CorefileError } from '../../src/corefile/error.ts'
import { parseKey } from '../../src/corefile/key.ts'
import { parseCorefile } from '../../src/corefile/parser.ts'

const directives = ['cache', 'errors', 'forward', 'kubernetes', 'log']
const known = 'cache, errors, forward, kubernetes, log'

const mistakes: [text: string, message: string][] = [
  ['. {\n  log', "Corefile:1:3: '{' is never closed; expected '}' before the end of the file"],
  ['. {\n  cache {\n  success 1\n', "Corefile:2:9: '{' is never closed; expected '}' before the end of the file"],
  ['. {\n}\n}', "Corefile:3:1: unexpected '}'; expected a zone that begins a server block"],
  ['.\nlog }', "Corefile:2:5: unexpected '}'; expected a directive: no server block or property is open here"],
  ['{\n log\n}', "Corefile:1:1: server block without a zone; expected a zone before '{'"],
  ['"" {\n}', "Corefile:1:4: server block without a zone; expected a zone before '{'"],
  ['a, {\n}', 'Corefile:1:1: zone after this comma missing; expected one'],
  ['a,', 'Corefile:1:1: zone after this comma missing; expected one'],
  ['a , b', 'Corefile:1:3: no zone before this comma; expected one'],
  ['. {\n {\n }\n}', "Corefile:2:2: unexpected '{'; expected a directive before its block"],
  ['. {\n cache\n {\n }\n}', "Corefile:3:2: unexpected '{'; expected '{' at the end of the line that it belongs to"],
  [
    '. {\n cache {\n {\n }\n }\n}',
    "Corefile:3:2: unexpected '{'; expected '{' at the end of the line that it belongs to",
  ],
  ['. {\n cache {\n } 5\n}', "Corefile:3:4: unexpected '5'; expected a new line after '}'"],
  ['. {\n cache {\n } {\n }\n}', "Corefile:3:4: unexpected '{'; expected a new line after '}'"],
  ['. {\n  cahce 30\n}', `Corefile:2:3: unknown directive 'cahce' (did you mean 'cache'?); expected one of ${known}`],
  ['. {\n  whoami\n}', `Corefile:2:3: unknown directive 'whoami'; expected one of ${known}`],
  [
    '.\nlog\nexample.org {\n}',
    `Corefile:3:1: unknown directive 'example.org'; expected one of ${known}, or, if it is a second server block, ` +
      'braces around the first as well',
  ],
  ['. {\n log "a\n}', `Corefile:2:6: quote is never closed; expected '"' before the end`],
  ['. {\n import\n}', 'Corefile:2:2: import of nothing; expected a snippet, a file or a pattern'],
  ['. {\n import {$NOTHING}\n}', 'Corefile:2:9: import of an empty name; expected a snippet, a file or a pattern'],
  [
    '. {\n import a b\n}',
    "Corefile:2:11: 'b' is one argument too many for import; expected a snippet, a file or a pattern",
  ],
  [
    '. {\n import gone\n}',
    'Corefile:2:9: nothing to import: no snippet (gone) stands above and there is no file gone; expected the name of a ' +
      'snippet, a file, or a pattern with one *',
  ],
  ['import */*.conf', "Corefile:1:8: '*/*.conf' has too many wildcards; expected at most one '*' and one '?'"],
  ['(a) {\n import a\n}\n. {\n import a\n}', 'Corefile:2:9: (a) imports itself; expected imports that come to an end'],
  ['(a) {\n}\n(a) {\n}', "Corefile:3:1: snippet 'a' is already defined; expected another name"],
  ['(a)\nlog', "Corefile:1:1: snippet 'a' has no body; expected '{' after it"],
  ['() {\n}', 'Corefile:1:1: snippet has no name; expected one between the parentheses'],
  ['(a) {\n log {\n}', "Corefile:1:5: '{' is never closed; expected '}' before the end of the file"],
  [`. {\n log${' {\n a'.repeat(33)}`, "Corefile:34:4: unexpected '{'; expected at most 32 blocks in each other"],
]

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof CorefileError) return error.message
    throw error
  }
  return 'no error'
}

void t.test('every mistake is told with its place and with what was expected', async t => {
  for (const [text, message] of mistakes) {
    t.equal(
      messageOf(() => parseCorefile(text, 'Corefile', { env: {}, directives })),
      message,
      text,
    )
  }
})

void t.test('a CorefileError carries its place and a code besides the message', async t => {
  t.throws(() => parseCorefile('. {\n  cahce\n}', 'dir/Corefile', { directives }), {
    code: 'unknown_directive',
    file: 'dir/Corefile',
    line: 2,
    column: 3,
  })
})

const word = fc.oneof(
  fc.constantFrom('{', '}', '"', '\\"', '\n', '\r\n', ' ', '#', ',', 'import', '(a)', 'a', '(b)', 'b', '{$A}', '{%B%}'),
  fc.constantFrom('*', '?', '[', '/', '.', '..', ':53', 'tls://', '10.0.0.0/23', 'fd00::/9', '\uFEFF', '\u0085', '\\'),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const soup = fc
  .array(fc.tuple(word, fc.constantFrom(' ', '\n', '')), { maxLength: 60 })
  .map(parts => parts.flat().join(''))

void t.test(
  'no text makes the parser throw anything but CorefileError, and what it accepts has sane positions',
  async t => {
    let accepted = 0
    fc.assert(
      fc.property(soup, fc.string(), (text, value) => {
        try {
          const blocks = parseCorefile(text, 'Corefile', { env: { A: value, B: '{' } })
          for (const { keys, directives } of blocks) {
            accepted++
            for (const directive of directives) readAll(new Cursor(directive))
            for (const key of keys) parseKey(key, 53)
          }
        } catch (error) {
          if (!(error instanceof CorefileError)) throw error
          const lineCount = text.split('\n').length
          return (
            error.line >= 1 && error.line <= lineCount && error.column >= 1 && error.message.includes('; expected ')
          )
        }
        return true
      }),
      { numRuns: 2000 },
    )
    t.ok(accepted > 0, 'some of it is accepted')
  },
)

function readAll(cursor: Cursor): void {
  cursor.remainingArgs()
  for (const line of cursor.block()) readAll(line)
}

const plainWord = fc.stringMatching(/^[a-z0-9./:-]{1,8}$/).filter(text => text !== 'import')
const line = fc.tuple(plainWord, fc.array(fc.oneof(plainWord, fc.string()), { maxLength: 3 }))
const quote = (text: string) => `"${text.replaceAll('"', '\\"')}"`

void t.test('what is written in quotes is read back as it was', async t => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), lines => {
      // A backslash cannot be the last character in quotes, nor stand before a quote.
      const clean = lines.map(([name, args]) => [name, ...args.map(arg => arg.replaceAll('\\', '/'))])
      const text = clean.map(([name, ...args]) => ` ${[name, ...args.map(quote)].join(' ')}\n`).join('')
      const [block] = parseCorefile(`. {\n${text}}`, 'Corefile', { env: {} })
      const found = block?.directives.map(directive => directive.tokens.map(token => token.text))
      t.same(found, clean)
    }),
    { numRuns: 100 },
  )
})
