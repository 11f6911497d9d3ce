import t, { type Test } from 'tap'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { openApi, RunningSite } from '../site/running.ts'
import type { Answer } from '../site/zonefile.ts'
import { askUntil } from './command.ts'

const COREFILE = `
cluster.test in-addr.arpa {
    bind 127.0.0.1
    kubernetes cluster.test in-addr.arpa {
        ttl 30
    }
}
`

async function start(t: Test, api: FakeApi): Promise<{ site: RunningSite; url: string }> {
  const url = await api.listen()
  const site = await RunningSite.start({ corefile: COREFILE, api: { endpoint: url } })
  t.teardown(async () => {
    await site.stop()
    await api.close()
  })
  return { site, url }
}

const service = (name: string, spec: Record<string, unknown>): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ name: 'http', port: 80 }], ...spec },
})

const NAME = 'web.default.svc.cluster.test.'

function statefulSet(replicas: number): ApiObject {
  const labels = { app: 'web' }
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      serviceName: 'web',
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
    },
  }
}

void t.test('scaling a StatefulSet through the API changes the headless answer', async t => {
  const api = openApi()
  api.apply(service('web', { clusterIP: 'None', selector: { app: 'web' } }))
  api.apply(statefulSet(2))
  await api.settled()
  const { site, url } = await start(t, api)
  t.equal((await site.ask(NAME, 'A')).answer.length, 2)
  for (const replicas of [5, 1, 0, 3]) {
    const startMs = performance.now()
    const response = await fetch(`${url}/apis/apps/v1/namespaces/default/statefulsets/web/scale`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ spec: { replicas } }),
    })
    t.equal(response.status, 200)
    const { answer } = await askUntil(
      () => site.ask(NAME, 'A'),
      ({ answer }) => answer.length === replicas,
    )
    t.comment(`${replicas} replicas: the answer followed after ${Math.round(performance.now() - startMs)} ms`)
    t.equal(answer.length, replicas)
    const pods = Array.from({ length: 6 }, (_, i) => `web-${i}.${NAME}`)
    const found = await Promise.all(pods.map(name => askPod(site, name, replicas)))
    t.same(found.flat().toSorted(), addressesOf({ answer }), 'each pod has its name, and nothing else has one')
    const srv = await site.ask(`_http._tcp.${NAME}`, 'SRV')
    t.equal(srv.answer.length, replicas)
    t.equal(srv.rcode, replicas === 0 ? 'NXDOMAIN' : 'NOERROR')
  }
})

const addressesOf = ({ answer }: Pick<Answer, 'answer'>): string[] => answer.map(line => line.split(' ')[4]).toSorted()

/** The addresses of a pod by its name; names that should be gone go a moment after the Service's answer. */
async function askPod(site: RunningSite, name: string, replicas: number): Promise<string[]> {
  const isThere = Number(/web-(\d)/.exec(name)?.[1]) < replicas
  const answer = await askUntil(
    () => site.ask(name, 'A'),
    ({ rcode }) => isThere || rcode === 'NXDOMAIN',
  )
  if (!isThere && answer.rcode !== 'NXDOMAIN') throw new Error(`${name} is still there`)
  return addressesOf(answer)
}

const faults: Record<string, (api: FakeApi) => void> = {
  'the connections break': ({ faults }) => void faults.breakOpenWatches('drop'),
  'the connections break, and the next ones too': ({ faults }) => {
    faults.drop({ count: 4 })
    faults.breakOpenWatches('drop')
  },
  'the watches end regularly': ({ faults }) => void faults.breakOpenWatches('end'),
  'half a line comes': ({ faults }) => void faults.breakOpenWatches('cut'),
  'a line comes that is no JSON': ({ faults }) => void faults.breakOpenWatches('malformed'),
  'the version is too old': ({ faults }) => void faults.breakOpenWatches({ error: 410, reason: 'Expired' }),
  'the version is too old, and the list breaks off': ({ faults }) => {
    faults.refuseInitialEvents()
    faults.truncate({ verb: 'list', count: 3 })
    faults.breakOpenWatches({ error: 410, reason: 'Expired' })
  },
  'the streaming list breaks off': ({ faults }) => {
    faults.breakOpenWatches({ error: 410, reason: 'Expired' })
    faults.breakWatch('cut', 1, { count: 3 })
  },
  'the API fails for a while': ({ faults }) => {
    faults.answer(500, { count: 6 })
    faults.breakOpenWatches('drop')
  },
  'the API is busy for a while': ({ faults }) => {
    faults.answer(429, { count: 3, retryAfterSeconds: 1 })
    faults.breakOpenWatches({ error: 500 })
  },
}

void t.test('whatever breaks, the answers are right in the end', { jobs: 5 }, async t => {
  const tests = Object.entries(faults).map(([name, breakIt]) =>
    t.test(name, { buffered: true }, async t => {
      const api = openApi()
      for (const [i, key] of ['kept', 'changed', 'removed'].entries())
        api.apply(service(key, { clusterIP: `10.96.7.${i}` }))
      const { site } = await start(t, api)
      breakIt(api)
      // The watch of a line that is lost is told by the next event only.
      api.apply(service('added', { clusterIP: '10.96.7.10' }))
      api.store.delete(api.store.resource('Service'), 'default', 'changed')
      api.apply(service('changed', { type: 'ExternalName', externalName: 'example.com' }))
      api.store.delete(api.store.resource('Service'), 'default', 'removed')
      const expected: Record<string, string> = {
        kept: 'NOERROR A 10.96.7.0',
        added: 'NOERROR A 10.96.7.10',
        changed: 'NOERROR CNAME example.com.',
        removed: 'NXDOMAIN',
      }
      for (const [key, text] of Object.entries(expected)) {
        const ask = (): Promise<Answer> => site.ask(`${key}.default.svc.cluster.test.`, 'A')
        t.equal(brief(await askUntil(ask, answer => brief(answer) === text)), text, key)
      }
      const ptr = (last: number): Promise<Answer> => site.ask(`${last}.7.96.10.in-addr.arpa.`, 'PTR')
      t.equal(brief(await ptr(10)), 'NOERROR PTR added.default.svc.cluster.test.')
      t.equal(brief(await ptr(1)), 'NXDOMAIN')
    }),
  )
  await Promise.all(tests)
})

const brief = ({ rcode, answer }: Answer): string =>
  [rcode, ...answer.map(line => line.split(' ').slice(3).join(' '))].join(' ')
