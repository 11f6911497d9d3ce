import t from 'tap'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { parseFieldSelector, parseLabelSelector } from '../../src/fakeapi/selector.ts'

function labelled(labels?: Record<string, string>): ApiObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', ...(labels === undefined ? {} : { labels }) } }
}

void t.test('label selectors take what Kubernetes takes', async t => {
  const labels = { app: 'web', tier: 'front', 'example.com/n': '7', empty: '' }
  const table: [selector: string, matches: boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier=front', true],
    ['app=web,tier=back', false],
    ['app!=web', false],
    ['app!=db', true],
    ['absent!=db', true],
    ['app in (web,db)', true],
    ['app in (db)', false],
    ['absent in (db)', false],
    ['app notin (db, cache)', true],
    ['app notin (web)', false],
    ['absent notin (web)', true],
    ['app in (web,db),tier notin (back)', true],
    ['tier', true],
    ['absent', false],
    ['!absent', true],
    ['!tier', false],
    ['empty=', true],
    ['app=', false],
    ['example.com/n>6', true],
    ['example.com/n<6', false],
    ['app>6', false],
  ]
  for (const [selector, matches] of table) {
    t.equal(parseLabelSelector(selector)(labelled(labels)), matches, `"${selector}"`)
  }
  t.equal(parseLabelSelector('app')(labelled()), false, 'an object without labels has none')
})

void t.test('field selectors compare any path of members', async t => {
  const pod: ApiObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { nodeName: 'n1', hostNetwork: true },
    status: { phase: 'Running', message: 'a,b=c' },
  }
  const table: [selector: string, matches: boolean][] = [
    ['', true],
    ['metadata.name=web', true],
    ['metadata.name==web,metadata.namespace=shop', true],
    ['metadata.name=web,metadata.namespace=other', false],
    ['status.phase!=Running', false],
    ['spec.nodeName=n1', true],
    ['spec.nodeName=', false],
    ['spec.absent=', true],
    ['spec.hostNetwork=true', true],
    ['spec=x', false],
    ['status.message=a\\,b\\=c', true],
  ]
  for (const [selector, matches] of table) t.equal(parseFieldSelector(selector)(pod), matches, `"${selector}"`)
})

void t.test('a selector that makes no sense is a bad request', async t => {
  for (const selector of ['a=b=c', 'a in b', '=x', 'a,,b', 'a in (b']) {
    t.throws(() => parseLabelSelector(selector), { code: 400 }, selector)
  }
  for (const selector of ['metadata.name', '=x', 'a b=c']) {
    t.throws(() => parseFieldSelector(selector), { code: 400 }, selector)
  }
})
