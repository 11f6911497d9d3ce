// A Kubernetes API in this process: the store, what admits to it, the controllers that act on it, and HTTP before it.

import { stringify } from 'yaml'
import { type AdmissionOptions, DefaultAdmission } from './admission.ts'
import { makeCertificate } from './certificate.ts'
import { type ControllerOptions, type Controllers, startControllers } from './controllers/controllers.ts'
import { Faults } from './faults.ts'
import type { ApiObject } from './object.ts'
import type { ResourceRequest } from './request.ts'
import { ApiServer, type RequestRecord } from './server.ts'
import { type Backup, EMPTY_BACKUP, Store } from './store.ts'
import { makeSystemObjects } from './system.ts'

export interface FakeApiOptions {
  admission?: AdmissionOptions
  /** False: what selects, owns and scales is left as it is written. */
  controllers?: ControllerOptions | false
  /** How often a watch that allows bookmarks gets one; a minute, as in the API server. */
  bookmarkIntervalMs?: number
  /** How long a watch lasts that does not say timeoutSeconds; half an hour. */
  watchTimeoutMs?: number
  /** Events that are kept for watches that start in the past. */
  historyLimit?: number
  /** Asked before each request for a resource; false is answered with 403. */
  authorize?: (request: ResourceRequest) => boolean
  /** For timestamps and grace periods. */
  now?: () => Date
}

export interface FakeApiListenOptions {
  /** 127.0.0.1 when absent. */
  host?: string
  /** 0 or absent: one that is free. */
  port?: number
  /** True makes a certificate for the host. */
  tls?: boolean | { cert: string; key: string }
  /** Without it in `Authorization: Bearer`, requests are answered 401. */
  token?: string
}

// What clients see in /version, and `kubectl version` compares itself with.
const gitVersion = 'v1.36.3'

const minuteMs = 60_000

interface Endpoint {
  url: string
  certificateAuthority: string | undefined
  token: string | undefined
}

export class FakeApi {
  readonly store: Store
  readonly admission: DefaultAdmission
  readonly faults = new Faults()
  readonly #server: ApiServer
  readonly #systemObjects: readonly ApiObject[]
  readonly #controllers: Controllers | undefined
  #endpoint: Endpoint | undefined

  constructor(options: FakeApiOptions = {}) {
    this.admission = new DefaultAdmission(options.admission)
    this.store = new Store({ admission: this.admission, now: options.now, historyLimit: options.historyLimit })
    this.#server = new ApiServer(this.store, this.faults, {
      gitVersion,
      bookmarkIntervalMs: options.bookmarkIntervalMs ?? minuteMs,
      watchTimeoutMs: options.watchTimeoutMs ?? 30 * minuteMs,
      authorize: options.authorize,
    })
    this.#systemObjects = makeSystemObjects(options.admission?.serviceCidrs)
    for (const object of this.#systemObjects) this.apply(object)
    if (options.controllers !== false) this.#controllers = startControllers(this.store, options.controllers ?? {})
  }

  /** The last thousand requests, oldest first. */
  get requests(): readonly RequestRecord[] {
    return this.#server.requests
  }

  /** Resolves with the URL. May be called again for a further address; `kubeconfig` is about the last one. */
  async listen(options: FakeApiListenOptions = {}): Promise<string> {
    const { host = '127.0.0.1', port = 0, tls = false, token } = options
    const hosts = [...new Set([host, 'localhost', '127.0.0.1', '::1'])]
    const pair = tls === true ? makeCertificate(hosts) : tls === false ? undefined : tls
    const url = await this.#server.listen({ host, port, tls: pair, token })
    this.#endpoint = { url, certificateAuthority: pair?.cert, token }
    return url
  }

  /**
   * Creates the object, or updates the one of its name: as `kubectl apply` does, but its status counts too.
   * Throws ApiError as the API answers it.
   */
  apply(object: ApiObject): ApiObject {
    const resource = this.store.resource(object.kind)
    const namespace = resource.namespaced ? object.metadata.namespace || 'default' : undefined
    const current = this.store.get(resource, namespace, object.metadata.name)
    if (current === undefined) return this.store.create(resource, object)
    // A manifest is about the object of this name, not about a version of it.
    const { resourceVersion: _resourceVersion, uid: _uid, ...metadata } = object.metadata
    const wanted: ApiObject = { ...object, metadata }
    const updated = this.store.update(resource, wanted)
    const withStatus = object['status'] !== undefined && resource.subresources.includes('status')
    return withStatus ? this.store.updateStatus(resource, wanted) : updated
  }

  /** A bookmark to every open watch that allows them, out of turn. */
  sendBookmarks(): void {
    this.#server.sendBookmarks()
  }

  /** As when etcd is restored from a copy, or made anew without one: all connections break, and versions are given out again. */
  loseData(backup: Backup = EMPTY_BACKUP): void {
    this.faults.breakOpenWatches('drop')
    this.store.restore(backup)
    if (backup === EMPTY_BACKUP) for (const object of this.#systemObjects) this.apply(object)
  }

  /** Resolves when the controllers have nothing left to do. */
  async settled(): Promise<void> {
    await this.#controllers?.settled()
  }

  /** YAML of a kubeconfig for where it listens. Throws before `listen`. */
  kubeconfig(): string {
    if (this.#endpoint === undefined) throw new Error('the API listens nowhere yet: call listen() first')
    const { url, certificateAuthority, token } = this.#endpoint
    const name = 'fakeapi'
    const authority =
      certificateAuthority === undefined
        ? {}
        : { 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') }
    return stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server: url, ...authority } }],
      // Over HTTPS, kubectl asks the person for a name and a password when it has nothing to show.
      users: [{ name, user: { token: token ?? 'anyone' } }],
      contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
      'current-context': name,
    })
  }

  /** Ends the controllers, all connections, and the grace periods that still run. */
  async close(): Promise<void> {
    this.#controllers?.stop()
    this.store.close()
    await this.#server.close()
  }
}
