// A plain HTTP client for the tests of the in-process API.

import type { ApiObject } from '../../src/fakeapi/object.ts'

export interface Answer {
  code: number
  headers: Headers
  text: string
  json: Json
}

/** JSON of which a test knows what it is. */
export interface Json {
  [member: string]: unknown
  kind?: string
  message?: string
  reason?: string
  code?: number
  details?: { name?: string; kind?: string; causes?: { field: string; reason: string; message: string }[] }
  metadata: {
    name: string
    resourceVersion: string
    continue?: string
    remainingItemCount?: number
    [m: string]: unknown
  }
  items: ApiObject[]
  spec: { [m: string]: unknown }
}

export interface Call {
  method?: string
  body?: unknown
  type?: string
  accept?: string
  token?: string
}

export async function call(url: string, { method, body, type, accept, token }: Call = {}): Promise<Answer> {
  const headers: Record<string, string> = {}
  if (body !== undefined) headers['content-type'] = type ?? 'application/json'
  if (accept !== undefined) headers['accept'] = accept
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    ...(body === undefined ? {} : { body: text }),
  })
  const answer = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return {
    code: response.status,
    headers: response.headers,
    text: answer,
    json: (isJson ? JSON.parse(answer) : {}) as Json,
  }
}

export function patch(url: string, kind: 'json' | 'merge' | 'strategic' | 'apply', body: unknown): Promise<Answer> {
  const type = kind === 'apply' ? 'application/apply-patch+yaml' : `application/${names[kind]}+json`
  return call(url, { method: 'PATCH', body, type })
}

const names = { json: 'json-patch', merge: 'merge-patch', strategic: 'strategic-merge-patch' } as const

export interface Line {
  type: string
  object: Json
}

/** A watch that is open: its lines one by one. */
export class Stream {
  readonly code: number
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #rest = ''

  private constructor(response: Response) {
    this.code = response.status
    if (response.body === null) throw new Error('an answer without a body')
    this.#reader = response.body.getReader()
  }

  static async open(url: string, accept?: string): Promise<Stream> {
    return new Stream(await fetch(url, accept === undefined ? {} : { headers: { accept } }))
  }

  /** The next line as it came; undefined at the regular end. Rejects when the connection breaks. */
  async text(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf('\n')
      if (end >= 0) {
        const line = this.#rest.slice(0, end)
        this.#rest = this.#rest.slice(end + 1)
        return line
      }
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      this.#rest += this.#decoder.decode(value, { stream: true })
    }
  }

  async next(): Promise<Line> {
    const line = await this.text()
    if (line === undefined) throw new Error('the watch has ended')
    return JSON.parse(line) as Line
  }

  /** `TYPE NAME` of the next lines. */
  async take(count: number): Promise<string[]> {
    const lines: string[] = []
    while (lines.length < count) {
      const { type, object } = await this.next()
      lines.push(`${type} ${object.metadata?.name ?? object.code ?? ''}`.trim())
    }
    return lines
  }

  close(): Promise<void> {
    return this.#reader.cancel()
  }
}

export function makeService(name: string, more: { labels?: Record<string, string>; spec?: object } = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', ...(more.labels === undefined ? {} : { labels: more.labels }) },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }], ...more.spec },
  }
}

export function makePod(name: string, more: { labels?: Record<string, string>; spec?: object } = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', ...(more.labels === undefined ? {} : { labels: more.labels }) },
    spec: { containers: [{ name: 'main', image: 'image' }], ...more.spec },
  }
}
