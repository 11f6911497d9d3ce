import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askTcp, askUdp, type Command, kubezone, portOf, ROOT } from './command.ts'

interface Listed {
  metadata: { name: string; namespace: string }
  spec: { clusterIPs?: string[] }
  status?: { podIP?: string }
}

/** What the API that runs in the process holds, by `namespace/name`. */
async function list(url: string, resource: string): Promise<Map<string, Listed>> {
  const { items } = (await (await fetch(`${url}/api/v1/${resource}`)).json()) as { items: Listed[] }
  return new Map(items.map(item => [`${item.metadata.namespace}/${item.metadata.name}`, item]))
}

const isNotOpt = (line: string): boolean => !line.includes(' TYPE41 ')

const apiOf = async (command: Command): Promise<string> => (await command.seen(/The API is at (\S+):/))[1]

const reverse = (address: string): string => `${address.split('.').toReversed().join('.')}.in-addr.arpa.`

/** `fd00:10:96::101` and the like: one gap at most. */
function reverse6(address: string): string {
  const [before, after] = address.split('::').map(part => part.split(':'))
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  const digits = groups.map(group => group.padStart(4, '0')).join('')
  return `${digits.split('').toReversed().join('.')}.ip6.arpa.`
}

void t.test('`try` serves each kind of Service of the example over UDP and TCP', async t => {
  const command = kubezone(t, ['try', '-p', '0'])
  const port = await portOf(command, 'dns')
  const api = await apiOf(command)
  const services = await list(api, 'services')
  const pods = await list(api, 'pods')
  const ips = (key: string): string[] => services.get(key)?.spec.clusterIPs ?? []
  const pod = (key: string): string => pods.get(key)?.status?.podIP ?? ''
  const z = 'svc.cluster.local.'
  const [apiV4, apiV6] = ips('shop/api')
  const members = ['cache-0', 'cache-1', 'cache-2']
  t.equal(new Set(members.map(name => pod(`data/${name}`))).size, 3, 'the StatefulSet has three pods')
  const a = (name: string, key: string): string[] => [`${name} 30 IN A ${ips(key)[0]}`]

  const questions: [name: string, type: string, answer: string[], extra?: string[]][] = [
    [`hello.default.${z}`, 'A', a(`hello.default.${z}`, 'default/hello')],
    [`kubernetes.default.${z}`, 'A', a(`kubernetes.default.${z}`, 'default/kubernetes')],
    [`web-nodes.shop.${z}`, 'A', a(`web-nodes.shop.${z}`, 'shop/web-nodes')],
    [`web-public.shop.${z}`, 'A', a(`web-public.shop.${z}`, 'shop/web-public')],
    [`ledger.data.${z}`, 'A', a(`ledger.data.${z}`, 'data/ledger')],
    [
      `_postgres._tcp.ledger.data.${z}`,
      'SRV',
      [`_postgres._tcp.ledger.data.${z} 30 IN SRV 0 100 5432 ledger.data.${z}`],
      a(`ledger.data.${z}`, 'data/ledger'),
    ],
    [`api.shop.${z}`, 'A', [`api.shop.${z} 30 IN A ${apiV4}`]],
    [`api.shop.${z}`, 'AAAA', [`api.shop.${z} 30 IN AAAA ${apiV6}`]],
    ...(
      [
        ['_http._tcp', 80],
        ['_discovery._udp', 8081],
      ] as const
    ).map(([labels, number]): [string, string, string[], string[]] => [
      `${labels}.api.shop.${z}`,
      'SRV',
      [`${labels}.api.shop.${z} 30 IN SRV 0 50 ${number} api.shop.${z}`],
      [`api.shop.${z} 30 IN A ${apiV4}`, `api.shop.${z} 30 IN AAAA ${apiV6}`],
    ]),
    [`payments.shop.${z}`, 'A', [`payments.shop.${z} 30 IN CNAME payments.example.com.`]],
    [
      `cache.shop.${z}`,
      'A',
      [
        `cache.shop.${z} 30 IN CNAME cache.data.${z}`,
        ...members.map(name => `cache.data.${z} 30 IN A ${pod(`data/${name}`)}`),
      ],
    ],
    [`cache.data.${z}`, 'A', members.map(name => `cache.data.${z} 30 IN A ${pod(`data/${name}`)}`)],
    ...members.map((name): [string, string, string[]] => [
      `${name}.cache.data.${z}`,
      'A',
      [`${name}.cache.data.${z} 30 IN A ${pod(`data/${name}`)}`],
    ]),
    [
      `_redis._tcp.cache.data.${z}`,
      'SRV',
      members.map(name => `_redis._tcp.cache.data.${z} 30 IN SRV 0 33 6379 ${name}.cache.data.${z}`),
      members.map(name => `${name}.cache.data.${z} 30 IN A ${pod(`data/${name}`)}`),
    ],
    [reverse(apiV4), 'PTR', [`${reverse(apiV4)} 30 IN PTR api.shop.${z}`]],
    [reverse6(apiV6), 'PTR', [`${reverse6(apiV6)} 30 IN PTR api.shop.${z}`]],
    [reverse(pod('data/cache-1')), 'PTR', [`${reverse(pod('data/cache-1'))} 30 IN PTR cache-1.cache.data.${z}`]],
    ['10-1-2-3.shop.pod.cluster.local.', 'A', ['10-1-2-3.shop.pod.cluster.local. 30 IN A 10.1.2.3']],
    ['2001-db8--1.shop.pod.cluster.local.', 'AAAA', ['2001-db8--1.shop.pod.cluster.local. 30 IN AAAA 2001:db8::1']],
    ['dns-version.cluster.local.', 'TXT', ['dns-version.cluster.local. 28800 IN TXT "1.1.0"']],
  ]
  for (const [name, type, answer, extra = []] of questions) {
    const sections = { answer: answer.toSorted(), ns: [], extra: extra.toSorted() }
    const expected = { rcode: 'NOERROR', aa: true, tc: false, ...sections }
    const udp = await askUdp(port, name, type)
    t.same({ ...udp, extra: udp.extra.filter(isNotOpt) }, expected, `${name} ${type} over UDP`)
    t.same(await askTcp(port, name, type), expected, `${name} ${type} over TCP`)
  }
  for (const [name, rcode] of [
    [`missing.shop.${z}`, 'NXDOMAIN'],
    [`web.shop.${z}`, 'NOERROR'],
    ['example.com.', 'REFUSED'],
  ]) {
    t.match(await askUdp(port, name, 'MX'), { rcode, answer: [] }, `${name} MX`)
  }
  t.match(await command.stop(), { code: 0, signal: null, err: '' })
})

