// The verbs of the API over the store: everything but watch.

import { Appliers } from './apply.ts'
import { asNew, decodeObject, decodeScale, withoutSystemFields } from './decode.ts'
import { badRequest, invalid, notFound, type Status } from './errors.ts'
import { cloneJson, type JsonObject } from './json.ts'
import { applyJsonPatch, applyMergePatch } from './jsonpatch.ts'
import { type Answer, type Body, mediaTypeOf, parseBody, parseObjectBody, unsupportedMediaType } from './media.ts'
import type { ApiObject, Resource } from './object.ts'
import { listPage } from './page.ts'
import type { ResourceRequest } from './request.ts'
import { isCustomResource } from './resources.ts'
import { scaleOf, withScale } from './scale.ts'
import type { Store } from './store.ts'
import { applyStrategicPatch } from './strategic.ts'
import { chooseView } from './view.ts'
import { deleteOptionsOf, writeOptionsOf } from './writeoptions.ts'

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

export class Rest {
  readonly #store: Store
  readonly #appliers = new Appliers()

  constructor(store: Store) {
    this.#store = store
    store.subscribe(({ type, object }) => {
      if (type === 'DELETED') this.#appliers.forget(object.metadata.uid ?? '')
    })
  }

  /** Throws ApiError for all that cannot be done. */
  answer(request: ResourceRequest, accept: string | undefined, body: Body): Answer {
    const { resource, namespace, query, subresource } = request
    const name = request.name ?? ''
    const view = chooseView(resource, accept, query)
    const write = (object: ApiObject, code = 200): Answer => {
      // A Scale is no row of the table of its workload.
      const text = subresource === 'scale' ? JSON.stringify(object) : view.writeObject(object)
      return { code, contentType: subresource === 'scale' ? 'application/json' : view.contentType, body: text }
    }
    switch (request.verb) {
      case 'get': {
        const object = this.#get(resource, namespace, name)
        return write(subresource === 'scale' ? scaleOf(object) : object)
      }
      case 'list': {
        const { objects, metadata } = listPage(this.#store, request)
        return { code: 200, contentType: view.contentType, body: view.writeList(objects, metadata) }
      }
      case 'create':
        return write(this.#create(request, body), 201)
      case 'update':
        return write(this.#update(request, parseObjectBody(body)))
      case 'patch': {
        const { object, created } = this.#patch(request, body)
        return write(object, created ? 201 : 200)
      }
      case 'delete':
        return this.#delete(request, body)
      case 'deletecollection': {
        const options = deleteOptionsOf(request, body)
        const { objects, metadata } = listPage(this.#store, request)
        for (const { metadata } of objects) {
          // A cascade of an object before it may have taken it.
          if (this.#store.get(resource, metadata.namespace, metadata.name) === undefined) continue
          this.#store.delete(resource, metadata.namespace, metadata.name, options)
        }
        return { code: 200, contentType: view.contentType, body: view.writeList(objects, metadata) }
      }
    }
    throw new Error(`${request.verb} has no single answer`)
  }

  #get(resource: Resource, namespace: string | undefined, name: string): ApiObject {
    const object = this.#store.get(resource, namespace, name)
    if (object === undefined) throw notFound(resource, name)
    return object
  }

  #create(request: ResourceRequest, body: Body): ApiObject {
    const { resource, query } = request
    const object = decodeObject(request, parseObjectBody(body))
    request.name = object.metadata.name
    if (object.metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
    return this.#store.create(resource, asNew(resource, object), writeOptionsOf(query))
  }

  #update(request: ResourceRequest, wanted: JsonObject): ApiObject {
    const { resource, namespace, subresource, query } = request
    const name = request.name ?? ''
    const options = writeOptionsOf(query)
    if (subresource === 'scale') {
      const scale = decodeScale(request, wanted)
      return scaleOf(this.#store.update(resource, withScale(this.#get(resource, namespace, name), scale), options))
    }
    const object = decodeObject(request, wanted)
    if (subresource === 'status') return this.#store.updateStatus(resource, object, options)
    return this.#store.update(resource, object, options)
  }

  #patch(request: ResourceRequest, body: Body): { object: ApiObject; created: boolean } {
    const { resource, namespace, subresource } = request
    const name = request.name ?? ''
    const type = mediaTypeOf(body.contentType)
    if (type === patchTypes.apply) return this.#apply(request, parseObjectBody(body))
    const patch = patchOf(resource, type, body)
    const object = this.#get(resource, namespace, name)
    const patched = patch(subresource === 'scale' ? scaleOf(object) : object)
    return { object: this.#update(request, patched), created: false }
  }

  #apply(request: ResourceRequest, wanted: JsonObject): { object: ApiObject; created: boolean } {
    const { resource, namespace, query, subresource } = request
    const name = request.name ?? ''
    const manager = query.get('fieldManager') ?? ''
    if (manager === '') {
      const message = 'Required value: is required for apply patch'
      throw invalid('PatchOptions.meta.k8s.io ""', [{ field: 'fieldManager', reason: 'FieldValueRequired', message }])
    }
    const current = this.#store.get(resource, namespace, name)
    if (subresource === 'scale') {
      const scale = scaleOf(this.#get(resource, namespace, name))
      return { object: this.#update(request, applyMergePatch(scale, wanted)), created: false }
    }
    // decodeObject fills in what names the object; what was applied is what the client wrote.
    const config = withoutSystemFields(wanted)
    const options = writeOptionsOf(query)
    if (current === undefined) {
      if (subresource !== undefined) throw notFound(resource, name)
      const object = this.#store.create(resource, asNew(resource, decodeObject(request, cloneJson(wanted))), options)
      if (options.dryRun !== true) this.#appliers.remember(object, manager, config)
      return { object, created: true }
    }
    decodeObject(request, cloneJson(wanted))
    // The status has a field set of its own, whatever the manager is called.
    const owner = subresource === undefined ? manager : `${manager}/${subresource}`
    const merged = this.#appliers.merge(current, owner, config)
    const object = this.#update(request, merged)
    if (options.dryRun !== true) this.#appliers.remember(object, owner, config)
    return { object, created: false }
  }

  #delete(request: ResourceRequest, body: Body): Answer {
    const { resource, namespace } = request
    const name = request.name ?? ''
    const options = deleteOptionsOf(request, body)
    const object = this.#store.delete(resource, namespace, name, options)
    const stays = this.#store.get(resource, namespace, name) !== undefined && options.dryRun !== true
    const whole = stays || resource.kind === 'Pod' || resource.kind === 'Service'
    const answer = whole ? object : successOf(resource, object)
    return { code: 200, contentType: 'application/json', body: JSON.stringify(answer) }
  }
}

function successOf(resource: Resource, { metadata }: ApiObject): Status {
  const group = resource.group === '' ? {} : { group: resource.group }
  const details = { name: metadata.name, ...group, kind: resource.plural, uid: metadata.uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}

function patchOf(resource: Resource, type: string, body: Body): (target: ApiObject) => JsonObject {
  if (type === patchTypes.json) {
    const patch = parseBody(body)
    return target => applyJsonPatch(target, patch)
  }
  if (type === patchTypes.merge) {
    const patch = parseObjectBody(body)
    return target => applyMergePatch(target, patch)
  }
  if (type === patchTypes.strategic && !isCustomResource(resource)) {
    const patch = parseObjectBody(body)
    return target => applyStrategicPatch(target, patch)
  }
  const { strategic, ...others } = patchTypes
  throw unsupportedMediaType(Object.values(isCustomResource(resource) ? others : { ...others, strategic }))
}
