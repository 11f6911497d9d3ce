// Servers that a file in the format of resolv.conf names; the file is read again and again.

import fs, { readFileSync } from 'node:fs'
import { familyOf } from '../../wire/address.ts'
import type { Endpoint } from '../../upstream/endpoint.ts'
import { DNS_PORT } from './target.ts'

/** The file is read so often: it is small, and what has changed since the start shows, too. */
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
  #complaint = ''
  #isReading = false
  #timer: NodeJS.Timeout | undefined

  /** Reads the file. Throws when it cannot. */
  constructor(path: string) {
    this.path = path
    this.endpoints = readEndpoints(readFileSync(path, 'utf8'))
  }

  /**
   * Reads the file again from now on, and calls `onChange` when `endpoints` are others. What was known stays when the file goes, cannot be read or
   * names nobody; `onTrouble` is told why, once.
   */
  watch(onChange: () => void, onTrouble: (what: string) => void, intervalMs = INTERVAL_MS): void {
    this.#timer = setInterval(() => void this.#reread(onChange, onTrouble), intervalMs).unref()
  }

  async #reread(onChange: () => void, onTrouble: (what: string) => void): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    const { endpoints, complaint } = await this.#read()
    this.#isReading = false
    if (!this.#timer) return
    if (complaint !== '' && complaint !== this.#complaint) {
      onTrouble(`${this.path} ${complaint}; the servers that it named are still asked`)
    }
    this.#complaint = complaint
    if (endpoints.length === 0 || JSON.stringify(endpoints) === JSON.stringify(this.endpoints)) return
    this.endpoints = endpoints
    onChange()
  }

  async #read(): Promise<{ endpoints: Endpoint[]; complaint: string }> {
    try {
      const endpoints = readEndpoints(await fs.promises.readFile(this.path, 'utf8'))
      const hasNamed = this.endpoints.length > 0
      return { endpoints, complaint: endpoints.length === 0 && hasNamed ? 'names no server any more' : '' }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return { endpoints: [], complaint: code === 'ENOENT' ? 'is gone' : `cannot be read: ${message}` }
    }
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

const readEndpoints = (text: string): Endpoint[] =>
  parseResolvConf(text).map(address => ({ address, port: DNS_PORT, scheme: 'dns' }))
