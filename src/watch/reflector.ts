// The copy of one resource of the API, kept as client-go's reflector keeps it: list, then watch from the version of the
// list, and never lose an event. The resourceVersion says what is known; whatever ends a watch (its time, a broken
// connection, half a line, silence), the next one asks for what came after that version. Only when the server no longer
// remembers it (410) is everything listed again, and then only the differences are told.
//
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes

import { Backoff } from './backoff.ts'
import { type Clock, SYSTEM_CLOCK, sleep } from './clock.ts'
import type { ApiConnection, ApiResponse } from './connection.ts'
import { ApiFault, explainStatus, FaultCode, readStatus, toOneLine } from './fault.ts'
import { ItemSplitter } from './items.ts'
import { isObject, objectOf, stringOf } from './json.ts'
import { decode, LineSplitter } from './line.ts'
import type { Lineage } from './lineage.ts'
import { type Log, Outage } from './outage.ts'
import { qualifiedName, type Resource, resourcePath } from './resource.ts'
import { type Fields, membersOf, Skimmer } from './skim.ts'
import { SilenceTimer } from './silence.ts'
import type { SlimMeta } from './slim.ts'
import { makeStatus, type WatchStatus } from './status.ts'
import type { Keeper } from './store.ts'
import { isBefore } from './version.ts'

export interface ReflectorOptions<T extends SlimMeta, H = T> {
  readonly connection: ApiConnection
  readonly resource: Resource<T>
  readonly keeper: Keeper<T, H>
  readonly log: Log
  /** Without it, that the server has lost data is found out late, or never. */
  readonly lineage?: Lineage
  /** Called when a list begins; what it returns, when it has ended. Both, too, when a connection is not needed any more. */
  readonly onList?: () => () => void
  /** All namespaces when absent. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly clock?: Clock
}

/** The API sends a bookmark about once a minute; a stream with neither events nor bookmarks for longer is dead. */
const LONGEST_SILENCE_MS = 70_000
/** A streaming list begins at once. A server that ignores the request for one sends its objects and then nothing. */
const STREAM_LIST_SILENCE_MS = 10_000
/** As client-go: a random time, so that the watches of many clients do not end together. */
const MIN_WATCH_SECONDS = 300
const MAX_WATCH_SECONDS = 600
const PAGE_SIZE = 500
/** A watch that ends sooner and brought nothing is a failure; one that stays open for longer is well. */
const SETTLED_MS = 1_000
/** The most of a Retry-After that is obeyed, so that a wrong one does not stop us for a day. */
const MAX_RETRY_AFTER_MS = 300_000
/** The bookmark that ends the initial events of a streaming list (KEP-3157). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'

export class Reflector<T extends SlimMeta, H = T> {
  readonly status: WatchStatus = makeStatus()
  readonly #options: ReflectorOptions<T, H>
  readonly #name: string
  readonly #readItem: (json: Uint8Array) => unknown
  readonly #readEvent: (json: Uint8Array) => unknown
  readonly #log: Log
  readonly #clock: Clock
  readonly #store: Keeper<T, H>
  readonly #backoff: Backoff
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #attempt = new AbortController()
  #streamsLists = true
  #isListing = false
  #onListed: (() => void) | undefined
  readonly #outage: Outage
  /** Up to where everything was known before the list that is to come; '' when that was of another history. */
  #versionBefore = ''
  #hasWatched = false
  #malformedAt: string | undefined
  #saidUnusable = false

  constructor(options: ReflectorOptions<T, H>) {
    this.#options = options
    this.#name = options.resource.name
    const { fields } = options.resource
    this.#readItem = readerOf(fields)
    this.#readEvent = readerOf(fields && eventFields(fields))
    this.#log = options.log
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#backoff = new Backoff(this.#clock)
    this.#outage = new Outage(this.#name, options.log, this.#clock)
    this.#store = options.keeper
    this.#store.listener.onFailure = error => {
      this.#countError(
        `what was to take a change failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
      this.#log.error(`${this.#name}: ${this.status.lastError}`)
    }
  }

  get size(): number {
    return this.#store.size
  }

  /** `key` is `namespace/name`, or the name of an object without namespace. */
  get(key: string): H | undefined {
    return this.#store.get(key)
  }

