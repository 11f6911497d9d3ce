import { join } from 'node:path'
import t from 'tap'
import { Command, ROOT } from './command.ts'

const url = (path: string): string => JSON.stringify(new URL(path, `file://${ROOT}`).href)

/** All plugins that hold something open, and questions on both transports; ends without being told to. */
const SCRIPT = `
import { FakeApi } from ${url('src/fakeapi/fakeapi.ts')}
import { RunningSite } from ${url('test/site/running.ts')}

const corefile = \`cluster.test:0 {
    bind 127.0.0.1
    errors
    log
    health 127.0.0.1:0
    ready 127.0.0.1:0
    prometheus 127.0.0.1:0
    kubernetes cluster.test {
        pods verified
        startup_timeout 10m
    }
    loadbalance
}
\`
for (let round = 1; round <= 2; round++) {
  const api = new FakeApi()
  const endpoint = await api.listen()
  const site = await RunningSite.start({ corefile, api: { endpoint } })
  const { rcode } = await site.ask('kubernetes.default.svc.cluster.test.', 'A')
  await site.askTcp('kubernetes.default.svc.cluster.test.', 'A')
  await site.stop()
  await api.close()
  console.log(round, rcode, site.site.addresses().length)
}

// One whose API is not there, and one that cannot start.
const gone = await RunningSite.start({
  corefile: corefile.replace('10m', '10ms'),
  api: { endpoint: 'http://127.0.0.1:1' },
})
await gone.stop()
const failed = await RunningSite.start({ corefile, api: { kubeconfig: '/does/not/exist' } }).catch(error => error)
// Handles are gone a turn after they were closed.
await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
console.log(failed.message.includes('/does/not/exist'), process.getActiveResourcesInfo().filter(isOpen).join())

// Standard output and this module are nobody's fault.
function isOpen(name) {
  return !['PipeWrap', 'TTYWrap', 'FSReqPromise', 'Immediate'].includes(name)
}
`

void t.test('a site that is stopped leaves nothing open: the process ends by itself', async t => {
  const cwd = t.testdir({ 'script.mjs': SCRIPT })
  const { code, signal, out, err } = await new Command(t, [join(cwd, 'script.mjs')]).ended
  t.same({ code, signal, out, err }, { code: 0, signal: null, out: '1 NOERROR 0\n2 NOERROR 0\ntrue \n', err: '' })
})