void t.test('`try` tells every Service and what to type', async t => {
  const command = kubezone(t, ['try', '-p', '0'])
  const port = await portOf(command, 'dns')
  const services = await list(await apiOf(command), 'services')
  const { out } = await command.stop()
  for (const key of services.keys()) {
    const [namespace, name] = key.split('/')
    t.match(out, `\n  ${name}.${namespace}.svc.cluster.local `)
  }
  t.match(out, `\n  dig @127.0.0.1 -p ${port} kubernetes.default.svc.cluster.local A\n`)
  t.match(out, '[INFO] in-process API: ')
})

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: one, namespace: a }
spec: { clusterIP: 10.96.7.1, ports: [{ port: 80 }] }
`
const SECOND = SHOP.replace('one', 'two').replace('10.96.7.1', '10.96.7.2')
const THIRD = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'three', namespace: 'b' },
  spec: { clusterIP: '172.20.0.3', ports: [{ port: 80 }] },
})
const COREFILE = `
cluster.test:0 {
    bind 127.0.0.1
    kubernetes cluster.test
}
`

const addressOf = async (port: number, name: string): Promise<string> => {
  const { rcode, answer } = await askUdp(port, `${name}.svc.cluster.test.`, 'A')
  return answer.map(line => line.split(' ').at(-1)).join() || rcode
}

void t.test('`--manifests` takes files, directories and globs, for the Corefile of `-conf`', async t => {
  const cwd = t.testdir({
    'my.corefile': COREFILE,
    'one.yaml': SHOP,
    more: { 'two.yml': SECOND, deep: { 'three.json': THIRD }, 'notes.txt': 'not: [a manifest' },
  })
  for (const [paths, expected] of [
    [['one.yaml'], '10.96.7.1 NXDOMAIN NXDOMAIN'],
    [['one.yaml', 'more'], '10.96.7.1 10.96.7.2 172.20.0.3'],
    [['*.yaml', 'more/*/*.json'], '10.96.7.1 NXDOMAIN 172.20.0.3'],
    [['more/**/*.json'], 'NXDOMAIN NXDOMAIN 172.20.0.3'],
    [[join(cwd, 'more')], 'NXDOMAIN 10.96.7.2 172.20.0.3'],
  ] as const) {
    const command = kubezone(t, ['--manifests', ...paths, '-conf', 'my.corefile'], { cwd })
    const port = await portOf(command, 'dns')
    const found = [await addressOf(port, 'one.a'), await addressOf(port, 'two.a'), await addressOf(port, 'three.b')]
    t.equal(found.join(' '), expected, paths.join(' '))
    t.match(await command.stop(), { code: 0, err: '' })
  }
})

void t.test('`-conf stdin` reads the Corefile from there', async t => {
  const cwd = t.testdir({ 'one.yaml': SHOP })
  const command = kubezone(t, ['-conf', 'stdin', '--manifests', 'one.yaml'], { cwd, input: COREFILE })
  t.equal(await addressOf(await portOf(command, 'dns'), 'one.a'), '10.96.7.1')
  t.match(await command.stop(), { code: 0, err: '' })
})

void t.test('./Corefile is read where no flag names one', async t => {
  const cwd = t.testdir({ Corefile: '. {\n    bind 127.0.0.1\n    whoami\n}\n' })
  const command = kubezone(t, ['-dns.port', '0'], { cwd })
  const port = await portOf(command, 'dns')
  t.match(await askTcp(port, 'a.example.', 'A'), {
    rcode: 'NOERROR',
    extra: [/^_tcp\.a\.example\. 0 IN SRV /, /A 127\.0\.0\.1$/],
  })
  t.match(await command.stop(), { code: 0, out: /^\.:0\n/, err: '' })
})

const nothing: [what: string, args: string[], files: Record<string, string>][] = [
  ['no Corefile', [], {}],
  ['an empty Corefile', [], { Corefile: '' }],
  ['a Corefile of comments', [], { Corefile: '# nothing\n' }],
  ['a Corefile of snippets', [], { Corefile: '(common) {\n    errors\n}\n' }],
  ['an empty Corefile from standard input', ['-conf', 'stdin'], {}],
]

void t.test('where nothing says what to serve, whoami and log are served on the root, as by CoreDNS', async t => {
  for (const [what, args, files] of nothing) {
    const command = kubezone(t, ['-dns.port', '0', ...args], { cwd: t.testdir(files) })
    const port = await portOf(command, 'dns')
    const { rcode, extra } = await askUdp(port, 'a.example.', 'A')
    t.equal(rcode, 'NOERROR', what)
    t.match(extra.join('\n'), /^_udp\.a\.example\. 0 IN SRV 0 0 \d+ \.$/m, what)
    await command.seen(/^\[INFO\] \S+:\d+ - 1 "A IN a\.example\. udp 38 false 65000" NOERROR/m)
    t.match(await command.stop(), { code: 0, err: '' }, what)
  }
})

void t.test('the start prints the keys and the version; -quiet prints neither, but still what is logged', async t => {
  const cwd = t.testdir({ Corefile: 'a.test b.test:0 {\n    bind 127.0.0.1\n    whoami\n    log\n}\n' })
  const loud = kubezone(t, ['-p', '0'], { cwd })
  await portOf(loud, 'dns')
  t.match(
    (await loud.stop()).out,
    /^a\.test\.:0\nb\.test\.:0\nkubezone-\d\S+\n\w+\/\w+, node v\S+\n\[INFO\] listening on /,
  )
  const quiet = kubezone(t, ['-p', '0', '-quiet'], { cwd })
  await askUdp(await portOf(quiet, 'dns'), 'x.a.test.', 'A')
  const { code, out } = await quiet.stop()
  t.equal(code, 0)
  t.match(
    out,
    /^\[INFO\] listening on dns:\/\/127\.0\.0\.1:\d+\n\[INFO\] \S+ - 1 "A IN x\.a\.test\. .*\n\[INFO\] SIGTERM: Shutting down servers then terminating\n$/,
  )
})

void t.test('ports are told only where none was chosen', async t => {
  const cwd = t.testdir({ Corefile: '. {\n    bind 127.0.0.1\n    health 127.0.0.1:0\n    whoami\n}\n' })
  const command = kubezone(t, ['-p', '0'], { cwd })
  const [dns, http] = [await portOf(command, 'dns'), await portOf(command, 'http')]
  t.equal(await (await fetch(`http://127.0.0.1:${http}/health`)).text(), 'OK')
  await command.stop()
  const again = kubezone(t, ['-p', String(dns)], { cwd })
  await portOf(again, 'http')
  t.match((await again.stop()).out, `.:${dns}\n`)
  t.notMatch(again.out, 'listening on dns:')
})

