import { once } from 'node:events'
import net from 'node:net'
import t from 'tap'
import { HttpEndpoints, type HttpRoute, splitAddress } from '../../src/server/http.ts'

const say =
  (text: string): HttpRoute =>
  (_request, response) =>
    void response.end(text)

async function get(http: HttpEndpoints, address: string, path: string): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${http.port(address)}${path}`)
  return [response.status, await response.text()]
}

void t.test('two server blocks share an address', async t => {
  const http = new HttpEndpoints()
  const address = '127.0.0.1:0'
  const [health] = await Promise.all([
    http.open(address, '/health', say('OK')),
    http.open(address, '/ready', say('no')),
    http.open(address, '/ready', say('yes')),
  ])
  t.equal(health.port, http.port(address))
  t.same(await get(http, address, '/health'), [200, 'OK'])
  t.same(await get(http, address, '/ready?verbose'), [200, 'yes'])
  await http.close()
})

void t.test('another path is 404', async t => {
  const http = new HttpEndpoints()
  await http.open('127.0.0.1:0', '/health', say('OK'))
  t.same(await get(http, '127.0.0.1:0', '/'), [404, '404 page not found\n'])
  t.same(await get(http, '127.0.0.1:0', '/health/'), [404, '404 page not found\n'])
  await http.close()
})

void t.test('a route that throws is 500, and the next request is served', async t => {
  const http = new HttpEndpoints()
  await http.open('127.0.0.1:0', '/broken', () => {
    throw new Error('broken')
  })
  await http.open('127.0.0.1:0', '/health', say('OK'))
  t.same(await get(http, '127.0.0.1:0', '/broken'), [500, 'broken\n'])
  t.same(await get(http, '127.0.0.1:0', '/health'), [200, 'OK'])
  await http.close()
})

void t.test('a busy port is told in one line', async t => {
  const holder = net.createServer()
  await once(holder.listen(0, '127.0.0.1'), 'listening')
  const address = `127.0.0.1:${(holder.address() as net.AddressInfo).port}`
  const http = new HttpEndpoints()
  await t.rejects(http.open(address, '/health', say('OK')), {
    message: new RegExp(`^listen http ${address}: address already in use \\(.*\\)$`),
  })
  t.equal(http.port(address), 0)
  await http.close()
  holder.close()
})

void t.test('close ends connections that are kept alive', async t => {
  const http = new HttpEndpoints()
  await http.open('127.0.0.1:0', '/health', say('OK'))
  const client = net.connect(http.port('127.0.0.1:0'), '127.0.0.1')
  client.write('GET /health HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(client, 'data')
  const closed = once(client, 'close')
  await http.close()
  await closed
  t.equal(http.port('127.0.0.1:0'), 0)
})

void t.test('a listener closes behind its last route, and one route gives way to the one before', async t => {
  const http = new HttpEndpoints()
  const address = '127.0.0.1:0'
  const health = await http.open(address, '/health', say('OK'))
  const before = await http.open(address, '/ready', say('before'))
  const after = await http.open(address, '/ready', say('after'))
  const { port } = health
  t.same(await get(http, address, '/ready'), [200, 'after'])
  await after.close()
  await after.close()
  t.same(await get(http, address, '/ready'), [200, 'before'])
  await before.close()
  t.same(await get(http, address, '/ready'), [404, '404 page not found\n'])
  t.equal(http.port(address), port)
  await health.close()
  t.equal(http.port(address), 0)
  await t.rejects(fetch(`http://127.0.0.1:${port}/health`))
})

void t.test('addresses are split at the last colon', async t => {
  t.same(splitAddress(':8080'), { host: undefined, port: 8080 })
  t.same(splitAddress('127.0.0.1:9153'), { host: '127.0.0.1', port: 9153 })
  t.same(splitAddress('[::1]:0'), { host: '::1', port: 0 })
})
