// A whole server that forwards over HTTPS, and keeps the answers.

import t from 'tap'
import { CA_FILE, HttpsServer } from '../upstream/https.ts'
import { RunningSite } from './running.ts'

for (const method of ['POST', 'GET']) {
  void t.test(`a Corefile that forwards over HTTPS with ${method}`, async t => {
    // An answer that a cache on the way has held for a minute.
    const upstream = await HttpsServer.start(requested => requested.answer(undefined, { age: '60' }))
    t.teardown(() => upstream.stop())
    const site = await RunningSite.start({
      corefile: `.:0 {
        bind 127.0.0.1
        errors
        cache
        forward . https://127.0.0.1%localhost:${upstream.port} {
          tls ${CA_FILE}
          doh_method ${method}
          max_concurrent 1000
        }
      }`,
    })
    t.teardown(() => site.stop())
    const expected = ['www.example. 240 IN A 192.0.2.1']
    t.same((await site.ask('www.example.', 'A')).answer, expected)
    t.same((await site.askTcp('www.example.', 'A')).answer, expected)
    t.same((await site.askTcp('mail.example.', 'A')).answer, ['mail.example. 240 IN A 192.0.2.1'])
    t.same(
      upstream.requested.map(({ method, headers }) => [method, headers[':authority']]),
      [
        [method, `localhost:${upstream.port}`],
        [method, `localhost:${upstream.port}`],
      ],
      'the second one was in the cache',
    )
    t.equal(upstream.accepted, 1)
  })
}
