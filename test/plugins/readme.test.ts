import { readFileSync } from 'node:fs'
import t from 'tap'
import { PLUGINS } from '../../src/plugins/order.ts'
import { setUp } from './harness.ts'

/** `Metrics` where there are some; the last section is one of two. */
const SECTIONS = ['Name', 'Description', 'Syntax', 'Examples']
const LAST = new Set(['Differences from CoreDNS', 'See also'])

const readReadme = (name: string): string =>
  readFileSync(new URL(`../../src/plugins/${name}/README.md`, import.meta.url), 'utf8')

for (const { name } of PLUGINS) {
  void t.test(`the README of ${name} has its sections`, async t => {
    const text = readReadme(name)
    t.ok(text.startsWith(`# ${name}\n\n## Name\n\n*${name}* - `))
    const headings = text.split('\n').flatMap(line => /^## (.*)$/.exec(line)?.[1] ?? [])
    t.same(
      headings.filter(heading => SECTIONS.includes(heading)),
      SECTIONS,
    )
    t.ok(LAST.has(headings.at(-1) ?? ''), `ends with ${headings.at(-1)}`)
  })

  void t.test(`the Corefiles in the README of ${name} are understood`, async t => {
    const text = readReadme(name)
    const corefiles = [...text.matchAll(/^``` corefile\n(.*?)^```$/gms)].map(([, corefile]) => corefile)
    t.ok(corefiles.length > 0)
    for (const corefile of corefiles) {
      const blocks = setUp(corefile)
      t.ok(
        blocks.some(block => block.instances.some(instance => instance.name === name)),
        corefile,
      )
    }
  })
}
