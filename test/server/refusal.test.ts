import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Command, PROGRAM, askUdp, portOf } from '../cli/command.ts'

const REFUSAL = fileURLToPath(new URL('refusal.ts', import.meta.url))
const LINE =
  'UDP is served without batches, at twice the CPU for a query: recvmmsg is not as expected on this system (errno 1)'
const skip = process.platform !== 'linux' && 'there are no batches here'

void t.test('where the kernel refuses batches, one line says so, and all is answered', { skip }, async t => {
  for (const line of ['', 'multisocket 2']) {
    const cwd = t.testdir({
      Corefile: `.:0 {\n bind 127.0.0.1\n ${line}\n hosts {\n 10.0.0.1 a.test\n }\n}\n`,
    })
    const command = new Command(t, ['--import', REFUSAL, PROGRAM], { cwd, env: { KUBEZONE_IO: '' } })
    const port = await portOf(command, 'dns')
    t.same((await askUdp(port, 'a.test.', 'A')).answer, ['a.test. 3600 IN A 10.0.0.1'])
    const { code, out, err } = await command.stop()
    t.same({ code, err }, { code: 0, err: '' })
    t.equal(out.split(LINE).length, 2, 'once')
  }
})
