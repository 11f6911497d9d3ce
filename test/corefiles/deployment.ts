// A Corefile as some distribution ships it, served on the loopback: ports, addresses and upstreams are changed as it is loaded, nothing else.

import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { clusterIP, headless, namespace, slice } from '../plugins/kubernetes/objects.ts'
import { RunningSite, openApi } from '../site/running.ts'
import { UpstreamServer } from '../upstream/server.ts'
import { numbered } from './upstream.ts'

const FOLDER = dirname(fileURLToPath(import.meta.url))

export const listCorefiles = (): string[] =>
  globSync('*.Corefile', { cwd: FOLDER })
    .map(file => file.replace('.Corefile', ''))
    .sort()

export const readCorefile = (name: string): string => readFileSync(join(FOLDER, `${name}.Corefile`), 'utf8')

/** The files beside it, as they lie in `/etc/coredns`. */
function readFiles(name: string): Map<string, string> {
  const folder = join(FOLDER, name)
  if (!existsSync(folder)) return new Map()
  const files = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter(entry => entry.isFile())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return new Map(
    files.map(entry => {
      const path = join(entry.parentPath, entry.name)
      return [relative(folder, path), readFileSync(path, 'utf8')]
    }),
  )
}

export class Deployment {
  readonly site: RunningSite
  /** By the words behind `forward FROM`. */
  readonly upstreams: ReadonlyMap<string, UpstreamServer>

  private constructor(site: RunningSite, upstreams: ReadonlyMap<string, UpstreamServer>) {
    this.site = site
    this.upstreams = upstreams
  }

  /** Serves it over an API with some Services, until the test ends. */
  static async start(t: Test, name: string): Promise<Deployment> {
    const upstreams = new Map<string, UpstreamServer>()
    const texts = new Map([['Corefile', readCorefile(name)], ...readFiles(name)])
    for (const text of texts.values()) {
      for (const [, to] of text.matchAll(FORWARD)) {
        if (!upstreams.has(to)) upstreams.set(to, await openUpstream(t, upstreams.size + 1))
      }
    }
    const folder = t.testdir()
    for (const [file, text] of texts) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      const adapted = adapt(text, folder, upstreams)
      // What is imported into a server block has no keys.
      writeFileSync(join(folder, file), file.endsWith('.override') ? adapted : adaptKeys(adapted))
    }
    const api = openApi({ controllers: false })
    t.teardown(() => api.close())
    for (const object of OBJECTS) api.apply(object)
    const file = join(folder, 'Corefile')
    const site = new RunningSite({ corefile: readFileSync(file, 'utf8'), file, api: { endpoint: await api.listen() } })
    t.teardown(() => site.stop())
    await site.start()
    return new Deployment(site, upstreams)
  }
}

const FORWARD = /^\s*forward\s+\S+\s+([^{#\n]*?)\s*(?=\{|#|$)/gm

async function openUpstream(t: Test, number: number): Promise<UpstreamServer> {
  const upstream = await UpstreamServer.start(numbered(number))
  t.teardown(() => upstream.stop())
  return upstream
}

/** Ports, addresses and paths of this machine for those that the distribution has. */
function adapt(text: string, folder: string, upstreams: ReadonlyMap<string, UpstreamServer>): string {
  return text
    .replace(FORWARD, (line, to: string) => line.replace(to, `127.0.0.1:${upstreams.get(to)?.port}`))
    .replaceAll('/etc/coredns/', `${folder}/`)
    .replace(/^\s*bind .*$/gm, '')
    .replace(/^(\s*)(prometheus|health|ready)(?: [\w.:]+)?/gm, '$1$2 127.0.0.1:0')
    .replace(/lameduck \S+/g, 'lameduck 1ms')
}

/** Every server block on one address, on a port that is free. */
const adaptKeys = (text: string): string =>
  text.replace(/^(?!\()(\S.*?)(?::\d+)?\s*\{$/gm, '$1:0 {\n    bind 127.0.0.1')

const web = clusterIP('web', ['10.96.1.5'], undefined, { namespace: 'shop' })
const OBJECTS = [
  namespace('shop'),
  web,
  headless('db', { namespace: 'shop' }),
  slice('db', [{ addresses: ['10.244.0.5'], hostname: 'db-0', targetRef: { kind: 'Pod', name: 'db-0' } }], {
    namespace: 'shop',
  }),
]
