// The smallest API server that keeps the promises a watch rests on: versions that only grow, a history that may be
// forgotten, pages of one state. It breaks on demand in every way that the protocol allows.

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const Breakage = {
  /** Closes the connections of all open watches. */
  CUT: 'cut',
  /** Ends them in order. */
  END: 'end',
  /** Cuts them in the middle of the line of the next event. */
  HALF_LINE: 'half-line',
  /** Sends a line that is not JSON in place of the next event. */
  MALFORMED: 'malformed',
  /** Forgets all events so far: whoever comes for them gets 410. */
  FORGET: 'forget',
  /** The same, told to those who watch now. */
  EXPIRE: 'expire',
  /** An ERROR event other than 410, and the end. */
  ERROR: 'error',
  /** 500 to the next request. */
  REFUSE: 'refuse',
  /** No answer to the next request but a closed connection. */
  DROP: 'drop',
  /** Cuts the body of the next answer in half. */
  TRUNCATE: 'truncate',
  /** 410 to the next continue token. */
  EXPIRE_PAGE: 'expire-page',
} as const
export type Breakage = (typeof Breakage)[keyof typeof Breakage]

interface Stored {
  uid: string
  resourceVersion: number
  json: unknown
}

export class HistoryServer {
  readonly objects = new Map<string, Stored>()
  version = 1
  readonly #streamsLists: boolean
  readonly #pageSize: number
  readonly #server = createServer((request, response) =>
    this.#answer(new URL(request.url ?? '/', 'http://x').searchParams, response),
  )
  readonly #watches = new Set<ServerResponse>()
  #events: { version: number; line: string }[] = []
  #forgottenTo = 0
  #uids = 0
  #nextLine: Breakage | undefined
  #nextAnswer: Breakage | undefined
  #isPageExpired = false

  constructor(streamsLists: boolean, pageSize: number) {
    this.#streamsLists = streamsLists
    this.#pageSize = pageSize
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  put(key: string): void {
    const held = this.objects.get(key)
    const stored = this.#make(key, held?.uid ?? `uid-${++this.#uids}`)
    this.objects.set(key, stored)
    this.#tell(held === undefined ? 'ADDED' : 'MODIFIED', stored)
  }

  delete(key: string): void {
    const held = this.objects.get(key)
    if (held === undefined) return
    this.objects.delete(key)
    this.#tell('DELETED', this.#make(key, held.uid))
  }

  break(how: Breakage): void {
    const watches = [...this.#watches]
    switch (how) {
      case Breakage.CUT:
        for (const watch of watches) watch.write('', () => watch.socket?.destroySoon())
        break
      case Breakage.END:
        for (const watch of watches) watch.end()
        break
      case Breakage.HALF_LINE:
      case Breakage.MALFORMED:
        this.#nextLine = how
        break
      case Breakage.FORGET:
        this.#forget()
        break
      case Breakage.EXPIRE:
        this.#forget()
        for (const watch of watches)
          watch.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`)
        break
      case Breakage.ERROR:
        for (const watch of watches)
          watch.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 500 } })}\n`)
        break
      case Breakage.EXPIRE_PAGE:
        this.#isPageExpired = true
        break
      default:
        this.#nextAnswer = how
    }
    if (how === Breakage.CUT || how === Breakage.END || how === Breakage.EXPIRE || how === Breakage.ERROR)
      this.#watches.clear()
  }

  /** From here on nothing breaks. */
  heal(): void {
    this.#nextLine = undefined
    this.#nextAnswer = undefined
    this.#isPageExpired = false
  }

  #make(key: string, uid: string): Stored {
    const [namespace, name] = key.split('/')
    const resourceVersion = ++this.version
    return {
      uid,
      resourceVersion,
      json: { metadata: { namespace, name, uid, resourceVersion: String(resourceVersion) } },
    }
  }

  #forget(): void {
    this.#forgottenTo = this.version
    this.#events = []
  }

  #tell(type: string, stored: Stored): void {
    const line = `${JSON.stringify({ type, object: stored.json })}\n`
    this.#events.push({ version: stored.resourceVersion, line })
    const broken = this.#watches.size > 0 ? this.#nextLine : undefined
    if (broken !== undefined) this.#nextLine = undefined
    for (const watch of this.#watches) {
      if (broken === undefined) {
        watch.write(line)
      } else if (broken === Breakage.MALFORMED) {
        watch.write(`${line.slice(0, 20)}\n`)
      } else {
        watch.write(line.slice(0, 20), () => watch.socket?.destroySoon())
        this.#watches.delete(watch)
      }
    }
  }

  #answer(query: URLSearchParams, response: ServerResponse): void {
    const broken = this.#nextAnswer
    this.#nextAnswer = undefined
    const refuse = (code: number): void => {
      response.writeHead(code).end(JSON.stringify({ kind: 'Status', code }))
    }
    if (broken === Breakage.DROP) response.destroy()
    else if (broken === Breakage.REFUSE) refuse(500)
    else if (query.get('sendInitialEvents') !== null && !this.#streamsLists) refuse(422)
    else if (query.get('watch') === null) this.#list(query.get('continue'), response, broken)
    else this.#watch(query, response, broken)
  }

  #list(token: string | null, response: ServerResponse, broken: Breakage | undefined): void {
    // A page shows the state of its first one: here that is only true while nothing was written, and 410 says so when
    // something was.
    const [version, offset] = token === null ? [this.version, 0] : token.split(':').map(Number)
    if (version !== this.version || offset === undefined || (token !== null && this.#isPageExpired)) {
      this.#isPageExpired = false
      response.writeHead(410).end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired' }))
      return
    }
    const end = offset + this.#pageSize
    const items = [...this.objects.values()].slice(offset, end).map(({ json }) => json)
    const metadata = {
      resourceVersion: String(version),
      ...(end < this.objects.size ? { continue: `${version}:${end}` } : {}),
    }
    const body = JSON.stringify({ kind: 'ServiceList', metadata, items })
    if (broken !== Breakage.TRUNCATE) {
      response.end(body)
      return
    }
    response.writeHead(200)
    response.write(body.slice(0, body.length / 2), () => response.socket?.destroySoon())
  }

  #watch(query: URLSearchParams, response: ServerResponse, broken: Breakage | undefined): void {
    const from = Number(query.get('resourceVersion') ?? 0)
    if (from !== 0 && from < this.#forgottenTo) {
      response.writeHead(410).end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired' }))
      return
    }
    response.writeHead(200)
    response.flushHeaders()
    const lines: string[] = []
    if (query.get('sendInitialEvents') === null) {
      for (const { version, line } of this.#events) if (version > from) lines.push(line)
    } else {
      for (const { json } of this.objects.values()) lines.push(`${JSON.stringify({ type: 'ADDED', object: json })}\n`)
      const metadata = { resourceVersion: String(this.version), annotations: { 'k8s.io/initial-events-end': 'true' } }
      lines.push(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`)
    }
    const text = lines.join('')
    if (broken === Breakage.TRUNCATE && text !== '') {
      response.write(text.slice(0, text.length / 2), () => response.socket?.destroySoon())
      return
    }
    response.write(text)
    this.#watches.add(response)
    response.on('close', () => this.#watches.delete(response))
  }
}
