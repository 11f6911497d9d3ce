// A Kubernetes of one's own, on the loopback, as long as a test runs: etcd, API server, controllers, and kubectl to talk to them.

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import type { Test } from 'tap'
import { makeCertificate } from '../../src/fakeapi/certificate.ts'
import { Command, type Ended, until } from '../cli/command.ts'
import { findPort } from '../differential/port.ts'
import { CONTROL_PLANE } from './programs.ts'

/** What cluster DNS depends on. All of them would evict Pods, since no kubelet tells that its node is well. */
const CONTROLLERS = [
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
  'endpoints-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'garbage-collector-controller',
  'replicaset-controller',
  'deployment-controller',
  'statefulset-controller',
  'daemonset-controller',
  'disruption-controller',
]

/** Of service accounts, each request is written down once: when its response begins, or is complete. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'Panic'],
  rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts:kube-system'] }, { level: 'None' }],
}

/** A request as the API server saw it. */
export interface Audited {
  readonly verb: string
  readonly user: { readonly username: string }
  readonly objectRef?: { readonly resource: string; readonly apiGroup?: string }
  readonly responseStatus?: { readonly code: number }
}

/** `Body` is what the caller takes the API to answer with. */
export interface ApiAnswer<Body> {
  readonly status: number
  readonly body: Body
}

export class ControlPlane {
  readonly folder: string
  /** Of an administrator. */
  readonly kubeconfig: string
  url = ''
  #t: Test
  readonly #token = randomBytes(16).toString('hex')
  #ports: number[] = []
  #port = 0
  #etcd: Command | undefined
  #api: Command | undefined
  #controllers: Command | undefined

  private constructor(t: Test) {
    this.#t = t
    this.folder = mkdtempSync(join(tmpdir(), 'kubezone-'))
    t.teardown(() => rmSync(this.folder, { recursive: true }))
    this.kubeconfig = join(this.folder, 'admin.kubeconfig')
  }

  static async start(t: Test, flags: readonly string[] = []): Promise<ControlPlane> {
    const plane = new ControlPlane(t)
    plane.#ports = await Promise.all([0, 1, 2, 3].map(() => findPort()))
    plane.#listen(false)
    plane.#writeFiles()
    await plane.startStorage()
    await plane.startApi(flags)
    plane.#startControllers()
    await plane.hasDefaults()
    return plane
  }

