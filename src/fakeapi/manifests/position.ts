import { isAlias, isMap, isNode, isScalar, isSeq } from 'yaml'
import type { Document, LineCounter, Pair } from 'yaml'

/** Both count from 1. */
export interface Position {
  line: number
  column: number
}

/** An object inside a document: the document itself, or an item of a List in it. */
export interface Place {
  document: Document.Parsed
  lines: LineCounter
  path: readonly (string | number)[]
}

/** Finds a field as Kubernetes writes its path (`spec.ports[0].port`, `metadata.labels[app]`), or the nearest part around it. */
export function locateField({ document, lines, path }: Place, field: string): Position {
  let node: unknown = document.contents
  let offset = document.contents?.range[0] ?? 0
  for (const step of [...path, ...splitField(field)]) {
    if (isAlias(node)) node = node.resolve(document)
    if (isSeq(node)) {
      const item = node.items[Number(step)]
      if (!isNode(item)) break
      node = item
      offset = item.range?.[0] ?? offset
    } else if (isMap(node)) {
      const pair = findPair(node.items, String(step))
      if (!pair) break
      node = pair.value
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset
    } else break
  }
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

// A key may hold dots, but then it stands in brackets: `metadata.annotations[example.com/a]`.
function splitField(field: string): string[] {
  return [...field.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(match => match[1] ?? match[0])
}

function findPair(pairs: readonly Pair[], key: string): Pair | undefined {
  // The API spells some paths otherwise than its fields: `spec.LoadBalancerSourceRanges`.
  return (
    pairs.find(pair => isKey(pair, key)) ?? pairs.find(pair => isKey(pair, key.charAt(0).toLowerCase() + key.slice(1)))
  )
}

function isKey({ key }: Pair, wanted: string): boolean {
  return isScalar(key) && String(key.value) === wanted
}
