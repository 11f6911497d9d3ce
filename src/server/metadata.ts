// What plugins know of a query, for other plugins to read under labels such as `kubernetes/namespace`. CoreDNS gathers it for each query; here
// a value is made when somebody reads it, and what nobody reads costs nothing.

import type { Query } from '../wire/query.ts'
import type { Reply } from '../wire/reply.ts'
import type { Block } from './plugin.ts'

/** The value for one query; undefined where it has none. `reply` is there for who reads behind the answer. */
export type Metadata = (query: Query, reply?: Reply) => string | undefined

const NOTHING: Metadata = () => undefined

/** Two words or more with a slash between them. */
export function isLabel(text: string): boolean {
  const slash = text.indexOf('/')
  return slash > 0 && slash < text.length - 1
}

/** The labels that plugins of a block read. */
const readers = new WeakMap<Block, Map<string, Metadata>>()

/**
 * How to read a label in a server block; undefined for every query where the block has no `metadata`, or no plugin that knows the label. The
 * plugins are asked for it when all of them are set up.
 */
export function readMetadata(block: Block, label: string): Metadata {
  const known = readers.get(block) ?? new Map<string, Metadata>()
  readers.set(block, known)
  known.set(label, NOTHING)
  return (query, reply) => known.get(label)!(query, reply)
}

/** Asks the plugins of the block for what others read of them. All are set up. */
export function openMetadata(block: Block): void {
  const known = readers.get(block)
  for (const label of known?.keys() ?? []) known!.set(label, findMetadata(block, label))
}

/** As `readMetadata`, once all plugins of the block are set up. */
export function findMetadata({ instances }: Block, label: string): Metadata {
  const collects = instances.map(({ instance }) => instance.collects).find(known => known !== undefined)
  // The last that knows it, as in CoreDNS.
  const value = instances.map(({ instance }) => instance.metadata?.(label)).findLast(known => known !== undefined)
  if (!collects || !value) return NOTHING
  // Of what the client has asked, not of what rules have made of it.
  return (query, reply) => (collects(query.asked) ? value(query.asked, reply) : undefined)
}
