// Label and field selectors (apimachinery/pkg/labels, apimachinery/pkg/fields) as predicates over objects.

import { badRequest } from './errors.ts'
import { isObject } from './json.ts'
import type { ApiObject } from './object.ts'

export type Predicate = (object: ApiObject) => boolean

const setTerm = /^\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)\s*$/
const comparison = /^\s*([^\s!=<>,()]+)\s*(==|=|!=|>|<)\s*([^\s=<>!,()]*)\s*$/
const existence = /^\s*(!?)\s*([^\s!=<>,()]+)\s*$/

/** `a=b,c!=d,e in (x,y),f notin (z),g,!h`. Throws ApiError 400. */
export function parseLabelSelector(text: string): Predicate {
  const tests = splitTerms(text).map(term => parseLabelTerm(term, text))
  return object => {
    const labels = object.metadata.labels ?? {}
    return tests.every(test => test(labels))
  }
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean

// Commas inside parentheses separate values, not terms.
function splitTerms(text: string): string[] {
  if (text.trim() === '') return []
  return text.split(/,(?![^(]*\))/)
}

function parseLabelTerm(term: string, selector: string): LabelTest {
  const set = setTerm.exec(term)
  if (set !== null) {
    const [, key = '', operator, list = ''] = set
    const values = new Set(list.split(',').map(value => value.trim()))
    // A label that is absent is in no set, so `notin` holds for it.
    return operator === 'in' ? labels => values.has(labels[key] ?? '\0') : labels => !values.has(labels[key] ?? '\0')
  }
  const compared = comparison.exec(term)
  if (compared !== null) {
    const [, key = '', operator, value = ''] = compared
    if (operator === '!=') return labels => labels[key] !== value
    if (operator === '>') return labels => Number(labels[key]) > Number(value)
    if (operator === '<') return labels => Number(labels[key]) < Number(value)
    return labels => labels[key] === value
  }
  const exists = existence.exec(term)
  if (exists !== null) {
    const [, negated, key = ''] = exists
    return negated === '!' ? labels => labels[key] === undefined : labels => labels[key] !== undefined
  }
  throw badRequest(
    `unable to parse requirement: found '${term.trim()}' in the label selector '${selector}', expected ` +
      `key=value, key!=value, key in (a,b), key notin (a,b), key or !key`,
  )
}

/** `metadata.name=web,status.phase!=Running`: any path of members that ends in a scalar. Throws ApiError 400. */
export function parseFieldSelector(text: string): Predicate {
  if (text.trim() === '') return () => true
  // A comma, an equals sign and a backslash in a value are escaped by a backslash.
  const tests = text.split(/(?<!\\),/).map(term => {
    const match = /^\s*([\w.[\]/-]+?)\s*(==|!=|=)(.*)$/s.exec(term)
    if (match === null) {
      throw badRequest(
        `invalid selector: '${text}'; can't understand '${term.trim()}', expected path=value or path!=value`,
      )
    }
    const [, path = '', operator, raw = ''] = match
    const value = raw.replaceAll(/\\([\\,=])/g, '$1').trim()
    const members = path.split('.')
    const equal = operator !== '!='
    return (object: ApiObject) => (readScalar(object, members) === value) === equal
  })
  return object => tests.every(test => test(object))
}

// What is absent compares as the empty string, as in the real API.
function readScalar(object: ApiObject, path: readonly string[]): string {
  let here: unknown = object
  for (const member of path) here = isObject(here) ? here[member] : undefined
  return typeof here === 'string' || typeof here === 'number' || typeof here === 'boolean' ? String(here) : ''
}

/** Both selectors of a request together. */
export function parseSelectors(query: URLSearchParams): Predicate | undefined {
  const labelSelector = query.get('labelSelector') ?? ''
  const fieldSelector = query.get('fieldSelector') ?? ''
  if (labelSelector === '' && fieldSelector === '') return undefined
  const labels = parseLabelSelector(labelSelector)
  const fields = parseFieldSelector(fieldSelector)
  return object => labels(object) && fields(object)
}
