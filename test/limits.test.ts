import { readFileSync } from 'node:fs'
import t from 'tap'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** The rows of docs/limits.md: what is at most, and where that is written. */
const ROWS = [...read('docs/limits.md').matchAll(/^\| (.+?) \| ([\d,]+) \|.*\| `(src\/.+?)` (\w+) \|$/gm)]

void t.test('every limit in docs/limits.md is the one in the code', async t => {
  t.ok(ROWS.length > 15)
  for (const [, what, limit, file, name] of ROWS) {
    const value = new RegExp(`\\b${name}(?: =|:) (\\d[\\d_]*)(?: << (\\d+))?`).exec(read(file))
    t.ok(value, `${file} has ${name}`)
    const [, mantissa, shift = '0'] = value ?? []
    t.equal(Number(mantissa.replaceAll('_', '')) * 2 ** Number(shift), Number(limit.replaceAll(',', '')), what)
  }
})

void t.test('every row of docs/limits.md names its constant', async t => {
  const rows = read('docs/limits.md').match(/^\| (?!what |---).*$/gm) ?? []
  const heads = read('docs/limits.md').match(/^\|---/gm) ?? []
  t.equal(heads.length, 4)
  t.equal(rows.length, ROWS.length)
})
