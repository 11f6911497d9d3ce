// The permissions that deploy/kubernetes publishes are enough, and none is too many: the API server's audit log tells what is used.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Command, askUdp, kubezone, portOf, until } from '../cli/command.ts'
import { get } from '../plugins/http.ts'
import { ControlPlane } from './controlplane.ts'
import { adaptCorefile, startUpstream } from './pair.ts'

const ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/kubezone'
const ACCOUNT = 'system:serviceaccount:kube-system:kubezone'

interface Rule {
  readonly apiGroups: string[]
  readonly resources: string[]
  readonly verbs: string[]
}

/** What is in deploy/kubernetes, and the lines of the Corefile that need it. */
const VARIANTS = [
  { components: [], lines: 'pods insecure' },
  { components: ['components/pods-verified'], lines: 'pods verified' },
  {
    components: ['components/pods-verified', 'components/multicluster'],
    lines: 'pods verified\n       multicluster clusterset.local',
  },
]

/** As the MCS API publishes it, as far as it is looked at here. */
const SERVICE_IMPORTS = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'serviceimports.multicluster.x-k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/mcs-api' },
  },
  spec: {
    group: 'multicluster.x-k8s.io',
    scope: 'Namespaced',
    names: { plural: 'serviceimports', singular: 'serviceimport', kind: 'ServiceImport' },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

const plane = await ControlPlane.start(t)
const { port: upstream } = await startUpstream(t)
await plane.hasAccount('kube-system')
await plane.kubectl('apply -f -', JSON.stringify(SERVICE_IMPORTS))
await plane.kubectl('wait --for=condition=Established crd/serviceimports.multicluster.x-k8s.io --timeout=30s')

async function deploy(components: readonly string[]): Promise<void> {
  await plane.kubectl(`apply -k ${plane.writeOverlay(['base'], components)}`)
}

const readRules = async (): Promise<Rule[]> => (await plane.call<{ rules: Rule[] }>('GET', ROLE)).body.rules

/** Puts other rules in the place of those that are there; resolves when they hold. */
async function allow(rules: Rule[], withheld?: { resource: string; verb: string }): Promise<void> {
  await plane.call('PATCH', ROLE, { rules }, 'application/merge-patch+json')
  if (withheld === undefined) return
  const args = ['auth', 'can-i', withheld.verb, withheld.resource, `--as=${ACCOUNT}`]
  await until(async () => (await plane.runKubectl(args)).out.trim() === 'no')
}

/** `verb resource.group`, for all that the rules allow. */
const listGrants = (rules: readonly Rule[]): string[] =>
  rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap(resource => verbs.map(verb => `${verb} ${qualify(resource, apiGroups[0])}`)),
    )
    .sort()

const qualify = (resource: string, group = ''): string => (group === '' ? resource : `${resource}.${group}`)

/** What the service account asked for, in the same words. */
function listUsed(): Set<string> {
  const ours = plane.takeAudit().filter(({ user }) => user.username === ACCOUNT)
  return new Set(
    ours.map(({ verb, objectRef }) =>
      objectRef ? `${verb} ${qualify(objectRef.resource, objectRef.apiGroup)}` : `${verb} something else`,
    ),
  )
}

async function serve(t: Test, lines: string): Promise<Command> {
  const token = await plane.kubectl('create token kubezone -n kube-system')
  const kubeconfig = plane.writeKubeconfig('account.kubeconfig', { token })
  const zones = 'cluster.local in-addr.arpa'
  const replace = { 'pods insecure': lines, [zones]: `clusterset.local ${zones}`, 'ttl 30': 'ttl 30' }
  const file = join(plane.folder, 'Corefile.rbac')
  writeFileSync(
    file,
    adaptCorefile(kubeconfig, upstream, lines.includes('multicluster') ? replace : { 'pods insecure': lines }),
  )
  return kubezone(t, ['-conf', file])
}

async function isReady(command: Command): Promise<boolean> {
  // The last of its endpoints is that of ready.
  await command.seen(/listening on dns:/)
  const ports = [...command.out.matchAll(/listening on http:\/\/\S*:(\d+)/g)].map(([, port]) => Number(port))
  const answers = await Promise.all(ports.map(port => get(port, '/ready')))
  return answers.some(({ status, body }) => status === 200 && body === 'OK')
}

