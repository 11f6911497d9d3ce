import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'

const isMissing = spawnSync('kubectl', ['version', '--client']).error !== undefined
const options = { skip: isMissing ? 'kubectl is not on PATH' : false } as const

const home = t.testdir({
  'app.yaml': `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: nginx, ports: [{ name: http, containerPort: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports:
    - { name: dns, port: 53, protocol: UDP }
    - { name: dns-tcp, port: 53, protocol: TCP }
    - { name: http, port: 80 }
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: { name: imported, namespace: shop }
spec: { type: ClusterSetIP, ips: [10.1.2.3], ports: [{ port: 80, protocol: TCP }] }
`,
})
const api = new FakeApi()
await api.listen({ tls: true, token: 'secret' })
t.teardown(() => api.close())
writeFileSync(join(home, 'kubeconfig'), api.kubeconfig())
// Nothing outside of the test's own folder is read or written.
const env = {
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  KUBECONFIG: join(home, 'kubeconfig'),
  KUBECACHEDIR: join(home, 'cache'),
  EDITOR: 'sed -i s/nginx/httpd/',
  TMPDIR: home,
}

interface Result {
  code: number | null
  out: string
  err: string
}

async function kubectl(...args: string[]): Promise<Result> {
  const child = spawn('kubectl', args, { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  const result: Result = { code: null, out: '', err: '' }
  child.stdout.on('data', chunk => (result.out += String(chunk)))
  child.stderr.on('data', chunk => (result.err += String(chunk)))
  await once(child, 'close')
  result.code = child.exitCode
  return result
}

async function succeed(t: Test, ...args: string[]): Promise<string> {
  const { code, out, err } = await kubectl(...args)
  t.equal(code, 0, `kubectl ${args.join(' ')}${code === 0 ? '' : `: ${err}`}`)
  return out
}

void t.test('kubectl applies, again without a change, and without validation', options, async t => {
  t.match(await succeed(t, 'apply', '-f', 'app.yaml'), /service\/web created/)
  t.notMatch(await succeed(t, 'apply', '-f', 'app.yaml'), /configured|created/)
  t.notMatch(await succeed(t, 'apply', '--validate=false', '-f', 'app.yaml'), /configured|created/)
  t.notMatch(await succeed(t, 'apply', '--dry-run=server', '-f', 'app.yaml'), /created/)
  t.match(await succeed(t, 'apply', '--server-side', '-f', 'app.yaml'), /service\/web serverside-applied/)
  const ports = await succeed(t, '-n', 'shop', 'get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[*].name}')
  t.equal(ports, 'dns dns-tcp http')
})

void t.test('kubectl gets in all its forms', options, async t => {
  await api.settled()
  t.match(await succeed(t, '-n', 'shop', 'get', 'pods', '-o', 'wide'), /NAME .*IP .*NODE[^]*web-.* 1\/1 .*Running/)
  const all = await succeed(t, 'get', 'all,endpointslices,endpoints,namespaces,nodes,serviceimports', '-A')
  t.match(all, /service\/web[^]*deployment\.apps\/web +2\/2[^]*endpointslice\.discovery\.k8s\.io\/web-/)
  t.match(await succeed(t, 'get', 'svc', '-A', '-l', 'component in (apiserver)'), /kubernetes/)
  t.match(await succeed(t, 'get', 'svc', '-A', '--field-selector', 'metadata.name=web'), /53\/UDP,53\/TCP,80\/TCP/)
  t.match(await succeed(t, 'get', 'svc', '-A', '--chunk-size=1', '-o', 'name'), /service\/kubernetes\nservice\/web/)
  t.match(await kubectl('-n', 'shop', 'get', 'svc', 'none'), { code: 1, err: 'services "none" not found' })
})

void t.test('kubectl get -w sees a change', options, async t => {
  const child = spawn('kubectl', ['-n', 'shop', 'get', 'svc', '-w'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('web')) {
      const service = api.store.get(api.store.resource('Service'), 'shop', 'web')
      if (service !== undefined)
        api.apply({
          ...service,
          metadata: { name: 'watched', namespace: 'shop' },
          spec: { type: 'ExternalName', externalName: 'example.com' },
        })
    }
    if (line.startsWith('watched')) {
      t.match(line, /ExternalName +<none> +example\.com/)
      break
    }
  }
  child.kill()
  await ended
})

void t.test('kubectl changes things', options, async t => {
  const patch = ['-n', 'shop', 'patch', 'svc', 'web']
  await succeed(t, ...patch, '-p', '{"spec":{"externalIPs":["192.0.2.7"]}}')
  await succeed(t, ...patch, '--type=merge', '-p', '{"spec":{"sessionAffinity":"ClientIP"}}')
  await succeed(t, ...patch, '--type=json', '-p', '[{"op":"replace","path":"/spec/sessionAffinity","value":"None"}]')
  await succeed(t, '-n', 'shop', 'label', 'svc', 'web', 'tier=front')
  await succeed(t, '-n', 'shop', 'annotate', 'svc', 'web', 'a=b')
  await succeed(t, '-n', 'shop', 'scale', 'deploy/web', '--replicas=3')
  await succeed(t, '-n', 'shop', 'rollout', 'status', 'deploy/web', '--timeout=20s')
  await succeed(t, '-n', 'shop', 'edit', 'deploy', 'web')
  await succeed(t, '-n', 'shop', 'set', 'image', 'deploy/web', 'web=caddy')
  await succeed(t, '-n', 'shop', 'rollout', 'restart', 'deploy/web')
  await succeed(t, '-n', 'shop', 'rollout', 'status', 'deploy/web', '--timeout=20s')
  await succeed(t, 'replace', '-f', 'app.yaml')
  const service = await succeed(t, '-n', 'shop', 'describe', 'svc', 'web')
  t.match(service, /Endpoints: +10\./)
  await succeed(t, '-n', 'shop', 'describe', 'pods')
  await succeed(t, '-n', 'shop', 'describe', 'deploy', 'web')
  await succeed(t, 'describe', 'ns', 'shop')
})

void t.test('kubectl creates by its own commands, which speak protobuf', options, async t => {
  await succeed(t, 'create', 'namespace', 'other')
  await succeed(t, '-n', 'other', 'create', 'deployment', 'd', '--image=i', '--replicas=0', '--port=81')
  await succeed(t, '-n', 'other', 'create', 'service', 'clusterip', 'd', '--tcp=80:http', '--tcp=81:91')
  await succeed(t, '-n', 'other', 'create', 'service', 'externalname', 'e', '--external-name=example.com')
  await succeed(t, '-n', 'other', 'expose', 'deployment', 'd', '--name=exposed', '--port=80')
  await succeed(t, '-n', 'other', 'run', 'bare', '--image=i')
  t.equal(await succeed(t, '-n', 'other', 'get', 'deploy', 'd', '-o', 'jsonpath={.spec.replicas}'), '0')
  const ports = ['-n', 'other', 'get', 'svc', 'd', '-o', 'jsonpath={.spec.ports[*].targetPort}']
  t.equal(await succeed(t, ...ports), 'http 91')
  t.match(await kubectl('create', 'namespace', 'other'), { code: 1, err: /already exists/ })
})

void t.test('kubectl deletes, and waits until it is gone', options, async t => {
  await succeed(t, '-n', 'other', 'delete', 'pod', 'bare')
  await succeed(t, '-n', 'other', 'delete', 'svc', '--all')
  t.equal(await succeed(t, '-n', 'other', 'get', 'svc,pods', '-o', 'name'), '')
  await succeed(t, 'delete', '-f', 'app.yaml')
  await succeed(t, 'delete', 'namespace', 'other', '--cascade=foreground')
  t.equal(await succeed(t, 'get', 'deploy,rs,pods', '-A', '-o', 'name'), '')
})
