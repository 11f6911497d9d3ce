import t from 'tap'
import { isLabel } from '../../src/server/metadata.ts'
import { decodeOptions, findOptions } from '../../src/wire/option.ts'
import type { Handler } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { formatName } from '../../src/wire/name.ts'
import { type TestBlock, ask, askLater, chain, listPhases, setUp, setUpBlock } from './harness.ts'

const KUBERNETES = 'kubernetes cluster.local in-addr.arpa clusterset.local {\nmulticluster clusterset.local\n}'
const LABELS = ['kind', 'namespace', 'service', 'endpoint', 'port-name', 'protocol', 'cluster', 'parse-error', 'zone']
const next: Handler = { serve: () => Rcode.NOERROR }

const logged = (block: TestBlock, name: string): string => {
  ask(chain(block, next), { name })
  return block.process.lines.at(-1) ?? ''
}

/** What CoreDNS 1.15 logs for the same names; of a ClusterSet it knows no cluster. */
const names: [name: string, kind_namespace_service_endpoint_port_protocol_cluster_error_zone: string][] = [
  ['web.data.svc.cluster.local.', 'svc|data|web||||-|-|-'],
  ['WEB.Data.SVC.Cluster.Local.', 'svc|data|web||||-|-|-'],
  ['web-0.web.data.svc.cluster.local.', 'svc|data|web|web-0|||-|-|-'],
  ['_http._tcp.web.data.svc.cluster.local.', 'svc|data|web||http|tcp|-|-|-'],
  ['http.tcp.web.data.svc.cluster.local.', 'svc|data|web||http|tcp|-|-|-'],
  ['10-0-0-1.data.pod.cluster.local.', 'pod|data|10-0-0-1||||-|-|-'],
  ['data.svc.cluster.local.', 'svc|data|||||-|-|-'],
  ['svc.cluster.local.', '||||||-|-|-'],
  ['cluster.local.', '||||||-|-|-'],
  ['web.data.cluster.local.', '-|-|-|-|-|-|-|invalid query name|-'],
  ['a.b.c.web.data.svc.cluster.local.', '-|-|-|-|-|-|-|invalid query name|-'],
  ['1.0.0.10.in-addr.arpa.', '-|-|-|-|-|-|-|invalid query name|-'],
  ['www.example.org.', '-|-|-|-|-|-|-|-|-'],
  ['web-0.east.web.data.svc.clusterset.local.', 'svc|data|web|web-0|||east|-|-'],
  ['_http._tcp.web.data.svc.clusterset.local.', 'svc|data|web||http|tcp|-|-|-'],
]

void t.test('log writes what kubernetes knows of a name', async t => {
  const format = LABELS.map(label => `{/kubernetes/${label}}`).join('|')
  const block = setUpBlock(`metadata\nlog . "${format}"\n${KUBERNETES}`)
  for (const [name, values] of names) t.equal(logged(block, name), `info ${values}`, name)
})

void t.test('with zonal, the zone that a name chooses is known', async t => {
  const format = ['kind', 'namespace', 'service', 'zone', 'parse-error']
    .map(label => `{/kubernetes/${label}}`)
    .join('|')
  const block = setUpBlock(`metadata\nlog . "${format}"\n${KUBERNETES.replace('{', '{\nzonal')}`)
  for (const [name, values] of [
    ['Corp.example.com.pin._zone.web.data.svc.cluster.local.', 'svc|data|web|corp.example.com|-'],
    ['east.prefer._zone.web.data.svc.cluster.local.', 'svc|data|web|east|-'],
    ['web.data.svc.cluster.local.', 'svc|data|web||-'],
    ['east.near._zone.web.data.svc.cluster.local.', '-|-|-|-|invalid query name'],
    ['east.pin._zone.web.data.pod.cluster.local.', '-|-|-|-|invalid query name'],
    ['east.pin._zone.web.data.svc.clusterset.local.', '-|-|-|-|invalid query name'],
  ])
    t.equal(logged(block, name), `info ${values}`, name)
})

