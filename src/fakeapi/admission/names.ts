// What the strings of the API may look like. Each function returns what is wrong, in the words of
// k8s.io/apimachinery/pkg/util/validation; an empty list for a good value.

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'

const LABEL_PATTERN = new RegExp(`^${LABEL}$`)
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`)
const NAME_PATTERN = new RegExp(`^${NAME}$`)

const LABEL_WORDS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
const SUBDOMAIN_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
const NAME_WORDS =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

/** RFC 1123 label: names of Namespaces and, since Kubernetes 1.36 (KEP-5311), of Services. */
export function checkLabel(value: string): string[] {
  const problems = value.length > 63 ? [tooLong(63)] : []
  if (!LABEL_PATTERN.test(value)) {
    const dotted = SUBDOMAIN_PATTERN.test(value)
    problems.push(dotted ? 'must not contain dots' : unlike(LABEL_WORDS, LABEL, ['my-name', '123-abc']))
  }
  return problems
}

/** RFC 1123 subdomain: names of most objects, and host names. */
export function checkSubdomain(value: string): string[] {
  const problems = value.length > 253 ? [tooLong(253)] : []
  if (!SUBDOMAIN_PATTERN.test(value)) problems.push(unlike(SUBDOMAIN_WORDS, SUBDOMAIN, ['example.com']))
  return problems
}

/** A label key: `name` or `prefix/name`. */
export function checkQualifiedName(value: string): string[] {
  const parts = value.split('/')
  const examples = ['MyName', 'my.name', '123-abc']
  if (parts.length > 2) {
    const words = unlike(NAME_WORDS, NAME, examples)
    return [`a valid label key ${words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  const name = parts.at(-1) ?? ''
  const problems: string[] = []
  if (parts.length === 2) {
    const prefix = parts[0] ?? ''
    const wrong = prefix === '' ? ['must be non-empty'] : checkSubdomain(prefix)
    problems.push(...wrong.map(problem => `prefix part ${problem}`))
  }
  if (name === '') problems.push('name part must be non-empty')
  else if (name.length > 63) problems.push(`name part ${tooLong(63, 'bytes')}`)
  if (!NAME_PATTERN.test(name)) problems.push(`name part ${unlike(NAME_WORDS, NAME, examples)}`)
  return problems
}

export function checkLabelValue(value: string): string[] {
  const problems = value.length > 63 ? [tooLong(63, 'bytes')] : []
  if (value !== '' && !NAME_PATTERN.test(value)) {
    problems.push(unlike(VALUE_WORDS, `(${NAME})?`, ['MyValue', 'my_value', '12345']))
  }
  return problems
}

/** The name of a container port, and so of a targetPort (RFC 6335, in lower case). */
export function checkPortName(value: string): string[] {
  const problems = value.length > 15 ? [tooLong(15)] : []
  if (!/^[-a-z0-9]+$/.test(value)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  }
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)')
  if (value.includes('--')) problems.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen')
  return problems
}

export function checkPortNumber(value: number): string[] {
  return value >= 1 && value <= 65535 ? [] : ['must be between 1 and 65535, inclusive']
}

/** An address of an EndpointSlice whose addressType is FQDN. */
export function checkDomainName(value: string): string[] {
  const name = value.endsWith('.') ? value.slice(0, -1) : value
  const problems = checkSubdomain(name)
  if (problems.length > 0) return problems
  if (!name.includes('.')) return ['should be a domain with at least two segments separated by dots']
  return name.split('.').flatMap(label => checkLabel(label))
}

// The API counts labels in bytes and everything else, in its words, in characters.
function tooLong(most: number, unit: 'bytes' | 'characters' = 'characters'): string {
  return `must be no more than ${most} ${unit}`
}

function unlike(words: string, pattern: string, examples: readonly string[]): string {
  const shown = examples.map(example => `'${example}', `).join(' or ')
  return `${words} (e.g. ${shown}regex used for validation is '${pattern}')`
}
