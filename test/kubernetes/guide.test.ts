// The commands of the guides, run as a person would, against a cluster with the CoreDNS that kubeadm installs.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { Command, ROOT } from '../cli/command.ts'
import { ControlPlane } from './controlplane.ts'
import { COREDNS } from './coredns.ts'
import { Kubelet } from './kubelet.ts'

const plane = await ControlPlane.start(t)
await Kubelet.start(t, plane)
await plane.hasAccount('kube-system')

/** Each `$ ` line of the console blocks; other blocks need what is not here. */
function readCommands(file: string): string[] {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/^``` console\n(.*?)^```$/gms)].map(([, text]) => text)
  return blocks.flatMap(text => text.trim().split('\n')).map(line => line.replace(/^\$ /, ''))
}

const GUIDES = ['docs/migrate-from-coredns.md', 'docs/install.md']

for (const guide of GUIDES) {
  void t.test(guide, async t => {
    await plane.kubectl('create -f -', COREDNS)
    const commands = readCommands(guide)
    t.ok(commands.length > 5)
    // Files that the commands write go elsewhere than into the project.
    const setup = `cd '${plane.folder}' && ln -sfn '${ROOT}deploy' deploy && npx() { shift; '${process.execPath}' '${ROOT}bin/kubezone.mjs' "$@"; }`
    for (const line of commands) {
      const command = new Command(t, ['-c', `${setup}\n${line}`], { program: '/bin/bash', env: plane.env })
      const { code, out, err } = await command.ended
      t.equal(code, 0, `${line}\n${out}${err}`)
      if (line.includes('can-i')) t.equal(out, 'yes\n')
    }
    await plane.kubectl('delete -f - --ignore-not-found', COREDNS)
    await plane.kubectl('delete -k deploy/kubernetes/base --ignore-not-found')
    await plane.kubectl('delete -k deploy/kubernetes/node-local --ignore-not-found')
  })
}
