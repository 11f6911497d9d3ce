import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askUdp, type Command, kubezone, portOf, ROOT } from './command.ts'

const isMissing = spawnSync('kubectl', ['version', '--client']).error !== undefined
const options = { skip: isMissing ? 'kubectl is not on PATH' : false } as const

const EXAMPLES = join(ROOT, 'examples')

/** Runs the command that the process says to try; its output. */
async function tryIt(t: Test, command: Command, cwd: string): Promise<string> {
  const [, line] = await command.seen(/^Try: kubectl (.*)\n/m)
  // Nothing is asked of a person, and nothing outside of the test's own folder is read.
  const env = { PATH: process.env['PATH'], HOME: cwd, KUBECACHEDIR: join(cwd, 'cache') }
  const { status, stdout, stderr } = spawnSync('kubectl', line.split(' '), { cwd, env, input: '', encoding: 'utf8' })
  t.equal(status, 0, `kubectl ${line}: ${stderr}`)
  return stdout
}

for (const [args, shown] of [
  [[], /^--server http:\S+ get services -A$/],
  [['--kubeconfig', 'k'], /^--kubeconfig k get services -A$/],
  [['--tls', '--kubeconfig', 'k'], /^--kubeconfig k get services -A$/],
  [['--tls'], /^--server https:\S+ --insecure-skip-tls-verify .*get services -A$/],
] as [string[], RegExp][]) {
  void t.test(`what fakeapi ${args.join(' ')} says to try works`, options, async t => {
    const cwd = t.testdir({})
    const command = kubezone(t, ['fakeapi', '--port', '0', '--manifests', EXAMPLES, ...args], { cwd })
    const [, line] = await command.seen(/^Try: kubectl (.*)\n/m)
    t.match(line, shown)
    t.match(await tryIt(t, command, cwd), /^NAMESPACE [^]*\nshop +api +ClusterIP [^]*\nshop +web-nodes +NodePort /)
    if (args.includes('k'))
      t.equal(statSync(join(cwd, 'k')).mode & 0o777, 0o600, 'the kubeconfig is for its owner alone')
    t.match(await command.stop(), { code: 0, err: '' })
  })
}

void t.test('a server in another process serves what fakeapi holds, by its kubeconfig', async t => {
  const cwd = t.testdir({ Corefile: 'cluster.test:0 {\n    bind 127.0.0.1\n    kubernetes cluster.test\n}\n' })
  const api = kubezone(t, ['fakeapi', '--port', '0', '--tls', '--kubeconfig', 'k', '--manifests', EXAMPLES], { cwd })
  await api.seen(/^Try: /m)
  const server = kubezone(t, ['--kubeconfig', 'k'], { cwd })
  const port = await portOf(server, 'dns')
  const { rcode, answer } = await askUdp(port, 'payments.shop.svc.cluster.test.', 'CNAME')
  t.same(
    { rcode, answer },
    { rcode: 'NOERROR', answer: ['payments.shop.svc.cluster.test. 5 IN CNAME payments.example.com.'] },
  )
  t.match(await server.stop(), { code: 0, err: '' })
})

const manifest = (name: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

void t.test('fakeapi holds what manifests say, several after one flag too', async t => {
  const cwd = t.testdir({ 'a.json': manifest('a'), 'b.json': manifest('b'), 'c.json': manifest('c') })
  const command = kubezone(t, ['fakeapi', '--port=0', '--manifests', 'a.json', 'b.json', '--manifests=c.json'], { cwd })
  const [, url] = await command.seen(/^Kubernetes API on (\S+)\n/m)
  const { items } = (await (await fetch(`${url}/api/v1/namespaces`)).json()) as {
    items: { metadata: { name: string } }[]
  }
  t.match(items.map(({ metadata: { name } }) => name).join(' '), /^a b c default/)
  t.match(await command.stop(), { code: 0, err: '' })
})
