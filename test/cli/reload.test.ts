import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askUdp, type Command, kubezone, portOf } from './command.ts'

const MANIFEST = `
apiVersion: v1
kind: Service
metadata: { name: one, namespace: a }
spec: { clusterIP: 10.96.7.1, ports: [{ port: 80 }] }
`
const NAME = 'one.a.svc.cluster.test.'

const corefile = (lines: string): string => `.:0 {\n    bind 127.0.0.1\n    kubernetes cluster.test {\n${lines}\n}\n`

interface Served {
  readonly command: Command
  readonly port: number
  /** Puts another Corefile in the place of the one that is there, in one step, as a mounted ConfigMap changes. */
  readonly write: (text: string) => void
}

async function serve(t: Test, text: string): Promise<Served> {
  const cwd = t.testdir({ Corefile: text, 'one.yaml': MANIFEST })
  const command = kubezone(t, ['--manifests', 'one.yaml'], { cwd })
  const write = (changed: string): void => {
    writeFileSync(join(cwd, 'next'), changed)
    renameSync(join(cwd, 'next'), join(cwd, 'Corefile'))
  }
  return { command, port: await portOf(command, 'dns'), write }
}

void t.test('a Corefile that has changed is taken over by itself, and the in-process API stays', async t => {
  const { command, port, write } = await serve(t, corefile('ttl 5\n}\nreload 2s 0'))
  t.match(await askUdp(port, NAME, 'A'), { answer: [`${NAME} 5 IN A 10.96.7.1`] })
  write(corefile('ttl 6\n}\nreload 2s 0'))
  await command.seen(/\[INFO\] Reloading complete\n/)
  t.match(await askUdp(port, NAME, 'A'), { answer: [`${NAME} 6 IN A 10.96.7.1`] })
  t.match(await command.stop(), { code: 0, signal: null, err: '' })
})

void t.test('a mistake is told with its place, and what was there goes on', async t => {
  const { command, port, write } = await serve(t, corefile('ttl 5\n}'))
  write(corefile('ttl five\n}'))
  command.child.kill('SIGUSR1')
  await command.seen(/\[INFO\] SIGUSR1: Reloading\n/)
  await command.seen(/\[ERROR\] plugin\/reload: .*Corefile:4:5: .*; what was running goes on\n/)
  t.match(await askUdp(port, NAME, 'A'), { answer: [`${NAME} 5 IN A 10.96.7.1`] })
  write(corefile('ttl 7\n}'))
  command.child.kill('SIGUSR1')
  await command.seen(/\[INFO\] Reloading complete\n/)
  t.match(await askUdp(port, NAME, 'A'), { answer: [`${NAME} 7 IN A 10.96.7.1`] })
  t.match(await command.stop(), { code: 0, signal: null, err: '' })
})

void t.test('a forwarding loop costs what is forwarded, and the process only if it is to', async t => {
  const { command, port, write } = await serve(t, corefile('ttl 5\n}'))
  write(corefile(`ttl 5\n}\nforward . 127.0.0.1:${port}\nloop`))
  command.child.kill('SIGUSR1')
  await command.seen(
    new RegExp(`\\[ERROR\\] plugin/loop: upstream 127\\.0\\.0\\.1:${port} \\(in the Corefile\\) hands questions`),
  )
  t.match(await askUdp(port, NAME, 'A'), { rcode: 'NOERROR' })
  t.match(await askUdp(port, 'example.org.', 'A'), { rcode: 'SERVFAIL' })
  write(corefile(`ttl 5\n}\nforward . 127.0.0.1:${port}\nloop strict`))
  command.child.kill('SIGUSR1')
  const { code, out } = await command.ended
  t.equal(code, 1)
  t.match(out, /\[FATAL\] plugin\/loop: Loop \(.*\) detected for zone "\.", see .*\. Query: "HINFO \d+\.\d+\."\n$/)
})
