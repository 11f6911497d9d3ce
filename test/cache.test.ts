// What V8 has compiled of the bundle: taken where it fits, and of no consequence where it does not.

import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { bundle } from '../scripts/build.ts'
import { makeCache } from '../scripts/cache.ts'
import { CACHE, PROGRAM, packCache, readCache } from '../scripts/loader.ts'
import { Command, ROOT, askUdp, portOf } from './cli/command.ts'

/** Of the image. */
const FLAGS = ['--max-old-space-size-percentage=50']
const LOADER = pathToFileURL(join(ROOT, 'scripts/loader.ts')).href

/** Where a file of a program lies, as in the package. */
function makeHome(folder: string): string {
  const lib = join(folder, 'dist/lib')
  mkdirSync(dirname(lib), { recursive: true })
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  cpSync(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return lib
}

/** What a Node with these flags says of the cache: there is `none` for this program, or it is `rejected`, or `taken`. */
function judge(lib: string, flags: readonly string[] = FLAGS): string {
  const script = `const { readCache, readScript } = await import('${LOADER}')
const file = ${JSON.stringify(join(lib, PROGRAM))}
const cachedData = readCache(file)
const { cachedDataRejected } = readScript(file, { cachedData })
process.stdout.write(cachedData ? (cachedDataRejected ? 'rejected' : 'taken') : 'none')`
  return execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], { env: {}, encoding: 'utf8' })
}

void t.test('what V8 has compiled of the bundle', async t => {
  const lib = makeHome(t.testdir({}))
  const program = join(lib, PROGRAM)
  const cache = join(lib, CACHE)
  await bundle(lib)

  void t.test('is not in a package, which is for every platform', async t => {
    t.notOk(existsSync(cache))
    t.equal(judge(lib), 'none')
  })

  makeCache(lib, '/kubezone/dist/lib', FLAGS)
  const whole = readFileSync(cache)
  const source = readFileSync(program)
  t.afterEach(() => {
    writeFileSync(cache, whole)
    writeFileSync(program, source)
  })

  void t.test('is taken by the Node that made it, and has all functions', async t => {
    t.equal(judge(lib), 'taken')
    t.ok(whole.length > source.length)
  })

  void t.test('is the same octets each time', async t => {
    rmSync(cache)
    makeCache(lib, '/kubezone/dist/lib', FLAGS)
    t.ok(readFileSync(cache).equals(whole))
  })

  void t.test('is rejected where V8 runs with other flags', async t => t.equal(judge(lib, ['--no-opt']), 'rejected'))

  const broken: Readonly<Record<string, () => void>> = {
    'one octet is another': () => writeFileSync(cache, whole.with(whole.length >> 1, whole[whole.length >> 1] ^ 1)),
    'it breaks off': () => writeFileSync(cache, whole.subarray(0, -1)),
    'it is empty': () => writeFileSync(cache, ''),
    'it is of another script of that length': () =>
      writeFileSync(program, source.toString('latin1').replace('"use strict"', "'use strict'"), 'latin1'),
  }
  for (const [what, happen] of Object.entries(broken)) {
    void t.test(`is left alone where ${what}`, async t => {
      happen()
      t.equal(judge(lib), 'none')
    })
  }

  const data = readCache(program)!
  const served: Readonly<Record<string, { content: Uint8Array; verdict: string }>> = {
    'of the Node that made it': { content: whole, verdict: 'taken' },
    'that is broken': { content: whole.with(whole.length >> 1, whole[whole.length >> 1] ^ 1), verdict: 'none' },
    // Behind the number that says what it is, that of the version.
    'of another V8': { content: packCache(source, Buffer.from(data.with(4, data[4] ^ 1))), verdict: 'rejected' },
  }
  for (const [what, { content, verdict }] of Object.entries(served)) {
    void t.test(`serves with one ${what}`, async t => {
      writeFileSync(cache, content)
      t.equal(judge(lib), verdict)
      const command = new Command(t, [...FLAGS, join(lib, 'main.mjs'), 'try', '-p', '0'])
      const port = await portOf(command, 'dns')
      t.match(await askUdp(port, 'kubernetes.default.svc.cluster.local.', 'A'), {
        rcode: 'NOERROR',
        answer: ['kubernetes.default.svc.cluster.local. 30 IN A 10.96.0.1'],
      })
      t.match(await command.stop(), { code: 0, err: '' })
    })
  }
})
