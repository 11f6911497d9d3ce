import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { type ParseOptions, parseCorefile, type ServerBlock } from '../../src/corefile/parser.ts'

interface ParseRow {
  input: string
  keys: string[]
  shouldErr: boolean
  tokens: Record<string, number>
}

const data = readFileSync(new URL('../conformance/unit/corefile_parse_one_and_import.json', import.meta.url), 'utf8')
const { rows } = JSON.parse(data) as { rows: ParseRow[] }

void t.test("groups every text of Caddy's own table as Caddy does", async t => {
  t.equal(rows.length, 33)
  const file = join(import.meta.dirname, 'Corefile')
  for (const { input, keys, shouldErr, tokens } of rows) {
    const name = JSON.stringify(input)
    if (shouldErr) {
      t.throws(() => parseCorefile(input, file, { env: {} }), { name: 'CorefileError' }, name)
      continue
    }
    const block = parseCorefile(input, file, { env: {} })[0] ?? { keys: [], directives: [] }
    const counts: Record<string, number> = {}
    for (const directive of block.directives) {
      counts[directive.name.text] = (counts[directive.name.text] ?? 0) + directive.tokens.length
    }
    t.same(
      block.keys.map(key => key.text),
      keys,
      `${name}: keys`,
    )
    t.same(counts, tokens, `${name}: tokens`)
  }
})

/** Blocks as `keys | directive tokens | …`, one string each. */
function outline(blocks: ServerBlock[]): string[] {
  return blocks.map(block =>
    [block.keys, ...block.directives.map(directive => directive.tokens)]
      .map(tokens => tokens.map(token => token.text).join(' '))
      .join(' | '),
  )
}

function parse(text: string, options: ParseOptions = {}): string[] {
  return outline(parseCorefile(text, 'Corefile', { env: {}, ...options }))
}

