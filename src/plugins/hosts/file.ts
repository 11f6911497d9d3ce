// A hosts file, read again when it changes. Reading is off the query path: in pieces, between which queries are answered.

import fs from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type LineOptions, addLine } from './line.ts'
import { HostTable } from './table.ts'

/** Lines that are read at one go: about a millisecond. */
const LINES_AT_ONCE = 500

export class HostsFile {
  /** What the file said when it could last be read. */
  table = new HostTable()
  /** When the file that was read last had been changed; 0 before one was. */
  changedMs = 0
  readonly #path: string
  readonly #options: LineOptions
  readonly #log: Logger
  readonly #onRead: () => void
  #size = -1
  #complaint = ''
  #reading: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  /** `onRead` is called whenever there is a new table. */
  constructor(path: string, options: LineOptions, log: Logger, onRead: () => void) {
    this.#path = path
    this.#options = options
    this.#log = log
    this.#onRead = onRead
  }

  /** Reads the file, if there is one, and looks at it again each `reloadMs`; never, if that is 0. */
  async start(reloadMs: number): Promise<void> {
    await this.refresh()
    if (reloadMs > 0 && !this.#isStopped) this.#timer = setInterval(() => void this.refresh(), reloadMs).unref()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#reading
  }

  /** Reads the file, unless it is as it was. Never rejects: what is known stays when it cannot be read, and that is logged once. */
  refresh(): Promise<void> {
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #refresh(): Promise<void> {
    try {
      const { mtimeMs, size } = await fs.promises.stat(this.#path)
      if (mtimeMs === this.changedMs && size === this.#size) return
      const table = await this.#read(await fs.promises.readFile(this.#path, 'utf8'))
      this.table = table
      this.changedMs = mtimeMs
      this.#size = size
      this.#complaint = ''
      this.#log.debug(`plugin/hosts: Parsed hosts file into ${table.recordCount} entries`)
      this.#onRead()
    } catch (error) {
      this.#complain(error as NodeJS.ErrnoException)
    }
  }

  async #read(text: string): Promise<HostTable> {
    const table = new HostTable()
    let lines = 0
    for (let at = 0; at < text.length && !this.#isStopped; ) {
      const end = text.indexOf('\n', at)
      const next = end < 0 ? text.length : end
      addLine(table, text.slice(at, next), this.#options)
      at = next + 1
      if (++lines % LINES_AT_ONCE === 0) await setImmediate()
    }
    return table
  }

  #complain({ code, message }: NodeJS.ErrnoException): void {
    const path = this.#path
    const complaint =
      code === 'ENOENT'
        ? `File does not exist: ${path}`
        : code === 'EISDIR'
          ? `Hosts file "${path}" is a directory`
          : `Hosts file "${path}" cannot be read: ${message}`
    if (complaint === this.#complaint) return
    this.#complaint = complaint
    const consequence = this.changedMs > 0 ? '; what it said before stays' : ''
    this.#log.warn(`plugin/hosts: ${complaint}${consequence}`)
  }
}
