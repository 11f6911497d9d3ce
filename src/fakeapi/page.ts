// Lists and their pages: each page shows the state of the first one, as etcd's snapshots do (KEP-365).

import { compareKeys, keyOf } from './bucket.ts'
import { badRequest, ExpiredContinue, invalid, tooLargeResourceVersion } from './errors.ts'
import { isObject } from './json.ts'
import { ApiError, type ApiObject } from './object.ts'
import type { ResourceRequest } from './request.ts'
import { parseSelectors } from './selector.ts'
import type { Store } from './store.ts'
import type { ListMeta } from './view.ts'
import { parseRevision } from './watch.ts'

export interface Page {
  objects: ApiObject[]
  metadata: ListMeta
}

interface Continue {
  /** 0 in a token that was given out with a 410: go on in the state of now. */
  revision: number
  /** The last key of the page before. */
  after: string
}

/** Throws ApiError 400, 410, 422, 504. */
export function listPage(store: Store, { resource, namespace, query }: ResourceRequest): Page {
  if (query.get('sendInitialEvents') !== null) {
    const message = 'Forbidden: sendInitialEvents is forbidden for list'
    throw invalid(subject, [{ field: 'sendInitialEvents', reason: 'FieldValueForbidden', message }])
  }
  const limit = parseLimit(query)
  const token = query.get('continue') ?? ''
  const matches = parseSelectors(query)
  let revision = store.revision
  let after: string | undefined
  if (token === '') {
    revision = revisionToShow(store, query, limit)
  } else {
    const start = decodeContinue(token)
    if (!['', '0'].includes(query.get('resourceVersion') ?? '')) {
      throw badRequest('specifying resource version is not allowed when using continue')
    }
    after = start.after
    if (start.revision > 0) revision = start.revision
  }
  let objects: ApiObject[]
  try {
    objects = store.listAt(resource, namespace, revision)
  } catch (error) {
    if (after === undefined || !(error instanceof ApiError) || error.code !== 410) throw error
    throw new ExpiredContinue(encodeContinue({ revision: 0, after }))
  }
  if (after !== undefined) {
    const last = after
    objects = objects.filter(object => compareKeys(keyOf(object), last) > 0)
  }
  if (matches !== undefined) objects = objects.filter(matches)
  const metadata: ListMeta = { resourceVersion: String(revision) }
  if (limit > 0 && objects.length > limit) {
    const page = objects.slice(0, limit)
    const lastOfPage = page.at(-1)
    if (lastOfPage !== undefined) metadata.continue = encodeContinue({ revision, after: keyOf(lastOfPage) })
    // Not known under a selector, as the API server would have to read on.
    if (matches === undefined) metadata.remainingItemCount = objects.length - limit
    objects = page
  }
  return { objects, metadata }
}

const subject = 'ListOptions.meta.k8s.io ""'

// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
function revisionToShow(store: Store, query: URLSearchParams, limit: number): number {
  const asked = parseRevision(query.get('resourceVersion'))
  const match = query.get('resourceVersionMatch') ?? ''
  const field = 'resourceVersionMatch'
  if (match !== '' && asked === undefined) {
    const message = 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided'
    throw invalid(subject, [{ field, reason: 'FieldValueForbidden', message }])
  }
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    const message = `Unsupported value: "${match}": supported values: "Exact", "NotOlderThan"`
    throw invalid(subject, [{ field, reason: 'FieldValueNotSupported', message }])
  }
  if (match === 'Exact' && asked === 0) {
    const message = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    throw invalid(subject, [{ field, reason: 'FieldValueForbidden', message }])
  }
  if (asked === undefined || asked === 0) return store.revision
  if (asked > store.revision) throw tooLargeResourceVersion(asked, store.revision)
  // Without a match, a limit makes it exact: the rule of before resourceVersionMatch.
  const exact = match === 'Exact' || (match === '' && limit > 0)
  return exact ? asked : store.revision
}

function parseLimit(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? 0)
  if (!Number.isInteger(limit)) throw badRequest('limit is a whole number of objects')
  return limit
}

function encodeContinue({ revision, after }: Continue): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString('base64url')
}

function decodeContinue(token: string): Continue {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (isObject(value) && typeof value['rv'] === 'number' && typeof value['start'] === 'string') {
      return { revision: value['rv'], after: value['start'] }
    }
  } catch {
    // Answered below, as any other token that is not ours.
  }
  throw badRequest('continue key is not valid: use the token of the page before, unchanged')
}
