// What deploy/kubernetes has, taken by a real API server.

import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'
import { setUp } from '../plugins/harness.ts'
import { ControlPlane } from './controlplane.ts'
import { COREDNS } from './coredns.ts'

const FOLDER = 'deploy/kubernetes'
interface DeploymentSpec {
  readonly template: { readonly spec: { readonly containers: { image: string }[] } }
}

const plane = await ControlPlane.start(t)

/** The base with these components, as kubectl makes it. */
function render(...components: string[]): Promise<string> {
  const overlay = plane.writeOverlay(
    ['base'],
    components.map(name => `components/${name}`),
  )
  return plane.kubectl(`kustomize ${overlay}`)
}

const countRules = (text: string): number => text.match(/verbs:/g)?.length ?? 0

void t.test('the API server takes base and overlays', async t => {
  await plane.hasAccount('kube-system')
  const folders = readdirSync(FOLDER).filter(name => name !== 'components')
  t.same(folders.sort(), ['base', 'kind', 'node-local', 'swap'])
  await plane.kubectl('create -f -', COREDNS)
  for (const name of folders) {
    const serverSide = name === 'swap' ? '--server-side --force-conflicts' : ''
    const { code, out, err } = await plane.runKubectl(
      `apply --dry-run=server --validate=strict ${serverSide} -k ${FOLDER}/${name}`
        .split(' ')
        .filter(word => word !== ''),
    )
    t.same({ code, err }, { code: 0, err: '' }, name)
    t.match(out, /\(server dry run\)/)
  }
})

void t.test('the components add one rule each', async t => {
  t.equal(countRules(await render()), 2)
  t.match(await render('pods-verified'), / {2}- pods\n/)
  t.match(await render('pods-verified', 'multicluster'), / {2}- serviceimports\n/)
  t.equal(countRules(await render('pods-verified', 'multicluster')), 4)
})

void t.test('the swap changes the image in the Deployment that is there, and nothing else', async t => {
  const read = async (): Promise<DeploymentSpec> => {
    const path = '/apis/apps/v1/namespaces/kube-system/deployments/coredns'
    return (await plane.call<{ spec: DeploymentSpec }>('GET', path)).body.spec
  }
  const before = await read()
  await plane.kubectl(`apply --server-side --force-conflicts -k ${FOLDER}/swap`)
  const after = await read()
  t.equal(after.template.spec.containers[0].image, 'registry.local/kubezone:dev')
  after.template.spec.containers[0].image = before.template.spec.containers[0].image
  t.same(after, before)
  await plane.kubectl('delete deployment coredns -n kube-system')
  const { code, err } = await plane.runKubectl(['apply', '--server-side', '-k', `${FOLDER}/swap`])
  t.equal(code, 1, 'where there is no CoreDNS it is refused')
  t.match(err, /selector/)
})

void t.test('the Corefiles are without a mistake', async t => {
  for (const name of ['base', 'node-local']) {
    const blocks = setUp(readFileSync(`${FOLDER}/${name}/Corefile`, 'utf8'))
    t.ok(blocks.length > 0, name)
  }
})
