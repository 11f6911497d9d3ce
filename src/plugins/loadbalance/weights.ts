// The weight file of `weighted`: names, and below each the addresses with their weights. CoreDNS plugin/loadbalance/weighted.go.

import fs from 'node:fs'
import type { Logger } from 'pino'
import { TransientError } from '../../server/plugin.ts'
import { parseAddress } from '../../wire/address.ts'
import { type WireName, hashName, lowerName, parseName } from '../../wire/name.ts'

const MAX_WEIGHT = 255

interface Weight {
  readonly address: Uint8Array
  readonly value: number
}

/** The addresses of one name. */
export interface Weighted {
  readonly name: WireName
  readonly weights: Weight[]
}

/** By the hash of the name in lower case. */
type WeightTable = ReadonlyMap<number, readonly Weighted[]>

export class WeightFile {
  readonly #path: string
  readonly #log: Logger
  #table: WeightTable = new Map()
  #text: string | undefined
  #complaint = ''
  #timer: NodeJS.Timeout | undefined

  constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
  }

  /**
   * Reads the file, and again each `reloadMs`; never again, if that is 0. Rejects for a file that is wrong, and without `reloadMs` also for
   * one that cannot be read.
   */
  async start(reloadMs: number): Promise<void> {
    try {
      await this.#read()
    } catch (error) {
      if (!isUnreadable(error) || reloadMs === 0) throw explain(error, this.#path)
      this.#complain(error)
    }
    if (reloadMs > 0) this.#timer = setInterval(() => void this.refresh(), reloadMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Reads the file, unless it is as it was. What is known stays when it is wrong, and that is logged once. Never rejects. */
  async refresh(): Promise<void> {
    try {
      await this.#read()
    } catch (error) {
      this.#complain(error)
    }
  }

  async #read(): Promise<void> {
    const text = await fs.promises.readFile(this.#path, 'utf8')
    if (text === this.#text) return
    // A mistake is told once, not each time that the file is looked at.
    this.#text = text
    this.#table = parseWeights(text, this.#path)
    this.#complaint = ''
    this.#log.info(`plugin/loadbalance: Successfully reloaded weight file ${this.#path}`)
  }

  #complain(error: unknown): void {
    const { message } = explain(error, this.#path)
    if (message === this.#complaint) return
    this.#complaint = message
    this.#log.warn(`${message}; the weights stay as they are`)
  }

  /** Undefined for a name without weights. `name` is in lower case; `length` octets of it count, and `hash` is their hash. */
  find(name: Uint8Array, length: number, hash: number): Weighted | undefined {
    const candidates = this.#table.get(hash)
    if (!candidates) return undefined
    for (const candidate of candidates) {
      if (candidate.name.length === length && isEqual(candidate.name, name, 0)) return candidate
    }
    return undefined
  }
}

/** The weight of the address at `at`: 1 for one that the file does not name. */
export function findWeight({ weights }: Weighted, bytes: Uint8Array, at: number, length: number): number {
  for (const { address, value } of weights) if (address.length === length && isEqual(address, bytes, at)) return value
  return 1
}

function isEqual(octets: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < octets.length; i++) if (octets[i] !== bytes[at + i]) return false
  return true
}

const isUnreadable = (error: unknown): boolean => (error as NodeJS.ErrnoException).code !== undefined

function explain(error: unknown, path: string): Error {
  const { message } = error as Error
  if (!isUnreadable(error)) return new Error(`plugin/loadbalance: ${message}`, { cause: error })
  return new TransientError(`plugin/loadbalance: the weight file ${path} cannot be read: ${message}`, { cause: error })
}

/** Throws with `file:line: what is wrong`. */
export function parseWeights(text: string, path: string): WeightTable {
  const table = new Map<number, Weighted[]>()
  let current: Weighted | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fields = line.trim().split(/\s+/)
    if (fields[0] === '' || fields[0].startsWith('#')) continue
    const fail = (what: string): Error => new Error(`${path}:${index + 1}: ${what}`)
    const [first, second] = fields
    if (fields.length === 1) current = openName(table, first, fail)
    else if (fields.length > 2) throw fail(`'${line.trim()}' is neither a name nor an address with its weight`)
    else if (!current) throw fail('an address before the first name')
    else current.weights.push(readWeight(first, second, fail))
  }
  return table
}

function openName(table: Map<number, Weighted[]>, text: string, fail: (what: string) => Error): Weighted {
  if (parseAddress(text)) throw fail(`the address ${text} has no weight`)
  const parsed = parseName(text)
  if (!parsed) throw fail(`'${text}' is not a domain name`)
  const name = lowerName(parsed)
  const hash = hashName(name, 0, name.length)
  const known = table.get(hash) ?? []
  const found = known.find(weighted => weighted.name.length === name.length && isEqual(weighted.name, name, 0))
  if (found) return found
  const opened = { name, weights: [] }
  table.set(hash, [...known, opened])
  return opened
}

function readWeight(text: string, weight: string, fail: (what: string) => Error): Weight {
  const address = parseAddress(text)
  if (!address) throw fail(`'${text}' is not an IP address`)
  const value = /^\d{1,3}$/.test(weight) ? Number(weight) : 0
  if (value < 1 || value > MAX_WEIGHT) throw fail(`bad weight '${weight}'; expected 1 to ${MAX_WEIGHT}`)
  return { address, value }
}
