import t from 'tap'
import { type Mistake, kubernetes, makeMistakes, site } from './mistaken.ts'

const KUBECONFIG = `
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
users: [{ name: u, user: {} }]
contexts: [{ name: known, context: { cluster: c, user: u } }]
current-context: gone
`
const manifest = (spec: string, kind = 'Service'): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: a\n  namespace: shop\nspec:\n${spec}\n`
const SERVICE = manifest('  ports:\n    - port: 80')

const IN_USE = 'address already in use (is another server running? `ss -lntup` shows which; or choose another port)'

const mistakes: Record<string, Mistake> = {
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
}

void t.test('what a person can mend ends with 1 and one line on standard error', { jobs: 4 }, t =>
  makeMistakes(t, mistakes),
)
