// A server that takes part.

import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Command } from './process.ts'

/** Where a server finds what it is to serve. */
export interface Setting {
  /** Directory for its files. */
  readonly directory: string
  /** On 127.0.0.1, UDP and TCP. */
  readonly port: number
  /** Of metrics over HTTP; any when absent. */
  readonly metricsPort?: number
  /** URL of the Kubernetes API. */
  readonly api: string
  /** Further lines of the Corefile. */
  readonly plugins: readonly string[]
}

export interface Contender {
  readonly name: string
  /** The program, looked for on the PATH. */
  readonly program: string
  /** How to get it, for a person who has not. */
  readonly get: string
  readonly version: (file: string) => string
  /** What to run with a Corefile, of those that take one. */
  readonly command?: (file: string, corefile: string) => Command
  readonly hasTcp: boolean
  /** Writes its files and returns what to run. */
  readonly prepare: (file: string, setting: Setting) => Command
}

/** Where `go install` and distributions put what is not on everyone's PATH. */
const FURTHER = [join(homedir(), 'go/bin'), '/usr/local/go/bin', '/usr/sbin', '/usr/local/sbin']

/** Path of an installed program; one that is a path already stays as it is. */
export function findProgram(name: string): string | undefined {
  if (name.includes('/')) return name
  return [...(process.env.PATH ?? '').split(delimiter), ...FURTHER]
    .map(directory => join(directory, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** What `file` says with `args`; empty when it fails. Some tell their version on the error output. */
export function ask(file: string, ...args: string[]): string {
  try {
    return execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1', file, ...args], { encoding: 'utf8' }).trim()
  } catch (error) {
    return (error as { stdout?: string }).stdout?.trim() ?? ''
  }
}
