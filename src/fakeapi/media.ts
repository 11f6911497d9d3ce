// Request bodies and answers as text.

import { parse as parseYaml } from 'yaml'
import { badRequest } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'
import { ApiError } from './object.ts'

export interface Answer {
  code: number
  contentType: string
  body: string
}

/** What came with a request; `text` is empty when nothing did. */
export interface Body {
  text: string
  contentType: string | undefined
}

/** The media type without its parameters; empty when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** Throws ApiError 400 for what is no JSON, 415 for another media type. */
export function parseBody(text: string, contentType: string | undefined): unknown {
  const type = mediaTypeOf(contentType)
  if (type === '' || type === 'application/json' || type.endsWith('+json')) return parseJson(text)
  if (type.endsWith('yaml')) return parseYamlBody(text)
  throw unsupportedMediaType(['application/json', 'application/yaml'])
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const list = accepted.join(', ')
  const message = `the body of the request was in an unknown format - accepted media types include: ${list}`
  return new ApiError(415, 'UnsupportedMediaType', message)
}

/** The body as an object. Throws as `parseBody` does, and ApiError 400 for any other value. */
export function parseObjectBody(text: string, contentType: string | undefined): JsonObject {
  const value = parseBody(text, contentType)
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