void t.test('the rules are enough, and nothing else is asked for', async t => {
  const used = new Set<string>()
  for (const flags of [[], ['--feature-gates=WatchList=false']]) {
    if (flags.length > 0) {
      await plane.killApi()
      await plane.startApi(flags)
    }
    for (const { components, lines } of VARIANTS) {
      await deploy(components)
      const command = await serve(t, lines)
      t.ok(await until(() => isReady(command)), `ready with ${lines}`)
      const { rcode } = await askUdp(await portOf(command, 'dns'), 'kubernetes.default.svc.cluster.local.', 'A')
      t.equal(rcode, 'NOERROR')
      t.match(await command.stop(), { code: 0, err: '' })
      t.notMatch(command.out, / 403|ERROR/)
      const asked = listUsed()
      const granted = listGrants(await readRules())
      t.same(
        [...asked].filter(grant => !granted.includes(grant)),
        [],
        'nothing is asked for that is not granted',
      )
      for (const grant of asked) used.add(grant)
    }
  }
  t.same([...used].sort(), listGrants(await readRules()), 'with and without streaming lists, each grant is used')
})

/** What was logged of the watch of this resource. */
const warningsOf = ({ out }: Command, resource: string): string[] =>
  out.split('\n').filter(line => line.startsWith(`[WARNING] ${resource}: `))

void t.test('each grant that is missing is told, with what to do', async t => {
  const { components, lines } = VARIANTS.at(-1)!
  await deploy(components)
  const rules = await readRules()
  for (const grant of listGrants(rules)) {
    const [verb, qualified] = grant.split(' ')
    const [resource] = qualified.split('.')
    await t.test(`without ${grant}`, async t => {
      await allow(withhold(rules, verb, resource), { verb, resource: qualified })
      const command = await serve(t, `${lines}\n       startup_timeout 100ms`)
      await command.seen(
        new RegExp(`^\\[WARNING\\] ${resource}: ${verb} ${qualified} at \\S+: 403, not allowed: .*`, 'm'),
      )
      const [line] = warningsOf(command, resource)
      t.match(line, `a ClusterRole must grant the verbs list and watch on ${qualified}`)
      // Without `watch`, what was listed is served, and nothing new is heard.
      if (verb === 'list') t.notOk(await isReady(command), 'not ready')
      await command.stop()
    })
  }
})

const withhold = (rules: readonly Rule[], verb: string, resource: string): Rule[] =>
  rules.flatMap(rule => {
    if (!rule.resources.includes(resource)) return [rule]
    const others = { ...rule, resources: rule.resources.filter(other => other !== resource) }
    const rest = { ...rule, resources: [resource], verbs: rule.verbs.filter(other => other !== verb) }
    return others.resources.length === 0 ? [rest] : [others, rest]
  })

void t.test('without any permission it says so once, goes on trying, and serves as soon as it may', async t => {
  await deploy([])
  const rules = await readRules()
  await allow([], { verb: 'watch', resource: 'services' })
  const command = await serve(t, 'pods insecure\n       startup_timeout 100ms')
  const resources = ['services', 'namespaces', 'endpointslices']
  for (const resource of resources)
    await command.seen(new RegExp(`^\\[WARNING\\] ${resource}: .* 403, not allowed`, 'm'))
  const port = await portOf(command, 'dns')
  t.match(await askUdp(port, 'kubernetes.default.svc.cluster.local.', 'A'), { rcode: 'SERVFAIL' })
  plane.takeAudit()
  const refused = new Map<string, number>()
  const isTriedAgain = await until(() => {
    for (const { user, objectRef, responseStatus } of plane.takeAudit()) {
      if (user.username !== ACCOUNT || responseStatus?.code !== 403 || !objectRef) continue
      refused.set(objectRef.resource, (refused.get(objectRef.resource) ?? 0) + 1)
    }
    return resources.every(resource => (refused.get(resource) ?? 0) >= 2)
  })
  t.ok(isTriedAgain, 'it asks again')
  for (const resource of resources) t.equal(warningsOf(command, resource).length, 1, `${resource} is told once`)
  await allow(rules)
  t.ok(await until(() => isReady(command)), 'ready once it may')
  t.match(await askUdp(port, 'kubernetes.default.svc.cluster.local.', 'A'), { rcode: 'NOERROR' })
  for (const resource of resources)
    await command.seen(new RegExp(`^\\[INFO\\] ${resource}: the API is back after`, 'm'))
  t.match(await command.stop(), { code: 0, err: '' })
})
