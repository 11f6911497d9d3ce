// What `npm pack` makes: the bundle, run as Node runs packages, where it strips no types.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Command, ROOT, askTcp, askUdp, portOf } from './cli/command.ts'

/** Packs, and installs into an empty folder: koffi is there for its native part, and no other package. */
function install(t: Test): string {
  const folder = t.testdir({})
  const modules = join(folder, 'node_modules')
  const home = join(modules, 'kubezone')
  mkdirSync(home, { recursive: true })
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT })
  const archive = readdirSync(folder).find(name => name.endsWith('.tgz')) ?? ''
  execFileSync('tar', ['-xzf', join(folder, archive), '-C', home, '--strip-components=1'])
  symlinkSync(join(ROOT, 'node_modules/koffi'), join(modules, 'koffi'))
  return join(home, 'bin/kubezone.mjs')
}

void t.test('an installed package', async t => {
  const program = install(t)
  const run = (t: Test, ...args: string[]): Command => new Command(t, [program, ...args])

  void t.test('serves the examples, in batches where the sources do', async t => {
    const command = run(t, 'try', '-p', '0')
    const port = await portOf(command, 'dns')
    const answer = { rcode: 'NOERROR', answer: ['kubernetes.default.svc.cluster.local. 30 IN A 10.96.0.1'] }
    t.match(await askUdp(port, 'kubernetes.default.svc.cluster.local.', 'A'), answer)
    t.match(await askTcp(port, 'kubernetes.default.svc.cluster.local.', 'A'), answer)
    const lookup = run(t, 'lookup', 'hello.default.svc.cluster.local', '--server', `127.0.0.1:${port}`)
    t.match(await lookup.ended, { code: 0, out: /10\.96\.\d+\.\d+/, err: '' })
    t.match(await command.stop(), { code: 0, out: /^((?!without batches)[^])*$/, err: '' })
  })

  void t.test('serves in threads, with what the control thread alone loads', async t => {
    const cwd = t.testdir({
      Corefile: `.:0 {
    bind 127.0.0.1
    multisocket 2
    health 127.0.0.1:0
    transfer {
        to 127.0.0.1:9
    }
    kubernetes cluster.local {
        snapshot names
    }
}
`,
    })
    const command = new Command(t, [program, 'try', '-conf', 'Corefile'], { cwd })
    const answer = { rcode: 'NOERROR', answer: ['kubernetes.default.svc.cluster.local. 5 IN A 10.96.0.1'] }
    t.match(await askUdp(await portOf(command, 'dns'), 'kubernetes.default.svc.cluster.local.', 'A'), answer)
    t.match(await command.stop(), { code: 0, err: '' })
    t.ok(existsSync(join(cwd, 'names')))
  })

  void t.test('loads nothing of Node but what it asks for', async t => {
    const report = 'data:text/javascript,process.on("exit",()=>console.log(process.moduleLoadList.join(" ")))'
    const command = new Command(t, ['--import', report, program, '-version'])
    const { out } = await command.ended
    t.match(out, /NativeModule http /)
    t.notMatch(out, /undici|http2|webstreams/)
  })

  void t.test('goes by a kubeconfig, with a client-node of its own', async t => {
    const api = run(t, 'fakeapi', '--port', '0', '--kubeconfig', join(t.testdir({}), 'config'))
    await api.seen(/Kubernetes API on (\S+)\n/)
    const cwd = t.testdirName
    const command = new Command(t, [program, '--kubeconfig', 'config', '-p', '0', '-conf', 'stdin'], {
      cwd,
      input: '. {\n    bind 127.0.0.1\n    kubernetes cluster.local\n}\n',
    })
    const answer = await askUdp(await portOf(command, 'dns'), 'dns-version.cluster.local.', 'TXT')
    t.match(answer, { rcode: 'NOERROR' })
    t.match(await command.stop(), { code: 0, err: '' })
  })

  void t.test('knows its version, its help and what differs from CoreDNS', async t => {
    t.match(await run(t, '-version').ended, { code: 0, out: /^kubezone-\d/, err: '' })
    t.match(await run(t, '--help').ended, { code: 0, out: /kubezone lookup/, err: '' })
    const check = new Command(t, [program, 'check', 'stdin'], { input: '. {\n    any\n    loop\n}\n' })
    t.match(await check.ended, { code: 0, out: /What differs from CoreDNS.*\nloop\n {2}\* /s, err: '' })
  })
})
