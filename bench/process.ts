// Processes under measurement: what they cost, as /proc tells it.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

/** Microseconds of one tick in /proc/PID/stat (USER_HZ is 100 on every Linux). */
const TICK_MICROSECONDS = 10_000

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A process and those that it makes. */
export class Running {
  readonly #child: ChildProcess
  #output = ''

  constructor({ file, args, env }: Command) {
    this.#child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output = (this.#output + text).slice(-2_000)))
    }
    this.#child.on('error', error => (this.#output += error.message))
  }

  get hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The end of what it has printed. */
  get output(): string {
    return this.#output
  }

  /** User and system time so far, in microseconds. */
  cpuMicroseconds(): number {
    return this.#pids().reduce((sum, pid) => {
      // The name of the command, in parentheses, may have spaces in it.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
      return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS
    }, 0)
  }

  /** Resident memory in KiB; of further processes only what they do not share. */
  residentKib(): number {
    return this.#pids().reduce((sum, pid, i) => {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
      const read = (field: string): number => Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(rollup)?.[1] ?? 0)
      return sum + (i === 0 ? read('Rss') : read('Private_Clean') + read('Private_Dirty'))
    }, 0)
  }

  /** The most that was resident since the start, or since `forgetPeak`. */
  peakKib(): number {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))?.[1] ?? 0)
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5') // proc_pid_clear_refs(5)
  }

  #pids(): number[] {
    const found = this.#child.pid === undefined ? [] : [this.#child.pid]
    for (const pid of found) {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim()
        if (children !== '') found.push(...children.split(' ').map(Number))
      }
    }
    return found
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.hasEnded) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), 8_000)
    await ended
    clearTimeout(impatience)
  }
}
