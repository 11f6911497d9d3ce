// Whether the API still tells the history that our versions are of. A server whose etcd was made anew, or restored from an older copy, gives out
// versions a second time: to a watch from one of before it is silent until it has come past it, and then tells what comes next, without a 410 and
// without all that is between. So when a watch has gone on it is asked for the namespace kube-system: its uid is that of the cluster, and the version
// of the list that it comes in, which is read from etcd, never goes back.

import type { ApiConnection } from './connection.ts'
import { explainStatus, readStatus } from './fault.ts'
import { objectOf, stringOf } from './json.ts'
import { readText } from './line.ts'
import type { Log } from './outage.ts'
import type { SlimNamespace } from './slim.ts'
import type { Sink } from './store.ts'
import { isBefore } from './version.ts'

/** Every cluster has it, and it cannot be deleted. */
const ORIGIN = 'kube-system'
/** Of one name it is one read of one key, whatever the number of Namespaces. Who may list those may do this. */
const ORIGIN_PATH = `/api/v1/namespaces?fieldSelector=metadata.name%3D${ORIGIN}`
/** Refusals that say nothing of what was asked; it is to be asked again. */
const PASSING: ReadonlySet<number> = new Set([401, 408, 429])
const ANOTHER = 'it is another cluster now'
/** No list of one object is longer: etcd takes 1.5 MB at the most. */
const MAX_BYTES = 4 * 1024 * 1024

/** Called when another history is found: what is known is nothing to go on from. */
type Forget = () => void

/** One for all resources of a connection: what one of them finds out is true of the others. */
export class Lineage {
  readonly #connection: ApiConnection
  readonly #log: Log
  readonly #followers = new Set<Forget>()
  #uid = ''

  constructor(connection: ApiConnection, log: Log) {
    this.#connection = connection
    this.#log = log
  }

  /** Until the function that it returns is called. */
  follow(forget: Forget): () => void {
    this.#followers.add(forget)
    return () => this.#followers.delete(forget)
  }

  /** Of the Namespaces: one that is the origin says of which cluster all that is known is. */
  listen(sink: Sink<SlimNamespace>): Sink<SlimNamespace> {
    return {
      changed: (before, after) => {
        if (after?.name === ORIGIN && !this.#recognize(after.uid)) this.rewind(ANOTHER)
        sink.changed(before, after)
      },
      listed: () => sink.listed(),
    }
  }

  /**
   * Asks whether what comes after `version` of the collection at `path` is what has not been seen yet; '' when nothing has. Resolves with the reason
   * when it is not. Rejects with ApiFault or SyntaxError.
   */
  async check(version: string, path: string, signal: AbortSignal): Promise<string | undefined> {
    const origin = await this.#list(ORIGIN_PATH, signal)
    // Who may not ask, or whom the server does not understand, goes on without knowing.
    if (origin === undefined) return undefined
    if (!this.#recognize(origin.uid)) return ANOTHER
    if (!isBefore(origin.version, version)) return undefined
    // A resource may have an etcd of its own (`--etcd-servers-overrides`), and versions of its own.
    const own = await this.#list(`${path}?limit=1`, signal)
    return own !== undefined && isBefore(own.version, version)
      ? `it is at version ${own.version}, and was at ${version}`
      : undefined
  }

  /** Whether it is the cluster that it was; where that is not known, it is this one from now on, as where it is not. */
  #recognize(uid: string): boolean {
    const isSame = this.#uid === '' || uid === '' || uid === this.#uid
    if (uid !== '') this.#uid = uid
    return isSame
  }

  /** Another history was found: all who follow forget theirs, but the one that found it. */
  rewind(why: string, finder?: Forget): void {
    this.#log.warn(`the API server has lost data (${why}): listing everything anew`)
    for (const forget of this.#followers) if (forget !== finder) forget()
  }

  /** The version of a list, and the uid of what it holds. */
  async #list(path: string, signal: AbortSignal): Promise<{ version: string; uid: string } | undefined> {
    const { baseUrl } = this.#connection
    const response = await this.#connection.request(path, { signal })
    const { status, retryAfter } = response
    if (PASSING.has(status) || status >= 500) {
      const [, resource = ''] = /(\w+)\?/.exec(path) ?? []
      const asked = { verb: 'list', resource, baseUrl } as const
      throw explainStatus(status, await readStatus(response), asked, Date.now(), retryAfter)
    }
    const text = await readText(response, MAX_BYTES)
    signal.throwIfAborted()
    if (status !== 200) return undefined
    const { metadata, items } = objectOf(JSON.parse(text))
    const object = objectOf(Array.isArray(items) ? items[0] : undefined)
    return { version: stringOf(objectOf(metadata).resourceVersion), uid: stringOf(objectOf(object.metadata).uid) }
  }
}
