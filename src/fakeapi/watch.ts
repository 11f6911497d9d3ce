// One watch: the state or the past that it starts from, then every change as it is written, in one JSON line each.

import { badRequest, invalid, type Status, statusOf, tooLargeResourceVersion } from './errors.ts'
import { revisionOf } from './history.ts'
import type { ApiObject, StoreEvent } from './object.ts'
import { isTrue, type ResourceRequest } from './request.ts'
import { apiVersionOf } from './resources.ts'
import { type Predicate, parseSelectors } from './selector.ts'
import type { Store } from './store.ts'
import type { View } from './view.ts'

/** Where the lines of a watch go. */
export interface LineSink {
  /** A whole line with its newline. */
  write(line: string): void
  /** Resolves when the client has taken enough of what was written for more; undefined while it has. */
  drained(): Promise<void> | undefined
  /** The regular end of the answer. */
  end(): void
  /** Closes the connection without an end. */
  destroy(): void
}

export interface WatchSettings {
  bookmarkIntervalMs: number
  /** For requests without timeoutSeconds. */
  timeoutMs: number
  /** Servers before Kubernetes 1.27 do not know sendInitialEvents and take no notice of it. */
  ignoreInitialEvents: boolean
}

const initialEventsEnd = { 'k8s.io/initial-events-end': 'true' }

export class Watch {
  readonly #store: Store
  readonly #request: ResourceRequest
  readonly #view: View
  readonly #settings: WatchSettings
  readonly #matches: Predicate
  readonly #bookmarks: boolean
  readonly #timeoutMs: number
  readonly #start: Start
  #sink: LineSink | undefined
  #unsubscribe: (() => void) | undefined
  #timers: NodeJS.Timeout[] = []
  /** Deliveries up to this revision are part of the start already. */
  #revision = 0
  /** What has happened while the initial events were sent; undefined when they are. */
  #waiting: StoreEvent[] | undefined
  #stopped = false

  /** Throws ApiError 400, 422, 504 for what the query asks wrongly. */
  constructor(store: Store, request: ResourceRequest, view: View, settings: WatchSettings) {
    this.#store = store
    this.#request = request
    this.#view = view
    this.#settings = settings
    const { query, namespace } = request
    const selected = parseSelectors(query) ?? (() => true)
    this.#matches = object => (namespace === undefined || object.metadata.namespace === namespace) && selected(object)
    this.#bookmarks = isTrue(query.get('allowWatchBookmarks'))
    this.#timeoutMs = parseTimeout(query) ?? settings.timeoutMs
    this.#start = parseStart(query, store.revision, settings.ignoreInitialEvents)
  }

