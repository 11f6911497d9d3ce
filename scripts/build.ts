// `npm run build`: the sources as JavaScript, in dist/lib. Node strips no types under node_modules, and a bundle starts in a third of the time.
//
// What serves is one script, so that V8 can be given what it has compiled of it before (see cache.ts). Commands and threads are modules of their own that
// are loaded when they are asked for. koffi stays a package, because of its native part.

import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, type Metafile, type Plugin, build } from 'esbuild'
import { PROGRAM } from './loader.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** As deep as `src/cli`: paths from there to the root of the package hold here, too. */
const LIB = 'dist/lib'
/** A file that is not imported, but started: a thread. */
const STARTED = /new URL\('(\.[^']*)\.ts', import\.meta\.url\)/g
/**
 * An import of a module of Node's own. What `import` brings has the value of each export, and so loads whatever Node itself loads when it is asked
 * for one: undici, for `node:http`.
 */
const BUILTIN = /^import (?!type )(?:(\w+),? ?)?(?:\{([^}]*)\} )?from '(node:[\w/]+)'/gm
/** As CommonJS, koffi asks Node for no more than it needs, too: see BUILTIN. */
const KOFFI = /await import\('koffi'\)/g
/** An import of a file of ours, when it is needed. */
const LATER = /await import\('(\.[^']*)\.ts'\)/g
/** Commands of the program; the others are modules. */
const SERVING = ['./cli/serve', './cli/check']
/** Loaded by the program as a module of its own: the in-process API, which no server in a cluster has. */
const MANIFESTS = 'src/cli/manifests.ts'
/** Of what a plugin loads in the control thread; see docs/architecture.md. */
const LEFT_OUT = /\/(?:feed|snapshot|health|notifier|kubeconfig)$/
const LOADER = fileURLToPath(new URL('loader.ts', import.meta.url))
/** Packages of a kubeconfig, which are larger than all else together and lie beside the program: it loads them when it is given one. */
const KUBECONFIG = 'kubeconfig.cjs'
const KUBECONFIG_PACKAGES = { '@kubernetes/client-node': 'KubeConfig', yaml: 'parse' } as const

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
}

/** Writes the bundle into a folder, in place of what was there. What became of which source. Rejects with what esbuild has told already. */
export async function bundle(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true })
  const program = build({
    ...COMMON,
    stdin: {
      contents: SERVING.map(file => `export * from '${file}.ts'`).join('\n'),
      resolveDir: join(ROOT, 'src'),
    },
    outfile: join(folder, PROGRAM),
    format: 'cjs',
    // A script has neither `import.meta` nor `import()`: see loader.ts.
    define: { 'import.meta.url': '__url' },
    banner: { js: '(function(require,module,__url,__import){' },
    footer: { js: '})' },
    plugins: [reshape(joinLater), beside],
  })
  const modules = build({
    ...COMMON,
    entryPoints: ['src/main.ts', MANIFESTS, ...findStarted()],
    outdir: folder,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    splitting: true,
    format: 'esm',
    // Packages that are CommonJS ask for Node's modules by this.
    banner: { js: "const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    plugins: [reshape(splitLater)],
  })
  const packages = build({
    ...COMMON,
    stdin: {
      contents: Object.entries(KUBECONFIG_PACKAGES)
        .map(([name, value]) => `export { ${value} } from '${name}'`)
        .join('\n'),
      resolveDir: ROOT,
    },
    outfile: join(folder, KUBECONFIG),
    format: 'cjs',
  })
  const files = (await Promise.all([program, modules, packages])).map(({ metafile }) => metafile)
  const metafile = {
    inputs: Object.assign({}, ...files.map(({ inputs }) => inputs)) as Metafile['inputs'],
    outputs: Object.assign({}, ...files.map(({ outputs }) => outputs)) as Metafile['outputs'],
  }
  writeFileSync(join(folder, 'LICENSES.txt'), collectLicenses(Object.keys(metafile.inputs)))
  return metafile
}

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node22.18',
  external: ['koffi'],
  // Names are kept: they are in the stack of an error that somebody reports.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions

function findStarted(): string[] {
  return globSync('src/**/*.ts', { cwd: ROOT }).flatMap(file =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(STARTED)].map(([, path]) => join(dirname(file), `${path}.ts`)),
  )
}
/** The licence of every package that is in the bundle, as it came with the package. */
function collectLicenses(inputs: readonly string[]): string {
  const folders = new Set(inputs.flatMap(input => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []))
  return [...folders]
    .sort()
    .map(folder => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(ROOT, folder, 'package.json'), 'utf8'),
      ) as Manifest
      const texts = globSync(`${folder}/{LICEN[CS]E,licen[cs]e}*`, { cwd: ROOT }).map(file =>
        readFileSync(join(ROOT, file), 'utf8'),
      )
      return [`${name} ${version} (${license})`, ...texts].join('\n\n').trimEnd()
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
}

/** What takes the place of an import of a file of ours that is made when it is needed, with what has to stand before all else. */
type Later = (path: string) => readonly [expression: string, before?: string] | undefined

/**
 * In the program all of it is there from the beginning, but for what is named: what of it has parts that begin later is made of variables, which V8 cannot
 * take for constants.
 */
const joinLater: Later = path => {
  if (path.endsWith('/kubeconfig')) return undefined
  if (path === './manifests') return ["await __import('./manifests.mjs')"]
  const name = `later_${basename(path)}`
  return [name, `import * as ${name} from '${path}.ts';`]
}

/** What serves is the program, which a command that does not serve has no need of. A thread has no part in what the control thread loads later. */
const splitLater: Later = path => {
  if (SERVING.includes(path)) return ['loadProgram(import.meta.url)', `import { loadProgram } from '${LOADER}';`]
  return LEFT_OUT.test(path) ? ["(() => { throw new Error('only the control thread has this') })()"] : undefined
}

/** Started files lie beside the others in the bundle; see BUILTIN and KOFFI for the rest. */
const reshape = (later: Later): Plugin => ({
  name: 'reshape',
  setup(build) {
    build.onLoad({ filter: /\/(?:src|scripts)\/.*\.ts$/ }, ({ path }) => {
      const before: string[] = []
      const contents = readFileSync(path, 'utf8')
        .replaceAll(STARTED, (_, file: string) => `new URL('./${basename(file)}.mjs', import.meta.url)`)
        .replaceAll(KOFFI, "require('koffi')")
        .replaceAll(LATER, (whole, file: string) => {
          const [expression, statement = ''] = later(file) ?? [whole]
          before.push(statement)
          return expression
        })
        .replaceAll(BUILTIN, (_, whole: string | undefined, names: string | undefined, module: string) => {
          const asked = `process.getBuiltinModule('${module}')`
          const parts = names?.replaceAll(/\btype \w+,?/g, '').replaceAll(' as ', ': ')
          return [whole && `const ${whole} = ${asked}`, parts && `const {${parts}} = ${asked}`]
            .filter(Boolean)
            .join('; ')
        })
      return { contents: [...new Set(before), contents].join(''), loader: 'ts' }
    })
  },
})

/** See KUBECONFIG. */
const beside: Plugin = {
  name: 'beside',
  setup(build) {
    const packages = new RegExp(`^(?:${Object.keys(KUBECONFIG_PACKAGES).join('|')})$`)
    build.onResolve({ filter: packages }, () => ({ path: `./${KUBECONFIG}`, external: true }))
  },
}

if (import.meta.main) {
  const { outputs } = await bundle(join(ROOT, LIB))
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0)
  process.stdout.write(`${LIB}: ${Object.keys(outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB\n`)
}
