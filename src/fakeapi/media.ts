// Request bodies and answers as text.

import { parse as parseYaml } from 'yaml'
import { badRequest } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'
import { ApiError } from './object.ts'
import { parseProtobuf } from './protobuf.ts'

export interface Answer {
  code: number
  contentType: string
  body: string
}

/** What came with a request; no octets when nothing did. */
export interface Body {
  octets: Buffer
  contentType: string | undefined
}

/** The media type without its parameters; empty when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** Throws ApiError 400 for what cannot be read, 415 for another media type. */
export function parseBody({ octets, contentType }: Body): unknown {
  const type = mediaTypeOf(contentType)
  if (type === '' || type === 'application/json' || type.endsWith('+json')) return parseJson(octets.toString())
  if (type.endsWith('yaml')) return parseYamlBody(octets.toString())
  if (type === 'application/vnd.kubernetes.protobuf') return parseProtobuf(octets)
  throw unsupportedMediaType(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'])
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const list = accepted.join(', ')
  const message = `the body of the request was in an unknown format - accepted media types include: ${list}`
  return new ApiError(415, 'UnsupportedMediaType', message)
}

/** The body as an object. Throws as `parseBody` does, and ApiError 400 for any other value. */
export function parseObjectBody(body: Body): JsonObject {
  const value = parseBody(body)
  if (!isObject(value)) throw badRequest('the body of the request is no object')
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : ''}`)
  }
}

function parseYamlBody(text: string): unknown {
  try {
    return parseYaml(text, { logLevel: 'silent' })
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${error instanceof Error ? error.message : ''}`)
  }
}
