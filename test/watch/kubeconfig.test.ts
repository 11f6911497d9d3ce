import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { connectKubeconfig } from '../../src/watch/kubeconfig.ts'
import { readText } from '../../src/watch/line.ts'
import { type Call, ScriptedApi } from './scripted.ts'

const never = new AbortController().signal
const file = (name: string): string => join(import.meta.dirname, 'testdata', name)
const pem = (name: string): string => readFileSync(file(name), 'utf8')
const base64 = (name: string): string => readFileSync(file(name)).toString('base64')

/** One cluster, one user, one context called `main`. */
function kubeconfig(
  cluster: Record<string, unknown>,
  user?: Record<string, unknown>,
  more: Record<string, unknown> = {},
): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: user === undefined ? [] : [{ name: 'u', user }],
    contexts: [{ name: 'main', context: user === undefined ? { cluster: 'c' } : { cluster: 'c', user: 'u' } }],
    'current-context': 'main',
    ...more,
  })
}

/** Sends one request by the kubeconfig and gives it as the server saw it. */
async function ask(
  t: Test,
  api: ScriptedApi,
  text: string,
  files: Record<string, string> = {},
  context?: string,
): Promise<Call> {
  const directory = t.testdir({ config: text, ...files })
  const connection = await connectKubeconfig({
    file: join(directory, 'config'),
    ...(context === undefined ? {} : { context }),
  })
  t.teardown(() => connection.close())
  const asked = connection.request('/api', { signal: never })
  const call = await Promise.race([api.next(), asked.then(() => undefined)])
  if (call === undefined) throw new Error('answered before it was asked')
  call.json(200, {})
  t.equal(await readText(await asked, 2), '{}')
  return call
}

async function serve(t: Test, tls = false): Promise<ScriptedApi> {
  const api = new ScriptedApi(
    tls
      ? {
          key: pem('server.key'),
          cert: pem('server.crt'),
          ca: pem('ca.crt'),
          requestCert: true,
          rejectUnauthorized: false,
        }
      : undefined,
  )
  t.teardown(() => api.close())
  return api.listen()
}

const BEARER = 'Bearer s3cr3t'

for (const [name, user, files, authorization] of [
  ['nothing', {}, {}, undefined],
  ['no user at all', undefined, {}, undefined],
  ['a token', { token: 's3cr3t' }, {}, BEARER],
  [
    'a tokenFile beside the kubeconfig, with a newline at its end',
    { tokenFile: 'token' },
    { token: 's3cr3t\n' },
    BEARER,
  ],
  ['user and password', { username: 'someone', password: 's3cr3t' }, {}, `Basic ${btoa('someone:s3cr3t')}`],
  [
    'an exec plugin',
    {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: process.execPath,
        args: ['-e', `console.log('{"kind":"ExecCredential","status":{"token":"' + process.env.PASS + '"}}')`],
        env: [{ name: 'PASS', value: 's3cr3t' }],
      },
    },
    {},
    BEARER,
  ],
] as const) {
  void t.test(`a plain http server is reached by ${name}`, async t => {
    const api = await serve(t)
    const call = await ask(t, api, kubeconfig({ server: api.url }, user), files)
    t.equal(call.headers.authorization, authorization)
  })
}

void t.test('certificates are taken from files and from data', async t => {
  for (const [cluster, user] of [
    [
      { 'certificate-authority': file('ca.crt') },
      { 'client-certificate': file('client.crt'), 'client-key': file('client.key') },
    ],
    [
      { 'certificate-authority-data': base64('ca.crt') },
      { 'client-certificate-data': base64('client.crt'), 'client-key-data': base64('client.key') },
    ],
  ] as const) {
    const api = await serve(t, true)
    const call = await ask(t, api, kubeconfig({ server: api.url, ...cluster }, user))
    const socket = call.socket as TLSSocket
    t.ok(socket.authorized)
  }
})

void t.test('the CA of a cluster counts without a user too', async t => {
  const api = await serve(t, true)
  await ask(t, api, kubeconfig({ server: api.url, 'certificate-authority': file('ca.crt') }))
})

