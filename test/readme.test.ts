// The README's session with dig shows what the example cluster answers; every file that it links to is there.

import { existsSync, globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { applyManifests, loadManifests } from '../src/fakeapi/manifests.ts'
import { parseAddress, reverseName } from '../src/wire/address.ts'
import { RunningSite, openApi } from './site/running.ts'

const text = readFileSync('README.md', 'utf8')
const [session] = text.split('## A session')[1].split('The API listens too')

/** Each question of the session, with the records below it. */
const exchanges = session
  .split(/^\$ /m)
  .slice(1)
  .map(part => {
    const [command, ...lines] = part.split('```')[0].trim().split('\n')
    return { command, records: lines.map(line => line.split(/\s+/).join(' ')).sort() }
  })

void t.test('the session is what the example cluster answers', async t => {
  const api = openApi()
  t.teardown(() => api.close())
  applyManifests(api.store, loadManifests(['examples']))
  await api.settled()
  const corefile = readFileSync('examples/Corefile', 'utf8').replace(/(\S+\.(?:local|arpa)) (?=.*\{$)/g, '$1:0 ')
  const site = await RunningSite.start({ corefile, api: { endpoint: await api.listen() } })
  t.teardown(() => site.stop())
  t.ok(exchanges.length >= 8)
  for (const { command, records } of exchanges) {
    const [, rest] = command.split('-p 1053 ')
    const [first, ...words] = rest.split(' ').filter(word => word !== '+tcp')
    const [name, type] = first === '-x' ? [reverseName(parseAddress(words[0])!), 'PTR'] : [`${first}.`, words[0] ?? 'A']
    const { answer, extra } = await (rest.includes('+tcp') ? site.askTcp(name, type) : site.ask(name, type))
    t.same([...answer, ...extra].sort(), records, command)
  }
})

void t.test('what the documents link to is there', async t => {
  for (const file of ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md')]) {
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      const path = file.startsWith('docs/') ? `docs/${target}` : target
      t.ok(existsSync(path), `${file}: ${target}`)
    }
  }
})
