// The errors that a Kubernetes API answers, with its own words (apimachinery/pkg/api/errors), and the Status they travel as.

import { ApiError, type Cause, type Resource } from './object.ts'
import { qualifiedName } from './resources.ts'

/** An error about one object, which need not be the one that the request names. */
class ObjectError extends ApiError {
  readonly subject: StatusSubject

  constructor(code: number, reason: string, resource: Resource, name: string, message: string) {
    super(code, reason, message)
    this.subject = { resource, name }
  }
}

export function notFound(resource: Resource, name: string): ApiError {
  return new ObjectError(404, 'NotFound', resource, name, `${qualifiedName(resource)} "${name}" not found`)
}

export function alreadyExists(resource: Resource, name: string): ApiError {
  return new ObjectError(409, 'AlreadyExists', resource, name, `${qualifiedName(resource)} "${name}" already exists`)
}

export function conflict(resource: Resource, name: string, detail?: string): ApiError {
  const why = detail ?? 'the object has been modified; please apply your changes to the latest version and try again'
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`
  return new ObjectError(409, 'Conflict', resource, name, message)
}

export function forbidden(resource: Resource, name: string, detail: string): ApiError {
  return new ObjectError(
    403,
    'Forbidden',
    resource,
    name,
    `${qualifiedName(resource)} "${name}" is forbidden: ${detail}`,
  )
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message)
}

/** `subject` is what is wrong, as `Service "web"` or `ListOptions.meta.k8s.io ""`. */
export function invalid(subject: string, causes: readonly Cause[]): ApiError {
  const list = causes.map(cause => `${cause.field}: ${cause.message}`)
  const text = list.length === 1 ? list[0] : `[${list.join(', ')}]`
  return new ApiError(422, 'Invalid', `${subject} is invalid: ${text}`, causes)
}

export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message)
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
}

export function unknownPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource')
}

/** A resourceVersion that this server has not reached yet; a client waits and asks again. */
export function tooLargeResourceVersion(asked: number, current: number): ApiError {
  return new ApiError(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, [], 1)
}

/** What was asked for, as it stands in `details` of a Status. */
export interface StatusSubject {
  resource?: Resource | undefined
  name?: string | undefined
}

export interface Status {
  kind: 'Status'
  apiVersion: 'v1'
  metadata: { continue?: string }
  status: 'Failure' | 'Success'
  message?: string
  reason?: string
  details?: Record<string, unknown>
  code?: number
}

// What is thrown and is not an ApiError is a defect of ours or of a test's hook: a 500 that tells its message.
function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ApiError(500, 'InternalError', `Internal error occurred: ${message}`)
}

export function statusOf(thrown: unknown, asked: StatusSubject = {}): Status & { code: number } {
  const error = asApiError(thrown)
  const subject = error instanceof ObjectError ? error.subject : asked
  const details: Record<string, unknown> = {}
  if (subject.name !== undefined) details['name'] = subject.name
  if (subject.resource !== undefined) {
    if (subject.resource.group !== '') details['group'] = subject.resource.group
    // NewInvalid names the kind, all others the resource.
    details['kind'] = error.reason === 'Invalid' ? subject.resource.kind : subject.resource.plural
  }
  if (error.causes.length > 0) {
    details['causes'] = error.causes.map(cause => ({
      reason: cause.reason,
      message: cause.message,
      field: cause.field,
    }))
  }
  if (error.reason === 'Timeout') {
    details['causes'] = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }]
  }
  if (error.retryAfterSeconds !== undefined) details['retryAfterSeconds'] = error.retryAfterSeconds
  const metadata = error instanceof ExpiredContinue ? { continue: error.freshContinue } : {}
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata,
    status: 'Failure',
    message: error.message,
    reason: error.reason,
    ...(Object.keys(details).length > 0 ? { details } : {}),
    code: error.code,
  }
}

/** A continue token whose state is gone; `freshContinue` goes on from the same key in the state of now. */
export class ExpiredContinue extends ApiError {
  readonly freshContinue: string

  constructor(freshContinue: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
        'without the continue parameter, or use the continue token in this response to retrieve the remainder of ' +
        'the results. Continuing with the provided token results in an inconsistent list - objects that were ' +
        'created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    )
    this.freshContinue = freshContinue
  }
}
