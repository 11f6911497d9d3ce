// `npm run build`: the sources as JavaScript, in dist/lib. Node strips no types under node_modules, and a bundle starts in a third of the time.
//
// koffi stays a package of its own, because of its native part. Commands and client-node remain files of their own that are loaded when they are asked for.

import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Metafile, type Plugin, build } from 'esbuild'

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

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
}

/** Writes the bundle into a folder, in place of what was there. What became of which source. Rejects with what esbuild has told already. */
export async function bundle(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts', ...findStarted()],
    outdir: folder,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    external: ['koffi'],
    // Names are kept: they are in the stack of an error that somebody reports.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
    // Packages that are CommonJS ask for Node's modules by this.
    banner: { js: "const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    plugins: [sources],
  })
  writeFileSync(join(folder, 'LICENSES.txt'), collectLicenses(Object.keys(metafile.inputs)))
  return metafile
}

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

/** Started files lie beside the others in the bundle; see BUILTIN and KOFFI for the rest. */
const sources: Plugin = {
  name: 'sources',
  setup(build) {
    build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8')
        .replaceAll(STARTED, (_, file: string) => `new URL('./${basename(file)}.mjs', import.meta.url)`)
        .replaceAll(KOFFI, "require('koffi')")
        .replaceAll(BUILTIN, (_, whole: string | undefined, names: string | undefined, module: string) => {
          const asked = `process.getBuiltinModule('${module}')`
          const parts = names?.replaceAll(/\btype \w+,?/g, '').replaceAll(' as ', ': ')
          return [whole && `const ${whole} = ${asked}`, parts && `const {${parts}} = ${asked}`]
            .filter(Boolean)
            .join('; ')
        })
      return { contents, loader: 'ts' }
    })
  },
}

if (import.meta.main) {
  const { outputs } = await bundle(join(ROOT, LIB))
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0)
  process.stdout.write(`${LIB}: ${Object.keys(outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB\n`)
}
