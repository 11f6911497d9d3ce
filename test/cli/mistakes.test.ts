import t, { type Test } from 'tap'
import { kubezone, occupyTcp, occupyUdp } from './command.ts'

const KUBECONFIG = `
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
users: [{ name: u, user: {} }]
contexts: [{ name: known, context: { cluster: c, user: u } }]
current-context: gone
`
const site = (lines: string): string => `cluster.test:0 {\n    bind 127.0.0.1\n${lines}\n}\n`
const kubernetes = (property = ''): string => site(`    kubernetes cluster.test {\n        ${property}\n    }`)
const manifest = (spec: string, kind = 'Service'): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: a\n  namespace: shop\nspec:\n${spec}\n`
const SERVICE = manifest('  ports:\n    - port: 80')

interface Mistake {
  /** An empty object is a directory. */
  files: Record<string, string | Record<string, never>>
  args: string
  /** The whole of the standard error, without what every line begins with. */
  err: string | RegExp
}

const IN_USE = 'address already in use (is another server running? `ss -lntup` shows which; or choose another port)'

const mistakes: Record<string, Mistake> = {
  'a Corefile that is missing': {
    files: {},
    args: '-conf none',
    err: "the Corefile 'none': there is no such file",
  },
  'a Corefile that is a directory': {
    files: { Corefile: {} },
    args: '-quiet',
    err: "the Corefile 'Corefile': it is a directory",
  },
  'a Corefile with a mistake': {
    files: { Corefile: '. {\n    bind 127.0.0.1\n    health {\n        lameduck soon\n    }\n}\n' },
    args: '-p 0',
    err: /^Corefile:4:18: .*'soon'.*; expected .*/,
  },
  'a Corefile that ends too early': {
    files: { Corefile: '. {\n    whoami\n' },
    args: '-p 0',
    err: /^Corefile:\d+:\d+: .*; expected .*/,
  },
  'an unknown directive': {
    files: { Corefile: '. {\n    bind 127.0.0.1\n    foward . 192.0.2.1\n}\n' },
    args: '-p 0',
    err: /^Corefile:3:5: unknown directive 'foward' \(did you mean 'forward'\?\); expected one of .*bind, .*, whoami$/,
  },
  'a zone that two blocks have': {
    files: { Corefile: 'a.test {\n    whoami\n}\na.test {\n    whoami\n}\n' },
    args: '-p 0',
    err: /^Corefile:4:1: .*a\.test.*; expected .*/,
  },
  'a scheme that is not served': {
    files: { Corefile: 'tls://a.test {\n    whoami\n}\n' },
    args: '-p 0',
    err: 'Corefile:1:1: tls:// is not served by this version; expected dns:// or no scheme',
  },
  'a kubeconfig that is missing': {
    files: { Corefile: kubernetes('kubeconfig none') },
    args: '-p 0',
    err: /^the kubeconfig file \/.*\/none does not exist: give the path of one that does$/,
  },
  'a kubeconfig of --kubeconfig that is missing': {
    files: { Corefile: kubernetes() },
    args: '--kubeconfig none',
    err: /^the kubeconfig file \/.*\/none does not exist: give the path of one that does$/,
  },
  'a kubeconfig that is not YAML': {
    files: { Corefile: kubernetes('kubeconfig k'), k: 'a: [b' },
    args: '-p 0',
    err: /^the kubeconfig file \/.*\/k .+/,
  },
  'a kubeconfig without the context of the Corefile': {
    files: { Corefile: kubernetes('kubeconfig k unknown'), k: KUBECONFIG },
    args: '-p 0',
    err: /^the kubeconfig file \/.*\/k has no context unknown: it has known$/,
  },
  'a kubeconfig without its current context': {
    files: { Corefile: kubernetes(), k: KUBECONFIG },
    args: '--kubeconfig k',
    err: /^the kubeconfig file \/.*\/k has no context gone: it has known$/,
  },
  'no cluster around': {
    files: { Corefile: kubernetes() },
    args: '-p 0',
    err:
      'not in a cluster (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): ' +
      'give kubeconfig or endpoint to say where the API is',
  },
  'a manifest that is missing': {
    files: {},
    args: '--manifests none.yaml',
    err: 'none.yaml:1:1: no such file or directory, and no file matches it',
  },
  'a glob that matches nothing': {
    files: {},
    args: '--manifests *.yaml',
    err: /^\*\.yaml:1:1: .*no file.*/,
  },
  'a manifest that is not YAML': {
    files: { 'm.yaml': 'a: [b' },
    args: '--manifests m.yaml',
    err: /^m\.yaml:1:6: this is not YAML: .*/,
  },
  'a manifest that is no object': {
    files: { 'm.yaml': '- 1\n- 2\n' },
    args: '--manifests m.yaml',
    err: /^m\.yaml:1:1: .+/,
  },
  'a manifest of an unknown kind': {
    files: { 'm.yaml': `${SERVICE}---\n${manifest('', 'Serivce')}` },
    args: '--manifests m.yaml',
    err: /^m\.yaml:11:1: Serivce shop\/a: kind: unknown kind "Serivce": this API serves .*/,
  },
  'a manifest with an invalid field': {
    files: { 'm.yaml': manifest('  ports:\n    - name: x\n      port: 99999') },
    args: '--manifests m.yaml',
    err: 'm.yaml:9:7: Service shop/a: spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive (and 1 more)',
  },
  'two manifests of one object': {
    files: { 'a.yaml': SERVICE, 'b.yaml': SERVICE },
    args: '--manifests a.yaml b.yaml',
    err: 'b.yaml:1:1: Service shop/a: metadata.name: is already the name of the one at a.yaml:1:1',
  },
  'manifests for fakeapi that are missing': {
    files: {},
    args: 'fakeapi --port 0 --manifests none',
    err: 'none:1:1: no such file or directory, and no file matches it',
  },
  'a kubeconfig that fakeapi cannot write': {
    files: {},
    args: 'fakeapi --port 0 --kubeconfig none/k',
    err: /^--kubeconfig none\/k cannot be written: ENOENT: no such file or directory.*/,
  },
  'a port that UDP has': {
    files: { Corefile: '. {\n    bind 127.0.0.1\n    whoami\n}\n' },
    args: '-p UDP',
    err: `listen udp 127.0.0.1:UDP: ${IN_USE}`,
  },
  'a port that TCP has': {
    files: { Corefile: '. {\n    bind 127.0.0.1\n    whoami\n}\n' },
    args: '-p TCP',
    err: `listen tcp 127.0.0.1:TCP: ${IN_USE}`,
  },
  'a port of `try` that is in use': { files: {}, args: 'try -p UDP', err: `listen udp 127.0.0.1:UDP: ${IN_USE}` },
  'a port of the metrics that is in use': {
    files: { Corefile: site('    prometheus 127.0.0.1:TCP') },
    args: '-p 0',
    err: `listen http 127.0.0.1:TCP: ${IN_USE}`,
  },
  'a port of the probes that is in use': {
    files: { Corefile: site('    health 127.0.0.1:0\n    ready 127.0.0.1:TCP') },
    args: '-p 0',
    err: `listen http 127.0.0.1:TCP: ${IN_USE}`,
  },
  'a port of fakeapi that is in use': {
    files: {},
    args: 'fakeapi --port TCP',
    err: `listen http 127.0.0.1:TCP: ${IN_USE}`,
  },
  'an address that is not of this machine': {
    files: { Corefile: '. {\n    bind 192.0.2.1\n    whoami\n}\n' },
    args: '-p 0',
    err: 'listen udp 192.0.2.1:0: no interface of this machine has the address',
  },
  'a Corefile to check that is missing': {
    files: {},
    args: 'check',
    err: "the Corefile 'Corefile': there is no such file",
  },
  'an unknown property, to check': {
    files: { Corefile: kubernetes('pod insecure') },
    args: 'check Corefile',
    err: /^Corefile:4:9: .*'pod'.*; expected one of .*pods.*/,
  },
  'a bad argument, to check': {
    files: { Corefile: kubernetes('ttl 3601') },
    args: 'check Corefile',
    err: /^Corefile:4:13: .*3601.*; expected .*3600.*/,
  },
  'an import that is missing, to check': {
    files: { Corefile: '. {\n    import none.conf\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:2:12: .*none\.conf.*; expected .*/,
  },
  'a mistake in an imported file, to check': {
    files: { Corefile: '. {\n    import other.conf\n}\n', 'other.conf': 'errors\nwhoareyou\n' },
    args: 'check Corefile',
    err: /^\S*other\.conf:2:1: unknown directive 'whoareyou'; expected .*/,
  },
  'a brace too many, to check': {
    files: { Corefile: '. {\n    whoami\n}\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:4:1: .*; expected .*/,
  },
  'a quote without its end, to check': {
    files: { Corefile: '. {\n    log "a\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:2:9: .*; expected .*/,
  },
  'a zone that is no name, to check': {
    files: { Corefile: 'a..test {\n    whoami\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:1:1: .*a\.\.test.*; expected .*/,
  },
  'a Corefile from standard input, to check': {
    files: {},
    args: 'check stdin',
    err: /^stdin:1:5: unknown directive 'nothing'; expected .*/,
  },
}

const ports = { UDP: await occupyUdp(t), TCP: await occupyTcp(t) }
const withPorts = (text: string): string => text.replaceAll(/UDP|TCP/g, name => `${ports[name as 'UDP' | 'TCP']}`)
const fill = (file: string | Record<string, never>) => (typeof file === 'string' ? withPorts(file) : file)

void t.test('what a person can mend ends with 1 and one line on standard error', { jobs: 4 }, async t => {
  const tests = Object.entries(mistakes).map(([name, { files, args, err }]) =>
    t.test(name, { buffered: true }, async (t: Test) => {
      const cwd = t.testdir(Object.fromEntries(Object.entries(files).map(([file, text]) => [file, fill(text)])))
      const ended = await kubezone(t, args.split(' ').map(withPorts), { cwd, input: '. { nothing\n}\n' }).ended
      t.match(ended, { code: 1, signal: null })
      t.match(ended.err, /^kubezone: [^\n]+\n$/)
      const text = ended.err.slice('kubezone: '.length, -1)
      if (typeof err === 'string') t.equal(text, withPorts(err))
      else t.match(text, err)
    }),
  )
  await Promise.all(tests)
})