  /** Runs until `stop`, its timeout, or an ERROR event. */
  start(sink: LineSink): void {
    this.#sink = sink
    this.#revision = this.#store.revision
    const { resource } = this.#request
    const { from, initialEvents } = this.#start
    if (initialEvents) {
      this.#waiting = []
      void this.#sendInitialEvents(sink)
    } else {
      let past: StoreEvent[]
      try {
        past = this.#store.eventsSince(resource, from)
      } catch (error) {
        // The cacher of the API server answers this inside the stream, after a 200.
        this.fail(statusOf(error))
        return
      }
      for (const event of past) this.#deliver(event)
      // A client may name a revision that is still to come.
      this.#revision = Math.max(this.#revision, from)
    }
    this.#unsubscribe = this.#store.subscribe(event => {
      if (event.resource.plural !== resource.plural || revisionOf(event) <= this.#revision) return
      if (this.#waiting) this.#waiting.push(event)
      else this.#deliver(event)
    })
    if (this.#bookmarks) {
      this.#timers.push(setInterval(() => this.sendBookmark(), this.#settings.bookmarkIntervalMs))
    }
    this.#timers.push(
      setTimeout(() => {
        // So that the next watch starts from as late as possible.
        this.sendBookmark()
        this.stop()
        sink.end()
      }, this.#timeoutMs),
    )
    for (const timer of this.#timers) timer.unref()
  }

  /** None where they are not allowed, and none from before the revision that the watch began with: the API server is silent until it gets there. */
  sendBookmark(): void {
    if (this.#bookmarks && this.#store.revision >= this.#start.from) this.#bookmark()
  }

  /** Without a pause while the client takes them; so a short list is there before anything else happens. */
  async #sendInitialEvents(sink: LineSink): Promise<void> {
    const { resource, namespace } = this.#request
    for (const object of this.#store.list(resource, namespace)) {
      if (!this.#matches(object)) continue
      this.#write('ADDED', object)
      const drained = sink.drained()
      if (drained) await drained
      if (this.#stopped) return
    }
    if (this.#start.endBookmark && this.#bookmarks) this.#bookmark(this.#revision, initialEventsEnd)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const event of waiting) this.#deliver(event)
  }

  /** An ERROR event, and the end. */
  fail(status: Status): void {
    this.#sink?.write(`{"type":"ERROR","object":${JSON.stringify(status)}}\n`)
    this.stop()
    this.#sink?.end()
  }

  stop(): void {
    this.#stopped = true
    this.#unsubscribe?.()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
  }

  // An object that comes to match, or ceases to, appears and disappears for this watch (apiserver/pkg/storage/cacher).
  #deliver({ type, object, old }: StoreEvent): void {
    const before = old !== undefined && this.#matches(old)
    if (type === 'DELETED') {
      if (before) this.#write('DELETED', object)
      return
    }
    const now = this.#matches(object)
    if (now) this.#write(before ? 'MODIFIED' : 'ADDED', object)
    else if (before) this.#write('DELETED', asOf(old, object.metadata.resourceVersion))
  }

  #write(type: string, object: ApiObject): void {
    this.#sink?.write(`{"type":"${type}","object":${this.#view.writeObject(object)}}\n`)
  }

  #bookmark(revision = this.#store.revision, annotations?: Record<string, string>): void {
    // What has happened since is not told yet.
    if (this.#waiting && !annotations) return
    const { resource } = this.#request
    const resourceVersion = String(revision)
    // The API server writes a null for the time and has no name here.
    const metadata = { resourceVersion, creationTimestamp: null, ...(annotations === undefined ? {} : { annotations }) }
    const object: unknown = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata }
    this.#write('BOOKMARK', object as ApiObject)
  }
}

function asOf(object: ApiObject, resourceVersion: string | undefined): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: resourceVersion ?? '' } }
}

interface Start {
  /** Events after this revision. */
  from: number
  /** Begin with an ADDED for each object there is. */
  initialEvents: boolean
  endBookmark: boolean
}

function parseStart(query: URLSearchParams, current: number, ignoreInitialEvents: boolean): Start {
  const version = parseRevision(query.get('resourceVersion'))
  const match = query.get('resourceVersionMatch') ?? ''
  const asked = query.get('sendInitialEvents')
  const subject = 'ListOptions.meta.k8s.io ""'
  if (asked === null || ignoreInitialEvents) {
    if (match !== '' && !ignoreInitialEvents) {
      const message = 'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
      throw invalid(subject, [{ field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message }])
    }
    // "Get state and start at most recent" (and "at any", for 0).
    return { from: version ?? 0, initialEvents: (version ?? 0) === 0, endBookmark: false }
  }
  if (match !== 'NotOlderThan') {
    const message = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
    throw invalid(subject, [{ field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message }])
  }
  const initialEvents = isTrue(asked)
  if (initialEvents && (version ?? 0) > current) throw tooLargeResourceVersion(version ?? 0, current)
  return { from: initialEvents ? 0 : (version ?? current), initialEvents, endBookmark: initialEvents }
}

/** undefined when none is given. Throws ApiError 400. */
export function parseRevision(value: string | null): number | undefined {
  if (value === null || value === '') return undefined
  if (!/^\d+$/.test(value)) {
    throw badRequest(`Invalid value: "${value}": resourceVersion is a number that this server gave out`)
  }
  return Number(value)
}

function parseTimeout(query: URLSearchParams): number | undefined {
  const seconds = Number(query.get('timeoutSeconds') ?? 0)
  if (!Number.isInteger(seconds) || seconds < 0) throw badRequest('timeoutSeconds is a whole number of seconds')
  // Longer than a timer of Node can be is as good as for ever.
  return seconds === 0 ? undefined : Math.min(seconds * 1000, 2 ** 31 - 1)
}
