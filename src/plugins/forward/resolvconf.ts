// Servers that a file in the format of resolv.conf names; the file is watched.

import fs, { type Stats, readFileSync, unwatchFile, watchFile } from 'node:fs'
import { familyOf } from '../../wire/address.ts'
import type { Endpoint } from '../../upstream/endpoint.ts'
import { DNS_PORT } from './target.ts'

/** The file is looked at so often. */
const INTERVAL_MS = 5_000

/** The addresses of the `nameserver` lines; everything else is left alone (resolv.conf(5)). */
export function parseResolvConf(text: string): string[] {
  return text.split('\n').flatMap(line => {
    const [keyword, address = ''] = line.trim().split(/\s+/)
    return keyword === 'nameserver' && familyOf(address) !== 0 ? [address] : []
  })
}

export class ResolvConf {
  readonly path: string
  endpoints: readonly Endpoint[]
  #onStat: ((now: Stats) => void) | undefined

  /** Reads the file. Throws when it cannot. */
  constructor(path: string) {
    this.path = path
    this.endpoints = readEndpoints(readFileSync(path, 'utf8'))
  }

  /**
   * Looks at the file from now on, and calls `onChange` when `endpoints` are others. What was known stays when the file goes, cannot be read or
   * names nobody; `onTrouble` is told why.
   */
  watch(onChange: () => void, onTrouble: (what: string) => void, intervalMs = INTERVAL_MS): void {
    this.#onStat = now => {
      if (now.nlink === 0) onTrouble(`${this.path} is gone; the servers that it named are still asked`)
      else void this.#reread(onChange, onTrouble)
    }
    watchFile(this.path, { interval: intervalMs, persistent: false }, this.#onStat)
  }

  async #reread(onChange: () => void, onTrouble: (what: string) => void): Promise<void> {
    try {
      const endpoints = readEndpoints(await fs.promises.readFile(this.path, 'utf8'))
      if (!this.#onStat) return
      if (endpoints.length === 0)
        onTrouble(`${this.path} names no server any more; those that it named are still asked`)
      else if (JSON.stringify(endpoints) !== JSON.stringify(this.endpoints)) {
        this.endpoints = endpoints
        onChange()
      }
    } catch (error) {
      onTrouble(`${this.path} cannot be read; the servers that it named are still asked: ${(error as Error).message}`)
    }
  }

  stop(): void {
    if (this.#onStat) unwatchFile(this.path, this.#onStat)
    this.#onStat = undefined
  }
}

const readEndpoints = (text: string): Endpoint[] =>
  parseResolvConf(text).map(address => ({ address, port: DNS_PORT, scheme: 'dns' }))
