import { ApiError } from '../object.ts'
import type { ApiObject, Cause, Resource } from '../object.ts'

// The words are those of k8s.io/apimachinery/pkg/util/validation/field: people search for them.

const TITLES = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueTooMany: 'Too many',
} as const satisfies Partial<Record<Cause['reason'], string>>

/** Collects what is wrong with one object, so that a person sees all of it at once. */
export class Causes {
  readonly list: Cause[] = []

  required(field: string, detail = ''): void {
    this.#add('FieldValueRequired', field, '', detail)
  }

  invalid(field: string, value: unknown, details: string | readonly string[]): void {
    for (const detail of typeof details === 'string' ? [details] : details) {
      this.#add('FieldValueInvalid', field, `: ${show(value)}`, detail)
    }
  }

  duplicate(field: string, value: unknown): void {
    this.#add('FieldValueDuplicate', field, `: ${show(value)}`, '')
  }

  forbidden(field: string, detail: string): void {
    this.#add('FieldValueForbidden', field, '', detail)
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const quoted = supported.map(item => JSON.stringify(item)).join(', ')
    this.#add('FieldValueNotSupported', field, `: ${show(value)}`, `supported values: ${quoted}`)
  }

  tooMany(field: string, count: number, most: number): void {
    this.#add('FieldValueTooMany', field, `: ${count}`, `must have at most ${most} items`)
  }

  /** Throws the 422 that names all causes, if there are any. */
  throwFor(resource: Resource, object: ApiObject): void {
    if (this.list.length > 0) throw invalidObject(resource, object, this.list)
  }

  #add(reason: keyof typeof TITLES, field: string, value: string, detail: string): void {
    const message = `${TITLES[reason]}${value}${detail === '' ? '' : `: ${detail}`}`
    // One wrong value can be met by two rules that say the same.
    if (this.list.some(cause => cause.field === field && cause.message === message)) return
    this.list.push({ field, reason, message })
  }
}

function invalidObject(resource: Resource, object: ApiObject, causes: readonly Cause[]): ApiError {
  const kind = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`
  const lines = causes.map(({ field, message }) => `${field}: ${message}`)
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  return new ApiError(
    422,
    'Invalid',
    `${kind} ${JSON.stringify(object.metadata.name ?? '')} is invalid: ${text}`,
    causes,
  )
}

function show(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}