void t.test('a server without a CA is refused, unless the kubeconfig says not to look', async t => {
  const api = await serve(t, true)
  const config = join(t.testdir({ config: kubeconfig({ server: api.url }, {}) }), 'config')
  const connection = await connectKubeconfig({ file: config })
  t.teardown(() => connection.close())
  await t.rejects(connection.request('/api', { signal: never }), { code: 'certificate' })
  await ask(t, api, kubeconfig({ server: api.url, 'insecure-skip-tls-verify': true }, {}))
  t.pass('reached')
})

void t.test('the proxy of a cluster is gone through', async t => {
  const api = await serve(t, true)
  const asked: (string | undefined)[] = []
  const proxy = createServer()
  proxy.on('connect', (request, client: Socket) => {
    asked.push(request.url)
    const upstream = connect(api.port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    client.on('close', () => upstream.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  const cluster = { server: api.url, 'certificate-authority': file('ca.crt'), 'proxy-url': `http://127.0.0.1:${port}` }
  await ask(t, api, kubeconfig(cluster, {}))
  t.strictSame(asked, [`127.0.0.1:${api.port}`])
})

void t.test('the context that is asked for counts, not the current one', async t => {
  const api = await serve(t)
  const contexts = [
    { name: 'main', context: { cluster: 'gone', user: 'u' } },
    { name: 'other', context: { cluster: 'c', user: 'u' } },
  ]
  const call = await ask(t, api, kubeconfig({ server: api.url }, { token: 's3cr3t' }, { contexts }), {}, 'other')
  t.equal(call.headers.authorization, BEARER)
})

const cluster = { server: 'http://127.0.0.1:1' }
for (const [name, text, context, message] of [
  ['a context that it does not have', kubeconfig(cluster, {}), 'nope', /has no context nope: it has main$/],
  [
    'no current context',
    kubeconfig(cluster, {}, { 'current-context': '' }),
    undefined,
    /has no current-context: name one of its contexts \(main\)/,
  ],
  [
    'a context of a cluster that it does not have',
    kubeconfig(cluster, {}, { clusters: [] }),
    undefined,
    /names a cluster that the file does not have/,
  ],
  [
    'a context of a user that it does not have',
    kubeconfig(cluster, {}, { users: [] }),
    undefined,
    /names a user, u, that the file does not have/,
  ],
  ['no YAML', `users:\n- name: u\n  user: {token: s3cr3t\n`, undefined, /is not valid: /],
  ['no object', 's3cr3t', undefined, /is empty, or no kubeconfig$/],
  ['nothing', '', undefined, /is empty, or no kubeconfig$/],
  [
    'a cluster without a server',
    kubeconfig({}, {}),
    undefined,
    /is not valid: clusters\[0\]\.cluster\.server is missing/,
  ],
] as const) {
  void t.test(`a kubeconfig with ${name} is refused, without what is secret in it`, async t => {
    const config = join(t.testdir({ config: text }), 'config')
    const fault = await connectKubeconfig({ file: config, ...(context === undefined ? {} : { context }) }).catch(
      (error: unknown) => error,
    )
    t.match(fault, { name: 'ApiFault', code: 'configuration', message })
    t.notMatch(String(fault), /s3cr3t/)
  })
}

void t.test('a kubeconfig that is not there is told with its whole path', async t => {
  const config = join(t.testdir({}), 'config')
  await t.rejects(connectKubeconfig({ file: config }), {
    message: `the kubeconfig file ${config} does not exist: give the path of one that does`,
  })
})

for (const [name, script, message] of [
  [
    'fails',
    `console.error('please log in'); process.exit(1)`,
    /no credentials from the context main of .*: please log in$/,
  ],
  ['writes no JSON', `console.log('s3cr3t')`, /what an exec plugin wrote is not JSON$/],
] as const) {
  void t.test(`an exec plugin that ${name} is told, without what it wrote`, async t => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] }
    const config = join(t.testdir({ config: kubeconfig(cluster, { exec }) }), 'config')
    const connection = await connectKubeconfig({ file: config })
    t.teardown(() => connection.close())
    const fault = await connection.request('/api', { signal: never }).catch((error: unknown) => error)
    t.match(fault, { name: 'ApiFault', code: 'configuration', message })
    t.notMatch(String(fault), /s3cr3t/)
  })
}
