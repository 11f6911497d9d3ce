// What is served: the documents under /api and /apis, in the old form and in the aggregated one (KEP-3352), and /version.

import type { Resource } from './object.ts'
import { apiVersionOf, categoriesOf, resources } from './resources.ts'

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const subresourceVerbs = ['get', 'patch', 'update']

export interface DiscoveryAnswer {
  contentType: string
  body: object
}

/** undefined when the path is not one of discovery. */
export function discover(
  pathname: string,
  accept: string | undefined,
  gitVersion: string,
): DiscoveryAnswer | undefined {
  const segments = pathname.split('/').filter(segment => segment !== '')
  const aggregated = aggregatedVersion(accept)
  if (aggregated !== undefined && segments.length === 1 && (segments[0] === 'api' || segments[0] === 'apis')) {
    const core = segments[0] === 'api'
    return {
      contentType: `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`,
      body: aggregate(
        resources.filter(resource => (resource.group === '') === core),
        aggregated,
      ),
    }
  }
  const body = describePath(segments, gitVersion)
  return body === undefined ? undefined : { contentType: 'application/json', body }
}

function aggregatedVersion(accept = ''): string | undefined {
  if (!accept.includes('as=APIGroupDiscoveryList')) return undefined
  return ['v2', 'v2beta1'].find(version => accept.split(/[;,]/).includes(`v=${version}`))
}

function describePath(segments: readonly string[], gitVersion: string): object | undefined {
  const [root, group, version] = segments
  const depth = segments.length
  if (root === 'version' && depth === 1) return describeVersion(gitVersion)
  if (root === 'api' && depth === 1) return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  if (root === 'api' && depth === 2) return describeResources('', group ?? '')
  if (root !== 'apis') return undefined
  if (depth === 1) {
    const groups = groupNames().filter(name => name !== '')
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(describeGroup) }
  }
  if (group === undefined || group === '' || !groupNames().includes(group)) return undefined
  if (depth === 2) return { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(group) }
  return depth === 3 ? describeResources(group, version ?? '') : undefined
}

function describeVersion(gitVersion: string): object {
  const [major = '1', minor = '0'] = gitVersion.replace(/^v/, '').split('.')
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `${process.platform}/${process.arch}`,
  }
}

function groupNames(): string[] {
  return [...new Set(resources.map(resource => resource.group))]
}

function describeGroup(name: string): object {
  const versions = [...new Set(resources.filter(resource => resource.group === name).map(resource => resource.version))]
  const entries = versions.map(version => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: entries, preferredVersion: entries[0] }
}

function describeResources(group: string, version: string): object | undefined {
  const rows = resources.filter(resource => resource.group === group && resource.version === version)
  const [first] = rows
  if (first === undefined) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(first),
    resources: rows.flatMap(describeResource),
  }
}

function describeResource(resource: Resource): object[] {
  const { plural, singular, namespaced, kind, shortNames } = resource
  const whole = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categoriesOf(resource).length > 0 ? { categories: categoriesOf(resource) } : {}),
  }
  const parts = resource.subresources.map(subresource => ({
    name: `${plural}/${subresource}`,
    singularName: '',
    namespaced,
    ...(subresource === 'scale' ? { group: 'autoscaling', version: 'v1', kind: 'Scale' } : { kind }),
    verbs: subresourceVerbs,
  }))
  return [whole, ...parts]
}

function aggregate(rows: readonly Resource[], version: string): object {
  const groups = [...new Set(rows.map(resource => resource.group))]
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(group => {
      const own = rows.filter(resource => resource.group === group)
      const versions = [...new Set(own.map(resource => resource.version))]
      return {
        metadata: { name: group, creationTimestamp: null },
        versions: versions.map(version => ({
          version,
          freshness: 'Current',
          resources: own.filter(resource => resource.version === version).map(aggregateResource),
        })),
      }
    }),
  }
}

function aggregateResource(resource: Resource): object {
  const { group, version, kind, plural, singular, namespaced, shortNames, subresources } = resource
  const responseKind = { group, version, kind }
  return {
    resource: plural,
    responseKind,
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    shortNames,
    categories: categoriesOf(resource),
    subresources: subresources.map(subresource => ({
      subresource,
      responseKind: subresource === 'scale' ? { group: 'autoscaling', version: 'v1', kind: 'Scale' } : responseKind,
      verbs: subresourceVerbs,
    })),
  }
}