void t.test('--log-format json writes nothing but JSON, in the form of CoreDNS', async t => {
  const cwd = t.testdir({ 'one.yaml': SHOP, Corefile: COREFILE.replace('kubernetes', 'log\n    kubernetes') })
  for (const args of [
    ['-conf', 'Corefile', '--manifests', 'one.yaml'],
    ['try', '-p', '0'],
  ]) {
    const command = kubezone(t, [...args, '--log-format', 'json'], { cwd })
    await askUdp(await portOf(command, 'dns'), 'one.a.svc.cluster.test.', 'A')
    const { code, out, err } = await command.stop()
    t.match({ code, err }, { code: 0, err: '' })
    const lines = out
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { time: string; level: string; msg: string })
    for (const line of lines) t.match(line, { time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, level: /^(INFO|WARN)$/, msg: /./ })
    t.match(lines.map(({ msg }) => msg).join('\n'), /:0\nkubezone-[^]*listening on[^]*SIGTERM: Shutting down/)
  }
})

void t.test('-pidfile is written while the server runs', async t => {
  const cwd = t.testdir({})
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    const command = kubezone(t, ['-p', '0', '-pidfile', 'pid'], { cwd })
    await portOf(command, 'dns')
    t.equal(readFileSync(join(cwd, 'pid'), 'utf8'), `${command.child.pid}\n`)
    t.match(await command.stop(signal), { code: 0, err: '' })
    t.notOk(existsSync(join(cwd, 'pid')), `removed at ${signal}`)
  }
})