  /** Where the API server listens; elsewhere, none of those that know it by its kubeconfig find it. */
  #listen(isElsewhere: boolean): void {
    this.#port = this.#ports[isElsewhere ? 3 : 2]
    this.url = `https://127.0.0.1:${this.#port}`
  }

  get #endpoint(): string {
    return `http://127.0.0.1:${this.#ports[0]}`
  }

  #file(name: string): string {
    return join(this.folder, name)
  }

  #writeFiles(): void {
    const { cert, key } = makeCertificate(['127.0.0.1', 'localhost', '10.96.0.1'])
    const account = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const controllers = randomBytes(16).toString('hex')
    const files = {
      'ca.crt': cert,
      'api.key': key,
      'account.key': account.privateKey.export({ type: 'pkcs1', format: 'pem' }),
      'account.pub': account.publicKey.export({ type: 'spki', format: 'pem' }),
      'tokens.csv': [
        `${this.#token},admin,admin,system:masters`,
        `${controllers},system:kube-controller-manager,controllers`,
        '',
      ].join('\n'),
      'audit.json': JSON.stringify(AUDIT_POLICY),
      'admin.kubeconfig': this.#describe({ token: this.#token }),
      'controllers.kubeconfig': this.#describe({ token: controllers }),
      kubectl: `#!/bin/sh\nexec '${CONTROL_PLANE}' kubectl "$@"\n`,
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(this.#file(name), text, { mode: 0o700 })
  }

  #describe(user: { token: string } | { tokenFile: string }): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: this.url, 'certificate-authority': this.#file('ca.crt') } }],
      users: [{ name: 'c', user }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    })
  }

  /** A kubeconfig with this token, or with one that is read from a file. */
  writeKubeconfig(name: string, user: { token: string } | { tokenFile: string }): string {
    const file = this.#file(name)
    writeFileSync(file, this.#describe(user))
    return file
  }

  /** What signs the tokens of service accounts. */
  get signingKey(): string {
    return readFileSync(this.#file('account.key'), 'utf8')
  }

  #run(args: readonly string[]): Command {
    return new Command(this.#t, args, { program: CONTROL_PLANE, env: { HOME: this.folder } })
  }

  async startStorage(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#ports[1]}`
    this.#etcd = this.#run([
      'etcd',
      `--data-dir=${this.#file('etcd')}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
      `--listen-client-urls=${this.#endpoint}`,
      `--advertise-client-urls=${this.#endpoint}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ])
    await awaitStart(this.#etcd, () =>
      fetch(`${this.#endpoint}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
  }

  async startApi(flags: readonly string[] = [], isElsewhere = false): Promise<void> {
    this.#listen(isElsewhere)
    const key = this.#file('account.key')
    this.#api = this.#run([
      'kube-apiserver',
      `--etcd-servers=${this.#endpoint}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.#port}`,
      '--endpoint-reconciler-type=none',
      `--tls-cert-file=${this.#file('ca.crt')}`,
      `--tls-private-key-file=${this.#file('api.key')}`,
      `--token-auth-file=${this.#file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${this.#file('account.pub')}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
      `--audit-policy-file=${this.#file('audit.json')}`,
      `--audit-log-path=${this.#file('audit.log')}`,
      '--audit-log-mode=blocking',
      '--profiling=false',
      ...flags,
    ])
    await awaitStart(this.#api, () =>
      this.call('GET', '/readyz').then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
  }

  #startControllers(): void {
    this.#controllers = this.#run([
      'kube-controller-manager',
      `--kubeconfig=${this.#file('controllers.kubeconfig')}`,
      `--controllers=${CONTROLLERS.join(',')}`,
      '--bind-address=127.0.0.1',
      '--secure-port=0',
      '--leader-elect=false',
      // Without it the controllers have no right to anything.
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${this.#file('account.key')}`,
      `--root-ca-file=${this.#file('ca.crt')}`,
      '--kube-api-qps=1000',
      '--kube-api-burst=2000',
      '--profiling=false',
    ])
  }

  /** Resolves when Pods may be made in the namespace. */
  async hasAccount(namespace: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`
    await this.#holds(`the service account of ${namespace}`, async () => (await this.call('GET', path)).status === 200)
  }

  /** Resolves when there is what every cluster has. */
  async hasDefaults(): Promise<void> {
    await this.hasAccount('default')
    const path = '/apis/scheduling.k8s.io/v1/priorityclasses/system-cluster-critical'
    await this.#holds('the priority classes', async () => (await this.call('GET', path)).status === 200)
  }

  async #holds(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const isThere = await eventually(() => isSo().catch(() => false))
    if (!isThere) throw new Error(`${what} did not come:\n${tail(this.#controllers)}\n${tail(this.#api)}`)
  }

  /** As when the machine loses its power. */
  async killApi(): Promise<void> {
    await this.#api?.stop('SIGKILL')
  }

  /** Makes etcd forget what was. */
  async compact(): Promise<void> {
    const { code, err } = await this.#run(['compact', this.#endpoint]).ended
    if (code !== 0) throw new Error(err)
  }

  /** Ends all but the controllers, and keeps what etcd has stored. */
  async copyData(): Promise<void> {
    await this.killApi()
    await this.#etcd?.stop('SIGKILL')
    cpSync(this.#file('etcd'), this.#file('copy'), { recursive: true })
    await this.startStorage()
    await this.startApi()
  }

  /** The API server comes back as it was when it was copied. */
  async restoreData(): Promise<void> {
    await this.killApi()
    await this.#etcd?.stop('SIGKILL')
    rmSync(this.#file('etcd'), { recursive: true })
    cpSync(this.#file('copy'), this.#file('etcd'), { recursive: true })
    await this.startStorage()
    await this.startApi()
  }

  /**
   * The API server comes back without anything that it knew, and so do the controllers; nobody reaches it before it has come past all versions
   * that it had given out.
   */
  async loseData(): Promise<void> {
    const before = await this.version()
    await this.#controllers?.stop('SIGKILL')
    await this.killApi()
    await this.#etcd?.stop('SIGKILL')
    rmSync(this.#file('etcd'), { recursive: true })
    await this.startStorage()
    await this.startApi([], true)
    await this.writeBeyond(before)
    await this.#forward()
    this.#startControllers()
    await this.hasDefaults()
  }

  /** The newest that the API server has given out. */
  async version(): Promise<number> {
    const { body } = await this.call<{ metadata: { resourceVersion: string } }>('GET', '/api/v1/namespaces?limit=1')
    return Number(body.metadata.resourceVersion)
  }

  /** Writes what nobody asks for until versions are higher than this one. */
  async writeBeyond(version: number): Promise<void> {
    const type = 'application/merge-patch+json'
    for (let touched = 0; (await this.version()) <= version; touched++) {
      const metadata = { annotations: { touched: String(touched) } }
      await this.call('PATCH', '/api/v1/namespaces/default', { metadata }, type)
    }
  }

  /** To where the API server listens, for those who know it by its kubeconfig. */
  async #forward(): Promise<void> {
    const to = this.#port
    const forwarder = createServer(socket => {
      const onward = connect(to, '127.0.0.1')
      socket.pipe(onward).pipe(socket)
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ])
        one.on('error', () => {}).once('close', () => other.destroy())
    })
    forwarder.listen(this.#ports[2], '127.0.0.1')
    await once(forwarder, 'listening')
    this.#t.teardown(() => forwarder.close())
  }

  /** The environment in which `kubectl` is that of this control plane. */
  get env(): Record<string, string> {
    return {
      PATH: `${this.folder}:${process.env['PATH'] ?? ''}`,
      HOME: this.folder,
      KUBECONFIG: this.kubeconfig,
      KUBECACHEDIR: this.#file('cache'),
    }
  }

  runKubectl(args: readonly string[], input?: string): Promise<Ended> {
    const { env } = this
    return new Command(this.#t, ['kubectl', ...args], { program: CONTROL_PLANE, env, input }).ended
  }

  /** What it printed; rejects with what it complained of. */
  async kubectl(args: string, input?: string): Promise<string> {
    const words = args.match(/'[^']*'|\S+/g)?.map(word => word.replace(/^'(.*)'$/, '$1')) ?? []
    const { code, out, err } = await this.runKubectl(words, input)
    if (code !== 0) throw new Error(`kubectl ${args}: ${err}`)
    return out.trim()
  }

  /** Writes an overlay over the folders of `deploy/kubernetes` and returns where it is. */
  writeOverlay(resources: readonly string[], components: readonly string[]): string {
    const folder = mkdtempSync(join(this.folder, 'overlay-'))
    const locate = (name: string): string => relative(folder, resolve('deploy/kubernetes', name))
    const kustomization = { resources: resources.map(locate), components: components.map(locate) }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    return folder
  }

  /** One request to the API, by the administrator. */
  async call<Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
    type = 'application/json',
  ): Promise<ApiAnswer<Body>> {
    const text = body === undefined ? '' : JSON.stringify(body)
    // Node would send the body of a DELETE without telling that there is one.
    const length = String(Buffer.byteLength(text))
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': type, 'content-length': length }
    const sent = request(`${this.url}${path}`, { method, headers, ca: readFileSync(this.#file('ca.crt')) })
    sent.end(text)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    let answer = ''
    for await (const chunk of response) answer += String(chunk)
    const isJson = response.headers['content-type']?.startsWith('application/json') ?? false
    return { status: response.statusCode ?? 0, body: (isJson ? JSON.parse(answer) : answer) as Body }
  }

  /** What service accounts of kube-system asked for since the last call of it. */
  takeAudit(): Audited[] {
    const file = this.#file('audit.log')
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'utf8').split('\n')
    const seen = lines.slice(this.#audited, -1)
    this.#audited += seen.length
    return seen.map(line => JSON.parse(line) as Audited)
  }

  #audited = 0
}

/** As `until`, for what takes as long as the longest silence of a watch and the longest wait after failures, or the start of an API server. */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 5; attempt++) if (await until(isSo)) return true
  return false
}

async function awaitStart(command: Command, isUp: () => Promise<boolean>): Promise<void> {
  const isStarted = await eventually(async () => command.child.exitCode !== null || (await isUp()))
  if (!isStarted || command.child.exitCode !== null) throw new Error(`it did not start:\n${tail(command)}`)
}

/** The last of what it complained of. */
const tail = (command: Command | undefined): string => command?.err.split('\n').slice(-20).join('\n') ?? ''