  values(): IterableIterator<H> {
    return this.#store.values()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** From the call on nothing is told and nothing is opened; resolves when the last connection is let go. */
  async stop(): Promise<void> {
    this.#store.listener.close()
    this.#stopping.abort()
    this.#attempt.abort()
    await this.#running
    this.#onListed?.()
    this.status.connected = false
  }

  /** What is known is of another history than the server's. */
  readonly #forget = (): void => {
    this.status.resourceVersion = ''
    this.#versionBefore = ''
    this.#attempt.abort(new ApiFault(FaultCode.REWOUND, `${this.#name}: the API server has lost data`))
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  async #run(): Promise<void> {
    const unfollow = this.#options.lineage?.follow(this.#forget)
    while (!this.#stopped) {
      try {
        if (this.status.resourceVersion !== '') await this.#watch()
        else if (this.#streamsLists) await this.#streamList()
        else await this.#listPages()
      } catch (error) {
        this.#isListing = false
        if (!this.#stopped) await this.#recover(this.#faultOf(error))
      }
    }
    unfollow?.()
  }

  /** Whether the watch that has just been opened goes on from where we are. It is asked then, not before: in between, all may have changed. */
  async #checkLineage(signal: AbortSignal): Promise<void> {
    const { lineage, resource, namespace } = this.#options
    if (lineage === undefined) return
    const why = await lineage.check(this.status.resourceVersion, resourcePath(resource, namespace), signal)
    if (why === undefined) return
    lineage.rewind(why, this.#forget)
    throw new ApiFault(FaultCode.REWOUND, `${this.#name}: the API server has lost data: ${why}`)
  }

  /**
   * The streaming list (KEP-3157; Kubernetes 1.32): each object as an ADDED event, a bookmark at the end, and the watch
   * goes on from there.
   */
  async #streamList(): Promise<void> {
    this.#beginList()
    // No resourceVersion: the newest state, so that what is held never goes back in time, whichever server answers.
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    try {
      await this.#followEvents(query)
    } catch (error) {
      const isIgnored = error instanceof ApiFault && error.code === FaultCode.SILENT && this.status.connected
      const isRefused = error instanceof ApiFault && error.code === FaultCode.UNSUPPORTED
      if (!this.#isListing || (!isIgnored && !isRefused)) throw error
    }
    // Refused, or ended, or silent without the bookmark that ends a list: the server does not know it, and is asked in
    // the old way from now on.
    if (this.#isListing) this.#streamsLists = false
    this.#isListing = false
  }

  #beginList(): void {
    this.#isListing = true
    this.#onListed ??= this.#options.onList?.()
    this.#store.beginList()
  }

  /** Pages of the newest state, without a version of ours: a page from the past could bring back what was deleted. */
  async #listPages(): Promise<void> {
    this.#beginList()
    let token = ''
    let resourceVersion = ''
    do {
      const items = new ItemSplitter()
      const query = { limit: String(PAGE_SIZE), ...(token === '' ? {} : { continue: token }) }
      await this.#exchange('list', query, chunk => items.push(chunk, item => this.#take(this.#readItem(item))))
      if (this.#stopped) return
      const { metadata } = objectOf(items.finish())
      token = stringOf(objectOf(metadata).continue)
      resourceVersion = stringOf(objectOf(metadata).resourceVersion)
      this.status.lastHeardMs = this.#clock.now()
    } while (token !== '')
    if (resourceVersion === '') throw new SyntaxError('a list without resourceVersion')
    this.#finishList(resourceVersion)
  }

  #finishList(resourceVersion: string): void {
    this.#isListing = false
    if (isBefore(resourceVersion, this.#versionBefore)) {
      const why = `${this.#name} are at version ${resourceVersion}, and were at ${this.#versionBefore}`
      this.#options.lineage?.rewind(why, this.#forget)
    }
    this.status.resourceVersion = resourceVersion
    if (this.status.synced) this.status.relists++
    this.status.synced = true
    this.#outage.end()
    this.#store.completeList()
    this.#onListed?.()
    this.#onListed = undefined
  }

  async #watch(): Promise<void> {
    const from = this.status.resourceVersion
    const startMs = this.#clock.monotonicMs()
    const heardMs = this.status.lastHeardMs
    try {
      await this.#followEvents({ resourceVersion: from })
    } catch (error) {
      const isMute = this.status.connected && this.status.lastHeardMs === heardMs
      if (!isMute || !(error instanceof ApiFault) || error.code !== FaultCode.SILENT) throw error
      // Not even a bookmark since it was opened. So is every watch from a version that the server has yet to reach, as after its etcd was
      // restored from an older copy or made anew: there is no 410 for that, and what we know may be of another time.
      this.#log.warn(`${this.#name}: not even a bookmark from a new watch: has the API server lost data? Listing anew`)
      throw new ApiFault(FaultCode.GONE, error.message)
    }
    if (this.status.resourceVersion !== from || this.#clock.monotonicMs() - startMs >= SETTLED_MS) this.#outage.end()
    else if (!this.#stopped) throw new ApiFault(FaultCode.SERVER, `watch ${this.#name}: the server ended it at once`)
  }

  async #followEvents(query: Readonly<Record<string, string>>): Promise<void> {
    const seconds = MIN_WATCH_SECONDS + Math.floor(this.#clock.random() * (MAX_WATCH_SECONDS - MIN_WATCH_SECONDS + 1))
    const lines = new LineSplitter()
    await this.#exchange(
      'watch',
      { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds), ...query },
      chunk => lines.push(chunk, line => this.#takeEvent(this.#readEvent(line))),
    )
    if (lines.pendingBytes > 0 && !this.#stopped)
      throw new SyntaxError('the stream was cut off in the middle of a line')
  }

  #takeEvent(event: unknown): void {
    if (this.#stopped) return
    if (!isObject(event)) throw new SyntaxError('a line that is no event')
    const { type, object } = event
    const metadata = objectOf(objectOf(object).metadata)
    const resourceVersion = stringOf(metadata.resourceVersion)
    const now = this.#clock.now()
    this.status.lastHeardMs = now
    if (!this.#isListing && isBefore(resourceVersion, this.status.resourceVersion)) {
      // Within one watch versions only grow; what is told in another order may be older than what is known of the same object.
      const what = `version ${resourceVersion} came after ${this.status.resourceVersion}`
      this.#log.warn(`${this.#name}: ${what} in a watch: listing anew`)
      throw new ApiFault(FaultCode.GONE, `watch ${this.#name}: ${what}`)
    }
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#take(object)
        if (!this.#isListing) this.status.lastEventMs = now
        break
      case 'DELETED':
        this.#drop(object)
        this.status.lastEventMs = now
        break
      case 'BOOKMARK':
        this.status.lastBookmarkMs = now
        if (this.#isListing && objectOf(metadata.annotations)[INITIAL_EVENTS_END] === 'true') {
          if (resourceVersion === '') throw new SyntaxError('a bookmark without resourceVersion')
          this.#finishList(resourceVersion)
        }
        break
      case 'ERROR': {
        const { code } = objectOf(object)
        throw this.#explain(typeof code === 'number' ? code : 500, object, 'watch')
      }
      default:
        throw new SyntaxError(`an event of the type ${JSON.stringify(type)}`)
    }
    // While a streaming list is under way there is no version yet from which nothing would be missed.
    if (!this.#isListing && resourceVersion !== '') this.status.resourceVersion = resourceVersion
  }

  #take(object: unknown): void {
    if (this.#stopped) return
    const slim = this.#convert(object)
    if (slim === undefined) return
    this.#store.put(slim)
  }

  #drop(object: unknown): void {
    const slim = this.#convert(object)
    if (slim !== undefined) this.#store.remove(slim.key)
  }

  /**
   * An object without a name would come again just so, however often it is asked for: it is told once, and left out.
   */
  #convert(object: unknown): T | undefined {
    const slim = this.#options.resource.convert(object)
    if (slim !== undefined) return slim
    this.#countError('the server sent an object without a name')
    if (!this.#saidUnusable) this.#log.warn(`${this.#name}: ${this.status.lastError}; it is left out`)
    this.#saidUnusable = true
    return undefined
  }

  /** One request, its response fed to `consume`. Resolves at the orderly end of the response; rejects with ApiFault. */
  async #exchange(
    verb: 'list' | 'watch',
    query: Readonly<Record<string, string>>,
    consume: (piece: Uint8Array) => void,
  ): Promise<void> {
    const attempt = new AbortController()
    this.#attempt = attempt
    const { baseUrl } = this.#options.connection
    const silence = new SilenceTimer(this.#clock, LONGEST_SILENCE_MS, limitMs =>
      attempt.abort(
        new ApiFault(FaultCode.SILENT, `${verb} ${this.#name}: nothing heard from ${baseUrl} for ${limitMs / 1000} s`),
      ),
    )
    let settled: unknown
    try {
      const response = await this.#options.connection.request(this.#pathOf(query), { signal: attempt.signal })
      if (response.status !== 200) throw this.#explain(response.status, await readStatus(response), verb, response)
      this.status.connected = true
      if (verb === 'watch' && this.#hasWatched) this.status.reconnects++
      this.#hasWatched ||= verb === 'watch'
      silence.hear(this.#silenceMs(verb))
      if (this.#outage.isOn) settled = this.#clock.setTimeout(() => this.#outage.end(), SETTLED_MS)
      const checking = verb === 'watch' && !this.#isListing ? this.#checkLineage(attempt.signal) : undefined
      checking?.catch((error: unknown) => attempt.abort(this.#faultOf(error)))
      await response.read(piece => {
        if (this.#stopped) return false
        this.status.receivedBytes += piece.length
        consume(piece)
        silence.hear(this.#silenceMs(verb))
        return true
      })
      await checking
    } catch (error) {
      const { reason } = attempt.signal as { reason: unknown }
      // Nothing of it goes on beside the next one.
      attempt.abort()
      throw reason instanceof ApiFault ? reason : error
    } finally {
      silence.stop()
      this.#clock.clearTimeout(settled)
      // What ends a connection and makes another is a part of the program that is needed for nothing else.
      this.#options.onList?.()()
    }
  }

  #silenceMs(verb: 'list' | 'watch'): number {
    return verb === 'watch' && this.#isListing ? STREAM_LIST_SILENCE_MS : LONGEST_SILENCE_MS
  }

  #pathOf(query: Readonly<Record<string, string>>): string {
    const { resource, namespace, labelSelector, fieldSelector } = this.#options
    const parameters = new URLSearchParams(query)
    if (labelSelector !== undefined) parameters.set('labelSelector', labelSelector)
    if (fieldSelector !== undefined) parameters.set('fieldSelector', fieldSelector)
    return `${resourcePath(resource, namespace)}?${parameters.toString()}`
  }

  #explain(httpStatus: number, body: unknown, verb: 'list' | 'watch', response?: ApiResponse): ApiFault {
    const asked = { verb, resource: qualifiedName(this.#options.resource), baseUrl: this.#options.connection.baseUrl }
    return explainStatus(httpStatus, body, asked, this.#clock.now(), response?.retryAfter)
  }

  #faultOf(error: unknown): ApiFault {
    if (error instanceof ApiFault) return error
    const where = `${this.#name} at ${this.#options.connection.baseUrl}`
    // Of JSON.parse, of the splitters' bounds, and of ours for what is JSON but not of the API.
    if (error instanceof SyntaxError || error instanceof RangeError) {
      return new ApiFault(FaultCode.MALFORMED, `${where}: not what the API sends: ${error.message}`)
    }
    return new ApiFault(FaultCode.SERVER, `${where}: ${String(error)}`)
  }

  /** After a failure: what to give up, what to say, how long to wait. */
  async #recover(fault: ApiFault): Promise<void> {
    const wasOpen = this.status.connected
    this.status.connected = false
    this.#countError(fault.message)
    const version = this.status.resourceVersion
    if (fault.code === FaultCode.GONE || fault.code === FaultCode.REWOUND) this.status.resourceVersion = ''
    if (fault.code === FaultCode.MALFORMED) {
      // The same version brought us to the same line twice: another way in may go around it.
      if (this.#malformedAt === version) this.status.resourceVersion = ''
      this.#malformedAt = version
    }
    this.#outage.fail(fault, wasOpen, this.#store.size)
    if (fault.code === FaultCode.REWOUND) this.#versionBefore = ''
    else if (version !== '') this.#versionBefore = version
    const retryAfterMs = Math.min(fault.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
    await sleep(this.#clock, Math.max(this.#backoff.nextDelayMs(), retryAfterMs), this.#stopping.signal)
  }

  #countError(message: string): void {
    this.status.errors++
    this.status.lastError = toOneLine(message)
  }
}

/** An event may be a bookmark, or tell of an error with a Status, too. */
const eventFields = (fields: Fields): Fields => {
  const metadata = membersOf(fields.metadata)
  const annotations = { ...membersOf(metadata.annotations), [INITIAL_EVENTS_END]: true as const }
  const object = { code: true, message: true, reason: true, details: true, ...fields } as const
  return { type: true, object: { ...object, metadata: { ...metadata, annotations } } }
}

function readerOf(fields: Fields | undefined): (json: Uint8Array) => unknown {
  if (!fields) return json => JSON.parse(decode(json))
  const skimmer = new Skimmer(fields)
  return json => skimmer.read(json)
}
