// The forms in which objects are answered: as they are, as a Table for people, as metadata only. Chosen by Accept.

import { ApiError, type ApiObject, type Resource } from './object.ts'
import { apiVersionOf, isCustomResource } from './resources.ts'
import { columnsOf, type IncludeObject, rowOf } from './table.ts'

export interface ListMeta {
  resourceVersion: string
  continue?: string | undefined
  remainingItemCount?: number | undefined
}

/** Writes objects of one resource as JSON text. */
export interface View {
  contentType: string
  /** As an answer by itself, and as the `object` of a watch event. */
  writeObject(object: ApiObject): string
  writeList(objects: readonly ApiObject[], metadata: ListMeta): string
}

// Written once for all watchers and lists; goes with the object.
const texts = new WeakMap<ApiObject, string>()

function textOf(object: ApiObject): string {
  let text = texts.get(object)
  if (text === undefined) {
    text = JSON.stringify(object)
    // What can still change has no text to keep.
    if (Object.isFrozen(object)) texts.set(object, text)
  }
  return text
}

class ObjectView implements View {
  readonly contentType = 'application/json'
  readonly #resource: Resource

  constructor(resource: Resource) {
    this.#resource = resource
  }

  writeObject(object: ApiObject): string {
    return textOf(object)
  }

  writeList(objects: readonly ApiObject[], metadata: ListMeta): string {
    const resource = this.#resource
    const head = `{"kind":"${resource.kind}List","apiVersion":"${apiVersionOf(resource)}"`
    // The API server leaves apiVersion and kind out of the items of its own kinds; the store writes them first.
    const prefix = `{"apiVersion":"${apiVersionOf(resource)}","kind":"${resource.kind}",`
    const cut = !isCustomResource(resource)
    const items = objects.map(object => {
      const text = textOf(object)
      return cut && text.startsWith(prefix) ? `{${text.slice(prefix.length)}` : text
    })
    return `${head},"metadata":${JSON.stringify(metadata)},"items":[${items.join(',')}]}`
  }
}

class MetadataView implements View {
  readonly contentType = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'

  writeObject({ metadata }: ApiObject): string {
    return JSON.stringify({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata })
  }

  writeList(objects: readonly ApiObject[], metadata: ListMeta): string {
    const items = objects.map(({ metadata }) => ({ metadata }))
    return JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items })
  }
}

class TableView implements View {
  readonly contentType = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  readonly #resource: Resource
  readonly #include: IncludeObject

  constructor(resource: Resource, include: IncludeObject) {
    this.#resource = resource
    this.#include = include
  }

  writeObject(object: ApiObject): string {
    // A bookmark has no name and is no row.
    const { resourceVersion = '', name } = object.metadata
    return this.#write(name ? [object] : [], { ...(name ? {} : object.metadata), resourceVersion })
  }

  writeList(objects: readonly ApiObject[], metadata: ListMeta): string {
    return this.#write(objects, metadata)
  }

  #write(objects: readonly ApiObject[], metadata: object): string {
    return JSON.stringify({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: columnsOf(this.#resource),
      rows: objects.map(object => rowOf(this.#resource, object, this.#include)),
    })
  }
}

/** Throws ApiError 406 when nothing in Accept can be answered, 400 for an unknown includeObject. */
export function chooseView(resource: Resource, accept: string | undefined, query: URLSearchParams): View {
  for (const range of (accept ?? '*/*').split(',')) {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim())
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*' && type !== '') continue
    const as = parameters.find(parameter => parameter.startsWith('as='))?.slice(3)
    if (as === undefined) return new ObjectView(resource)
    if (!parameters.includes('g=meta.k8s.io') || !parameters.includes('v=v1')) continue
    if (as === 'Table') return new TableView(resource, parseInclude(query.get('includeObject')))
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return new MetadataView()
  }
  const message = 'only the following media types are accepted: application/json'
  throw new ApiError(406, 'NotAcceptable', message)
}

function parseInclude(value: string | null): IncludeObject {
  if (value === null || value === '') return 'Metadata'
  if (value === 'Metadata' || value === 'Object' || value === 'None') return value
  throw new ApiError(400, 'BadRequest', `invalid includeObject "${value}": it is None, Metadata or Object`)
}