void t.test('reads the Corefile that kubeadm installs', async t => {
  const text = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`
  const expected =
    '.:53 | errors | health { lameduck 5s } | ready | kubernetes cluster.local in-addr.arpa ip6.arpa ' +
    '{ pods insecure fallthrough in-addr.arpa ip6.arpa ttl 30 } | prometheus :9153 | forward . /etc/resolv.conf ' +
    '{ max_concurrent 1000 } | cache 30 { disable success cluster.local disable denial cluster.local } | loop | ' +
    'reload | loadbalance'
  t.same(parse(text), [expected])
  t.same(parse(text.replaceAll('\n', '\r\n')), [expected], 'with CRLF')
  t.same(parse(`\uFEFF${text}`), [expected], 'with a byte order mark')
})

void t.test('reads several blocks, keys over several lines, and a brace on the next line', async t => {
  t.same(parse('a, b\n{\n log\n}\nc,\nd e {\n}\n(unused) {\n x\n}\nf {\n log\n log x\n}'), [
    'a b | log',
    'c d e',
    'f | log | log x',
  ])
  t.same(parse(''), [])
  t.same(parse('# nothing\n'), [])
})

void t.test('takes a block on one line, as CoreDNS does for many properties', async t => {
  t.same(parse('. {\n health { lameduck 5s }\n log\n}'), ['. | health { lameduck 5s } | log'])
  t.same(parse('. { log }'), ['. | log'])
  t.same(parse('. { forward . 1.1.1.1 { max_fails 0 } }'), ['. | forward . 1.1.1.1 { max_fails 0 }'])
})

void t.test('quoted braces and a quoted import are plain arguments', async t => {
  t.same(parse('. {\n template "{" "}"\n answer "import" x\n}'), ['. | template { } | answer import x'])
  const [block] = parseCorefile('. {\n a "{"\n}', 'Corefile')
  t.equal(block?.directives[0]?.tokens[1]?.quoted, true)
})

void t.test('replaces environment variables in keys, names and arguments, once', async t => {
  const env = { ZONE: 'example.org', PORT: '1053', WORD: 'two words', LOOP: 'x{$LOOP}x', OPEN: '{', NAME: 'log' }
  t.same(parse('{$ZONE}:{%PORT%} {\n {$NAME} {$WORD} pre{$PORT}post {$UNSET} {$LOOP} {$OPEN}\n}', { env }), [
    'example.org:1053 | log two words pre1053post  x{$LOOP}x {',
  ])
  t.same(parse('a {\n log {$} {%} {%%} {$$}\n}', { env }), ['a | log {$} {%} {%%} '])
})

void t.test("takes the process's environment by default", async t => {
  process.env['KUBEZONE_TEST_ZONE'] = 'from.process'
  t.same(outline(parseCorefile('{$KUBEZONE_TEST_ZONE}', 'Corefile')), ['from.process'])
})

void t.test('snippets may be imported many times, at any level, and may import each other', async t => {
  const text = `(options) {
  ttl 30
}
(both) {
  errors
  kubernetes {
    import options
  }
}
(keys) {
  b
}
a {
  import both
  log
}
import keys {
}
`
  t.throws(() => parse(text), { code: 'bad_import' }, 'an import takes a line of its own')
  t.same(parse(text.replace('import keys {', 'import keys\n{')), ['a | errors | kubernetes { ttl 30 } | log', 'b'])
  t.same(parse('(s) { log }\n a { import s }\nb {\n import s\n import s\n}'), ['a | log', 'b | log | log'])
})

function directory(t: Test, files: Record<string, string>): string {
  const root = t.testdir({})
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

void t.test('imports files relative to the file that names them, snippets included', async t => {
  const root = directory(t, {
    'conf/outer.conf': 'log\nimport inner/inner.conf\n',
    'conf/inner/inner.conf': 'errors\n',
    'snippets.conf': '(common) {\n ready\n}\n',
  })
  const text = 'import snippets.conf\n. {\n import common\n import conf/outer.conf\n loop\n}'
  t.same(outline(parseCorefile(text, join(root, 'Corefile'))), ['. | ready | log | errors | loop'])
  t.same(outline(parseCorefile(`. {\n import ${root}/conf/inner/inner.conf\n}`, 'Corefile')), ['. | errors'])
})

void t.test('a pattern takes its files by name, leaves directories out, and only warns when there is none', async t => {
  const root = directory(t, {
    'custom/b.override': 'log b',
    'custom/a.override': 'log a',
    'custom/c.server': 'c.example {\n whoami\n}\n',
    'custom/d.override/inside': 'not read',
    'custom/empty.server': '# nothing\n',
  })
  const warnings: string[] = []
  const text = `. {
  errors
  import custom/*.override
  import custom/?.none
}
import custom/*.server
`
  const blocks = parseCorefile(text, join(root, 'Corefile'), { warn: message => warnings.push(message) })
  t.same(outline(blocks), ['. | errors | log a | log b', 'c.example | whoami'])
  t.same(warnings, [
    `${root}/Corefile:4:10: no file matches custom/?.none`,
    `${root}/Corefile:6:8: ${root}/custom/empty.server is empty`,
  ])
  t.equal(blocks[1]?.directives[0]?.name.file, join(root, 'custom/c.server'))
  t.equal(blocks[1]?.directives[0]?.name.line, 2)
})

void t.test('two files of one pattern may import a third, which is no cycle', async t => {
  const root = directory(t, { 'a.conf': 'import c.part', 'b.conf': 'import c.part', 'c.part': 'log' })
  t.same(outline(parseCorefile('. {\n import *.conf\n}', join(root, 'Corefile'))), ['. | log | log'])
})

void t.test('an import that leads back to itself is an error at the import', async t => {
  const root = directory(t, {
    'a.conf': 'log\nimport b.conf',
    'b.conf': 'import a.conf\n',
    Corefile: 'import Corefile',
  })
  const file = join(root, 'Corefile')
  t.throws(() => parseCorefile('. {\n import a.conf\n}', file), {
    code: 'import_cycle',
    message: `${root}/b.conf:1:8: ${root}/a.conf imports itself; expected imports that come to an end`,
  })
  t.throws(() => parseCorefile('import Corefile', file), { code: 'import_cycle' })
})

void t.test('imports that double at every level end in an error, not in a full memory', async t => {
  let text = '(s0) {\n log\n}\n'
  for (let i = 1; i <= 40; i++) text += `(s${i}) {\n import s${i - 1}\n import s${i - 1}\n}\n`
  t.throws(() => parseCorefile(`${text}. {\n import s40\n}`, 'Corefile'), {
    code: 'import_limit',
    message: /too many imports; expected at most 10000 in all$/,
  })
  const wide = `(w) {\n log ${'x '.repeat(500)}\n}\n. {\n${' import w\n'.repeat(3000)}}`
  t.throws(() => parseCorefile(wide, 'Corefile'), {
    code: 'import_limit',
    message: /too large; expected at most 1000000/,
  })
})

void t.test('a file that cannot be text of a sensible size is not read', async t => {
  const root = directory(t, { 'large.conf': '#'.repeat(5 * 1024 * 1024) })
  for (const path of [root, '/dev/zero', 'large.conf']) {
    t.throws(() => parseCorefile(`import ${path}`, join(root, 'Corefile')), {
      code: 'bad_import',
      message: /: cannot read .*; expected a readable text file of at most 4194304 octets$/,
    })
  }
})
