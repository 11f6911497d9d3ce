import t, { type Test } from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { get } from '../plugins/http.ts'
import { askUdp, type Command, kubezone, portOf, until } from './command.ts'

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'one', namespace: 'default' },
  spec: { clusterIP: '10.96.7.1', ports: [{ port: 80 }] },
}

function makeApi(t: Test): FakeApi {
  const api = new FakeApi()
  api.apply(SERVICE)
  t.teardown(() => api.close())
  return api
}

function serve(t: Test, endpoint: string): Command {
  const cwd = t.testdir({
    Corefile: `
cluster.test:0 {
    bind 127.0.0.1
    ready 127.0.0.1:0
    kubernetes cluster.test {
        endpoint ${endpoint}
        startup_timeout 100ms
    }
}
`,
  })
  return kubezone(t, [], { cwd })
}

/** What was logged of the watch of Services, without what it is about. */
const linesOf = ({ out }: Command): string[] =>
  out
    .split('\n')
    .flatMap(line => /^\[WARNING\] services: (.*); keeping the \d+ that are known, trying again$/.exec(line)?.[1] ?? [])

function holdOneLine(t: Test, command: Command, cause: RegExp): void {
  const lines = linesOf(command)
  t.equal(lines.length, 1, 'the cause is told once')
  t.match(lines[0], cause)
}

/** It is up, says why it knows nothing, and gives nobody a wrong answer. */
async function holdSick(t: Test, command: Command, cause: RegExp): Promise<void> {
  const [dns, http] = [await portOf(command, 'dns'), await portOf(command, 'http')]
  t.match(command.out, '[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API\n')
  await command.seen(/^\[WARNING\] services: /m)
  holdOneLine(t, command, cause)
  for (const name of ['one.default.svc.cluster.test.', 'none.default.svc.cluster.test.']) {
    t.match(await askUdp(dns, name, 'A'), { rcode: 'SERVFAIL', answer: [] }, name)
  }
  t.match(await askUdp(dns, 'cluster.test.', 'SOA'), { rcode: 'NOERROR' }, 'the zone itself is known')
  t.match(await get(http, '/ready'), { status: 503, body: 'kubernetes' })
}

async function holdWell(t: Test, command: Command): Promise<void> {
  const [dns, http] = [await portOf(command, 'dns'), await portOf(command, 'http')]
  t.ok(await until(async () => (await get(http, '/ready')).status === 200), '/ready says 200')
  const { rcode, answer } = await askUdp(dns, 'one.default.svc.cluster.test.', 'A')
  t.same({ rcode, answer }, { rcode: 'NOERROR', answer: ['one.default.svc.cluster.test. 5 IN A 10.96.7.1'] })
  t.match(await askUdp(dns, 'none.default.svc.cluster.test.', 'A'), { rcode: 'NXDOMAIN' })
  t.match(await command.stop(), { code: 0, err: '', out: /\[INFO\] services: the API is back after \S+ s\n/ })
}

const ANY = { count: Infinity }
const sicknesses: Record<string, { make: (api: FakeApi) => void; cause: RegExp }> = {
  'does not accept the credentials (401)': {
    make: ({ faults }) => void faults.answer(401, ANY),
    cause: /^(list|watch) services at http:\S+: 401, the credentials were not accepted: is the token /,
  },
  'forbids everything (403)': {
    make: ({ faults }) => void faults.answer(403, ANY),
    cause:
      /^(list|watch) services at http:\S+: 403, not allowed.*: a ClusterRole must grant the verbs list and watch on services$/,
  },
  'fails (500)': {
    make: ({ faults }) => void faults.answer(500, ANY),
    cause: /^(list|watch) services at http:\S+: 500: injected fault: 500$/,
  },
  'breaks its streaming list off in the middle of a line': {
    make: ({ faults }) => void faults.breakWatch('cut', 0, ANY),
    cause: /^the connection to http:\S+ failed \(ECONNRESET: aborted\)$/,
  },
  'breaks its list off in the middle of the JSON': {
    make({ faults }) {
      faults.refuseInitialEvents()
      faults.truncate({ ...ANY, verb: 'list' })
    },
    cause: /^the connection to http:\S+ failed \(ECONNRESET: aborted\)$/,
  },
  'sends what is no JSON': {
    make: ({ faults }) => void faults.breakWatch('malformed', 0, ANY),
    cause: /^services at http:\S+: not what the API sends: .+$/,
  },
  'closes every connection': {
    make: ({ faults }) => void faults.drop(ANY),
    cause: /^the connection to http:\S+ failed \(ECONNRESET: socket hang up\)$/,
  },
}

void t.test('an API that is ill is waited for, by a server that is up', { jobs: 3 }, async t => {
  const tests = Object.entries(sicknesses).map(([name, { make, cause }]) =>
    t.test(name, { buffered: true }, async t => {
      const api = makeApi(t)
      make(api)
      const command = serve(t, await api.listen())
      await holdSick(t, command, cause)
      const asked = (): number => api.requests.filter(({ resource }) => resource === 'services').length
      const before = asked()
      t.ok(await until(() => asked() > before + 1), 'it goes on asking')
      holdOneLine(t, command, cause)
      api.faults.clear()
      await holdWell(t, command)
    }),
  )
  await Promise.all(tests)
})

void t.test('an API that is not there is waited for', async t => {
  const first = new FakeApi()
  const url = await first.listen()
  await first.close()
  const command = serve(t, url)
  await holdSick(t, command, /^http:\S+ refuses connections \(ECONNREFUSED\): is the API server running there\?$/)
  await makeApi(t).listen({ port: Number(new URL(url).port) })
  await holdWell(t, command)
})

void t.test('another cause is another line', async t => {
  const api = makeApi(t)
  api.faults.answer(401, { count: Infinity })
  const command = serve(t, await api.listen())
  await command.seen(/^\[WARNING\] services: .* 401/m)
  api.faults.clear()
  api.faults.answer(403, { count: Infinity })
  await command.seen(/^\[WARNING\] services: .* 403/m)
  t.equal(linesOf(command).length, 2)
  t.match(linesOf(command), [/ 401/, / 403/])
})

void t.test('what is known is served on when the API fails, and /ready stays', async t => {
  const api = makeApi(t)
  const command = serve(t, await api.listen())
  const [dns, http] = [await portOf(command, 'dns'), await portOf(command, 'http')]
  t.ok(await until(async () => (await get(http, '/ready')).status === 200))
  api.faults.answer(500, { count: Infinity })
  t.ok(api.faults.breakOpenWatches('drop') > 0)
  await command.seen(/\[WARNING\] services: .*; keeping the 2 that are known, trying again/)
  t.match(await askUdp(dns, 'one.default.svc.cluster.test.', 'A'), { rcode: 'NOERROR', answer: [/10\.96\.7\.1$/] })
  t.match(await get(http, '/ready'), { status: 200 })
})