void t.test('a pidfile that cannot be written is told, and the server runs, as CoreDNS does', async t => {
  const command = kubezone(t, ['-p', '0', '-pidfile', 'missing/pid'], { cwd: t.testdir({}) })
  const port = await portOf(command, 'dns')
  t.match(command.out, /^\[ERROR\] -pidfile missing\/pid cannot be written: ENOENT/m)
  t.match(await askUdp(port, 'a.example.', 'A'), { rcode: 'NOERROR' })
  t.match(await command.stop(), { code: 0 })
})

void t.test('a reader that goes away does not end the server', async t => {
  const command = kubezone(t, ['-p', '0'], { cwd: t.testdir({}) })
  const port = await portOf(command, 'dns')
  command.child.stdout.destroy()
  command.child.stderr.destroy()
  // Each is logged.
  for (let i = 0; i < 3; i++) t.match(await askUdp(port, 'a.example.', 'A'), { rcode: 'NOERROR' })
  t.match(await command.stop(), { code: 0, signal: null })
})

void t.test('`check` says what would be served', async t => {
  const cwd = t.testdir({
    Corefile: 'a.test b.test:1053 {\n    whoami\n}\n',
    'import.conf': 'import other.conf\n',
    'other.conf': 'c.test {\n}\n',
  })
  copyFileSync(join(ROOT, 'examples/Corefile'), join(cwd, 'example'))
  for (const [args, out, input] of [
    [[], 'Corefile: ok, serves a.test.:53 b.test.:1053\n'],
    [['import.conf'], 'import.conf: ok, serves c.test.:53\n'],
    [['example'], 'example: ok, serves cluster.local.:53 in-addr.arpa.:53 ip6.arpa.:53\n'],
    [['stdin'], 'stdin: ok, serves d.test.:5353\n', 'd.test:5353 {\n    errors\n}\n'],
    [['stdin'], 'stdin: ok, serves .:53\n', ''],
  ] as [string[], string, string?][]) {
    const ended = await kubezone(t, ['check', ...args], { cwd, input }).ended
    // What follows is held by check.test.ts.
    t.same({ ...ended, out: ended.out.replace(/\n[^]*$/, '\n') }, { code: 0, signal: null, out, err: '' })
  }
})

void t.test('Corefile.example can be served', async (t: Test) => {
  t.match(await kubezone(t, ['check', join(ROOT, 'Corefile.example')]).ended, { code: 0, err: '' })
})