void t.test('nothing is known without metadata, outside of its zones, or under a label that nobody has', async t => {
  const format = 'log . "{/kubernetes/namespace} {/kubernetes/nothing} {/nobody/has}"'
  const name = 'web.data.svc.cluster.local.'
  t.equal(logged(setUpBlock(`${format}\n${KUBERNETES}`), name), 'info - - -')
  t.equal(logged(setUpBlock(`metadata example.org\n${format}\n${KUBERNETES}`), name), 'info - - -')
  t.equal(logged(setUpBlock(`metadata svc.cluster.local\n${format}\n${KUBERNETES}`), name), 'info data - -')
  t.equal(logged(setUp(`example.org {\nmetadata\n${format}\n${KUBERNETES}\n}`)[0], name), 'info - - -')
})

void t.test('behind rewrite, a template reads what the client has asked', async t => {
  const template =
    'template IN A other.org {\nanswer "{{ .Name }} 5 A 10.0.0.{{ len (.Meta `kubernetes/namespace`) }}"\n}'
  const rewrite = 'rewrite name web.data.svc.cluster.local x.other.org'
  const handler = chain(setUpBlock(`metadata\n${rewrite}\n${template}\n${KUBERNETES}`), next)
  const [answer] = ask(handler, { name: 'web.data.svc.cluster.local.' }).sections
  t.same(answer, ['web.data.svc.cluster.local. 5 A 10.0.0.4'])
  const [other] = ask(handler, { name: 'x.other.org.' }).sections
  t.same(other, ['x.other.org. 5 A 10.0.0.0'])
})

void t.test('rewrite puts metadata into an option, and into a name', async t => {
  const seen: string[] = []
  const last: Handler = {
    serve(query) {
      const options = decodeOptions(findOptions(query)).map(({ data }) => Buffer.from(data).toString())
      seen.push([formatName(query.name), ...options].join(' '))
      return Rcode.NOERROR
    },
  }
  const rules = `rewrite continue edns0 local set 65001 {kubernetes/namespace}
    rewrite name regex ^(web)\\.(.*)\\.svc\\.cluster\\.local\\.$ {1}.{KUBERNETES/x}.example.org metadata
    rewrite name regex ^web\\..*\\.svc\\.cluster\\.local\\.$ {0}{kubernetes/service}.{kubernetes/namespace}.Example.org metadata answer auto
    rewrite name regex ^(x).$ {kubernetes/namespace}.example.org metadata`
  const handler = chain(setUpBlock(`metadata\n${rules}\n${KUBERNETES}`), last)
  for (const name of ['web.Data.svc.cluster.local.', 'api.data.svc.cluster.local.', 'svc.cluster.local.', 'x.']) {
    ask(handler, { name, type: Type.A })
  }
  // The names of the cluster do not get so far, but where the name has become another one.
  t.same(seen, ['web.data.svc.cluster.local.web.data.example.org. data', 'x.'])
})

void t.test('log tells the server that was asked last', async t => {
  const block = setUpBlock('metadata\nlog . "{/forward/upstream}"\nforward . 127.0.0.1:1 {\nmax_connect_attempts 1\n}')
  const handler = chain(block, next)
  for (const phase of listPhases(block)) await phase.start?.()
  const { rcode } = await askLater(handler, { name: 'www.example.org.' })
  for (const phase of listPhases(block)) await phase.stop?.()
  t.equal(rcode, Rcode.SERVFAIL)
  t.equal(block.process.lines.at(-1), 'info 127.0.0.1:1')
})

void t.test('a label has words on both sides of a slash', async t => {
  for (const label of ['plugin/LABEL', 'p/L', 'PLUGIN/LABEL/SUB-LABEL']) t.ok(isLabel(label), label)
  for (const label of ['LABEL', 'plugin.LABEL', '/NO', 'ONLY/', '/', '']) t.notOk(isLabel(label), label)
})

const mistakes: [directive: string, message: RegExp][] = [
  ['metadata {\nsome_param\n}', /Corefile:3:1: metadata has no properties/],
  ['metadata a..b', /Corefile:2:10: /],
]

void t.test('a mistake has its place', async t => {
  for (const [directive, message] of mistakes) t.throws(() => setUpBlock(directive), { message }, directive)
})
