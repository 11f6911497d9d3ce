// The least of OpenAPI that kubectl needs: version 3 tells it that the server checks fields and does dry runs, so that it
// does not validate by a schema of its own; from an empty version 2 it falls back to the types compiled into it.

import type { Resource } from './object.ts'
import { apiVersionOf, resources } from './resources.ts'

export interface OpenApiAnswer {
  contentType: string
  body: string
}

/** undefined when the path is not one of OpenAPI. */
export function describeOpenApi(pathname: string, accept = ''): OpenApiAnswer | undefined {
  if (pathname === '/openapi/v2') {
    // An empty message is a valid document in protobuf, which is how kubectl asks for it.
    const protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
    if (accept.includes('protobuf')) return { contentType: protobuf, body: '' }
    return asJson({ swagger: '2.0', info: { title: 'Kubernetes', version: 'v1' }, paths: {}, definitions: {} })
  }
  if (pathname === '/openapi/v3') {
    const paths = [...new Set(resources.map(rootOf))]
    return asJson({
      paths: Object.fromEntries(paths.map(path => [path, { serverRelativeURL: `/openapi/v3/${path}` }])),
    })
  }
  if (!pathname.startsWith('/openapi/v3/')) return undefined
  const root = pathname.slice('/openapi/v3/'.length)
  const rows = resources.filter(resource => rootOf(resource) === root)
  if (rows.length === 0) return undefined
  return asJson({
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1' },
    paths: Object.fromEntries(rows.map(resource => [pathOf(resource), { patch: describePatch(resource) }])),
    components: { schemas: {} },
  })
}

function asJson(document: object): OpenApiAnswer {
  return { contentType: 'application/json', body: JSON.stringify(document) }
}

function rootOf(resource: Resource): string {
  return `${resource.group === '' ? 'api' : 'apis'}/${apiVersionOf(resource)}`
}

function pathOf(resource: Resource): string {
  const scope = resource.namespaced ? '/namespaces/{namespace}' : ''
  return `/${rootOf(resource)}${scope}/${resource.plural}/{name}`
}

function describePatch({ group, version, kind }: Resource): object {
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map(name => ({
    name,
    in: 'query',
    schema: { type: 'string', uniqueItems: true },
  }))
  return {
    operationId: `patch${kind}`,
    parameters,
    responses: { '200': { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group, kind, version },
  }
}
