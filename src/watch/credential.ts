// Files that say who we are, for a request that is about to be made.

import { readFileSync } from 'node:fs'
import { ApiFault, FaultCode } from './fault.ts'

/**
 * The text of a small file. Throws ApiFault with what `explain` says of the error's code. It waits for the file, which is in memory where the kubelet
 * mounts it: `node:fs/promises` would take 10 ms of the start to load, and a thread of libuv's to read with.
 */
export function readCredential(file: string, explain: (code: string) => string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ApiFault(FaultCode.CONFIGURATION, explain((error as NodeJS.ErrnoException).code ?? 'an unknown error'))
  }
}
