// What a URL asks for: apiserver/pkg/endpoints/request.RequestInfo for the resources of this API.

import { badRequest, methodNotAllowed } from './errors.ts'
import type { Resource } from './object.ts'
import { resourceAtPath } from './resources.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

/** A request for a resource, its path and query understood. */
export interface ResourceRequest {
  verb: Verb
  resource: Resource
  /** undefined for all namespaces and for what is in none. */
  namespace: string | undefined
  /** Of a create: undefined until the body is read. */
  name: string | undefined
  subresource: 'status' | 'scale' | undefined
  query: URLSearchParams
}

/** undefined when the path is that of no resource. Throws ApiError 400, 405. */
export function parseResourceRequest(method: string, url: URL): ResourceRequest | undefined {
  const place = locate(decodeSegments(url.pathname))
  if (place === undefined) return undefined
  const { resource, name } = place
  const query = url.searchParams
  const verb = verbOf(method, query, name)
  const invalidVerb =
    verb === undefined ||
    (verb === 'create' && resource.namespaced && place.namespace === undefined) ||
    (place.subresource !== undefined && !['get', 'update', 'patch'].includes(verb))
  if (invalidVerb) throw methodNotAllowed()
  if (verb === 'watch' && name !== undefined) {
    // A watch on one object is a watch on the collection that selects it.
    const fields = query.get('fieldSelector')
    query.set('fieldSelector', `${fields === null || fields === '' ? '' : `${fields},`}metadata.name=${name}`)
  }
  return { verb, query, ...place }
}

function decodeSegments(pathname: string): string[] {
  try {
    return pathname
      .split('/')
      .filter(segment => segment !== '')
      .map(decodeURIComponent)
  } catch {
    throw badRequest(`the path ${pathname} has a malformed percent encoding`)
  }
}

type Place = Pick<ResourceRequest, 'resource' | 'namespace' | 'name' | 'subresource'>

function locate(segments: readonly string[]): Place | undefined {
  const [root, ...tail] = segments
  let group = ''
  let rest = tail
  if (root === 'apis') {
    group = tail[0] ?? ''
    rest = tail.slice(1)
    if (group === '') return undefined
  } else if (root !== 'api') {
    return undefined
  }
  const [version = '', ...path] = rest
  let namespace: string | undefined
  let tokens = path
  // /namespaces/NAME and /namespaces/NAME/status are the Namespace itself.
  if (path[0] === 'namespaces' && path[2] !== undefined && path[2] !== 'status') {
    namespace = path[1]
    tokens = path.slice(2)
  }
  const [plural, name, subresource, ...more] = tokens
  if (plural === undefined || more.length > 0) return undefined
  const resource = resourceAtPath(group, version, plural)
  if (resource === undefined || (namespace !== undefined && !resource.namespaced)) return undefined
  if (resource.namespaced && namespace === undefined && name !== undefined) return undefined
  const known = resource.subresources.find(one => one === subresource)
  if (subresource !== undefined && known === undefined) return undefined
  return { resource, namespace, name, subresource: known }
}

function verbOf(method: string, query: URLSearchParams, name: string | undefined): Verb | undefined {
  const collection = name === undefined
  switch (method) {
    case 'GET':
      if (isTrue(query.get('watch'))) return 'watch'
      return collection ? 'list' : 'get'
    case 'POST':
      return collection ? 'create' : undefined
    case 'PUT':
      return collection ? undefined : 'update'
    case 'PATCH':
      return collection ? undefined : 'patch'
    case 'DELETE':
      return collection ? 'deletecollection' : 'delete'
    default:
      return undefined
  }
}

/** The API server takes 1, true, and the bare name of a parameter for true. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0' && value !== 'False'
}
