import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import t from 'tap'
import { parse } from 'yaml'
import { makeCertificate } from '../../src/fakeapi/certificate.ts'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { call } from './client.ts'

interface KubeConfigFile {
  clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[]
  users: { user: { token?: string } }[]
}

void t.test('the certificate is for its hosts, is its own authority, and is valid now', async t => {
  for (let round = 0; round < 20; round++) {
    const { cert, key } = makeCertificate(['localhost', '127.0.0.1', '::1'])
    t.match(key, /BEGIN PRIVATE KEY/)
    const certificate = new X509Certificate(cert)
    t.equal(certificate.checkHost('localhost'), 'localhost')
    t.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
    t.equal(certificate.checkIP('::1'), '::1')
    t.equal(certificate.checkIP('127.0.0.2'), undefined)
    t.ok(certificate.ca)
    t.ok(certificate.verify(certificate.publicKey))
    t.ok(certificate.validFromDate < new Date() && new Date() < certificate.validToDate)
  }
})

void t.test('over HTTPS, a client that has the authority and the token is answered', async t => {
  const api = new FakeApi({ controllers: false })
  t.teardown(() => api.close())
  const url = await api.listen({ tls: true, token: 'secret' })
  t.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const config = parse(api.kubeconfig()) as KubeConfigFile
  const { server, 'certificate-authority-data': authority = '' } = config.clusters[0]?.cluster ?? { server: '' }
  t.equal(server, url)
  t.equal(config.users[0]?.user.token, 'secret')
  const ca = Buffer.from(authority, 'base64')
  const get = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request(`${url}/api/v1/namespaces`, { ca, headers, agent: false }, response => {
        response.resume().once('end', () => resolve(response.statusCode))
      })
      asked.once('error', reject).end()
    })
  t.equal(await get({ authorization: 'Bearer secret' }), 200)
  t.equal(await get({}), 401)
})

void t.test('a token is asked for, but not for health and version', async t => {
  const api = new FakeApi({ controllers: false })
  t.teardown(() => api.close())
  const url = await api.listen({ token: 'secret' })
  t.equal((await call(`${url}/api/v1/pods`, { token: 'secret' })).code, 200)
  for (const token of [undefined, 'wrong']) {
    const { json } = await call(`${url}/api/v1/pods`, token === undefined ? {} : { token })
    t.match(json, { kind: 'Status', code: 401, reason: 'Unauthorized' })
  }
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) t.equal((await call(url + path)).code, 200, path)
})

void t.test('a kubeconfig is of an address, so there is none before it listens', async t => {
  const api = new FakeApi({ controllers: false })
  t.throws(() => api.kubeconfig(), { message: /call listen\(\) first/ })
  await api.close()
})
