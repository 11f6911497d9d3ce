// What holds for the project as a whole: the arrows of the design, and the rules of the house that a program can check.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

/** What any plugin may import. */
const PLUGIN = ['wire', 'corefile', 'metrics', 'server']

/** What the files of a folder may import from other folders of `src`; see docs/architecture.md. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  metrics: [],
  watch: [],
  fakeapi: ['wire'],
  corefile: ['wire'],
  zones: ['wire'],
  records: ['wire', 'watch'],
  server: ['wire', 'corefile', 'metrics'],
  upstream: ['wire', 'metrics'],
  plugins: PLUGIN,
  'plugins/forward': [...PLUGIN, 'upstream'],
  'plugins/k8s_external': [...PLUGIN, 'zones'],
  'plugins/kubernetes': [...PLUGIN, 'watch', 'records', 'zones'],
  cli: ['wire', 'corefile', 'metrics', 'server', 'fakeapi'],
  '': ['cli'],
}

interface Import {
  readonly file: string
  readonly target: string
  readonly isType: boolean
  readonly isDynamic: boolean
}

const sources = globSync('src/**/*.ts').map(file => ({ file, text: readFileSync(file, 'utf8') }))

const imports = sources.flatMap(({ file, text }) =>
  [...text.matchAll(/^(?:import|export)\s+(type\s)?[^'"()]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    ([, type, from, dynamic]): Import => ({
      file,
      target: from ?? dynamic,
      isType: type !== undefined,
      isDynamic: dynamic !== undefined,
    }),
  ),
)

/** `plugins/kubernetes` and its like are folders of their own; files directly in `plugins` belong to all of them. */
function folderOf(file: string): string {
  const parts = dirname(file).split('/').slice(1)
  return parts[0] === 'plugins' ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

void t.test('nothing imports against the arrows', async t => {
  t.ok(imports.length > 300, 'imports were found')
  for (const { file, target } of imports) {
    if (!target.startsWith('.')) continue
    const from = folderOf(file)
    const to = folderOf(normalize(join(dirname(file), target)))
    if (from === to || file === 'src/plugins/order.ts') continue
    // `main.ts` and `package.json` stand outside the folders.
    const allowed = ARROWS[from] ?? ARROWS.plugins
    const isShared = from.startsWith('plugins/') && to === 'plugins'
    const isPlugin = from === 'cli' && to.startsWith('plugins')
    t.ok(allowed.includes(to) || isShared || isPlugin, `${file} imports ${target}`)
  }
})

void t.test('client-node is loaded by one file, when it is needed', async t => {
  const loading = imports.filter(({ target, isType }) => target.startsWith('@kubernetes/client-node') && !isType)
  t.same(
    loading.map(({ file }) => file),
    ['src/watch/kubeconfig.ts'],
  )
  const statically = imports.filter(
    ({ target, isType, isDynamic }) => target.endsWith('watch/kubeconfig.ts') && !isType && !isDynamic,
  )
  t.same(statically, [], 'and that file is loaded when there is a kubeconfig')
})

void t.test('dns2 stays off the query path', async t => {
  const users = imports.filter(({ target }) => target.startsWith('dns2')).map(({ file }) => file)
  t.ok(users.every(file => file.startsWith('src/cli/')))
})

void t.test('only main ends the process', async t => {
  const ending = sources.filter(({ text }) => /process\.exit\(/.test(text)).map(({ file }) => file)
  t.same(ending, ['src/main.ts'])
})

void t.test('the house style holds', async t => {
  for (const { file, text } of sources) {
    // A plugin's folder is called as its directive, and CoreDNS has one with an underscore.
    t.match(file, /^src\/([a-z0-9_]+\/)*[a-z0-9]+\.ts$/, `${file}: a lower-case noun`)
    t.notMatch(text, /^export default/m, `${file}: no default export`)
    t.notMatch(text, /\b(TODO|FIXME|XXX)\b/, `${file}: nothing left to do`)
    t.notMatch(text, /^(?:export )?(?:const )?enum /m, `${file}: no enum`)
    t.ok(text.split('\n').length <= 500, `${file}: at most 500 lines`)
  }
})
