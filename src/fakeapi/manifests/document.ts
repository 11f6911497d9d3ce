import { readFileSync } from 'node:fs'
import { LineCounter, parseAllDocuments } from 'yaml'
import type { Document } from 'yaml'
import { isObject } from '../json.ts'
import type { JsonObject } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { locateField } from './position.ts'
import type { Place, Position } from './position.ts'

/** One object of a file, and where in the file it lies. */
export interface Manifest {
  object: ApiObject
  file: string
  /** Of the document, or of the item of a List. */
  line: number
  column: number
  /** Where a field is (`spec.ports[0].port`); for one that is missing, where the nearest part around it is. */
  readonly locate: (field: string) => Position
}

/** Something in a manifest that a person has to correct. The message is one line: `file:line:column: what is wrong`. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
  readonly code = 'ERR_MANIFEST'
  readonly file: string
  readonly line: number
  readonly column: number

  constructor(file: string, { line, column }: Position, problem: string) {
    super(`${file}:${line}:${column}: ${problem.replaceAll(/\s*\n\s*/g, ' ')}`)
    this.file = file
    this.line = line
    this.column = column
  }
}

const START: Position = { line: 1, column: 1 }

/** `Service shop/web`, as it stands in messages. */
export function describeObject({ kind, metadata }: ApiObject): string {
  return `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name || '(no name)'}`
}

/** The objects of one file; documents without content are passed over, Lists are unpacked. Throws ManifestError. */
export function readManifests(file: string): Manifest[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ManifestError(file, START, `cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const lines = new LineCounter()
  // kubectl reads YAML 1.1, in which `yes` is true; but neither times nor numbers of base 60 (`10:30`).
  const documents = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    customTags: tags =>
      tags.filter(tag => typeof tag === 'string' || !(tag.tag.endsWith(':timestamp') || tag.format === 'TIME')),
  })
  if (!Array.isArray(documents)) return []
  return documents.flatMap(document => unpack(document, file, lines))
}

function unpack(document: Document.Parsed, file: string, lines: LineCounter): Manifest[] {
  const [problem] = document.errors
  if (problem) throw new ManifestError(file, positionAt(lines, problem.pos[0]), `this is not YAML: ${problem.message}`)
  const value: unknown = readValue(document, file, lines)
  if (value === null || value === undefined) return []
  const place = { document, lines, path: [] }
  const items = isObject(value) && String(value['kind']).endsWith('List') ? value['items'] : undefined
  if (!isObject(value) || !Array.isArray(items)) return [makeManifest(value, file, place)]
  const kind = String(value['kind']).slice(0, -'List'.length)
  return items.map((item: unknown, i) => {
    // The API leaves kind and apiVersion out of the items of a ServiceList, which say them once.
    const whole = isObject(item) && kind !== '' ? { apiVersion: value['apiVersion'], kind, ...item } : item
    return makeManifest(whole, file, { ...place, path: ['items', i] })
  })
}

function readValue(document: Document.Parsed, file: string, lines: LineCounter): unknown {
  try {
    return document.toJS()
  } catch (error) {
    // An alias without its anchor, or too many of them.
    const at = positionAt(lines, document.range[0])
    throw new ManifestError(file, at, `this is not YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function makeManifest(value: unknown, file: string, place: Place): Manifest {
  const start = locateField(place, '')
  if (!isObject(value))
    throw new ManifestError(file, start, 'not an object of Kubernetes: it has no apiVersion and kind')
  for (const field of ['apiVersion', 'kind']) {
    if (typeof value[field] === 'string' && value[field] !== '') continue
    const hint = `every manifest says its apiVersion and kind, such as "v1" and "Service"`
    throw new ManifestError(file, locateField(place, field), `${nameOf(value)}${field}: Required value: ${hint}`)
  }
  if (!isObject(value['metadata'] ?? {})) {
    throw new ManifestError(
      file,
      locateField(place, 'metadata'),
      `${String(value['kind'])}: metadata: is not an object`,
    )
  }
  const object = { ...value, metadata: { name: '', ...(value['metadata'] as JsonObject | undefined) } }
  return { object: object as unknown as ApiObject, file, ...start, locate: field => locateField(place, field) }
}

function nameOf(value: JsonObject): string {
  const name = isObject(value['metadata']) ? value['metadata']['name'] : undefined
  return typeof name === 'string' ? `${name}: ` : ''
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}
