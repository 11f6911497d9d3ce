import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectInCluster } from '../../src/watch/incluster.ts'
import { readText } from '../../src/watch/line.ts'
import { ScriptedApi } from './scripted.ts'

const never = new AbortController().signal
const file = (name: string): string => join(import.meta.dirname, 'testdata', name)

void t.test('outside of a cluster it says so, and what to give instead', async t => {
  for (const environment of [
    {},
    { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
    { KUBERNETES_SERVICE_HOST: '', KUBERNETES_SERVICE_PORT: '443' },
  ]) {
    await t.rejects(connectInCluster({ environment }), {
      name: 'ApiFault',
      code: 'configuration',
      message: /^not in a cluster \(.*\): give kubeconfig or endpoint/,
    })
  }
})

void t.test('a pod without a service account token is told what to set', async t => {
  const directory = t.testdir({ 'ca.crt': 'x' })
  const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }
  await t.rejects(connectInCluster({ environment, directory }), {
    message: /cannot read .*token \(ENOENT\): set automountServiceAccountToken: true/,
  })
  writeFileSync(join(directory, 'token'), '\n')
  await t.rejects(connectInCluster({ environment, directory }), { message: /token is empty/ })
})

void t.test('an IPv6 address of the API stands in brackets', async t => {
  const directory = t.testdir({ 'ca.crt': 'x', token: 'x' })
  const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
  const connection = await connectInCluster({ environment, directory })
  t.equal(connection.baseUrl, 'https://[fd00::1]:6443')
  await connection.close()
})

void t.test('the token and the CA are taken up by the next request after they rotate', async t => {
  const api = await new ScriptedApi({
    key: readFileSync(file('server.key')),
    cert: readFileSync(file('server.crt')),
  }).listen()
  const directory = t.testdir({ token: 'first\n' })
  copyFileSync(file('ca.crt'), join(directory, 'ca.crt'))
  const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(api.port) }
  const connection = await connectInCluster({ environment, directory })
  t.teardown(async () => {
    await connection.close()
    await api.close()
  })
  const ask = async (): Promise<string | undefined> => {
    const asked = connection.request('/api', { signal: never })
    const call = await api.next()
    call.json(200, {})
    t.equal(await readText(await asked, 2), '{}')
    return call.headers.authorization
  }
  t.equal(await ask(), 'Bearer first')
  writeFileSync(join(directory, 'token'), 'second')
  t.equal(await ask(), 'Bearer second')
  copyFileSync(file('other-ca.crt'), join(directory, 'ca.crt'))
  const fault = await connection.request('/api', { signal: never }).catch((error: unknown) => error)
  t.match(fault, { code: 'certificate' })
  t.notMatch(String(fault), /second/)
  copyFileSync(file('ca.crt'), join(directory, 'ca.crt'))
  t.equal(await ask(), 'Bearer second')
})
