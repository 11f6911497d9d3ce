// What the control thread and a serving thread say to each other.

import type { ServerBlock } from '../corefile/parser.ts'
import type { BoundAddress } from '../server/server.ts'
import type { ConfigurationOptions, Posted } from './configuration.ts'
import type { LogTarget } from './log.ts'
import type { Ports } from './station.ts'

/** What a serving thread is born with. */
export interface ThreadData {
  readonly version: string
  readonly log: LogTarget
  /** Where it counts. */
  readonly slab: SharedArrayBuffer
  /** By number, which descriptors of libc it has open: who comes after it closes them. */
  readonly descriptors: SharedArrayBuffer
  readonly configuration: Omit<ConfigurationOptions, 'plugins' | 'env'>
}

/** To a serving thread. `number` is that of the configuration. */
export type Order =
  /** Set this configuration up, as read by the control thread, and open its sockets. The result is `Prepared`. */
  | {
      readonly kind: 'prepare'
      readonly number: number
      readonly blocks: readonly ServerBlock[]
      /** For each block. */
      readonly posted: readonly Posted[]
      readonly ports: Ports
    }
  /** Answer with what is prepared. */
  | { readonly kind: 'swap' }
  /** Do without what is prepared. */
  | { readonly kind: 'abandon' }
  /** Let what was answered with before end. */
  | { readonly kind: 'retire' }
  /** Put this on the board of a block. */
  | {
      readonly kind: 'post'
      readonly number: number
      readonly block: number
      readonly name: string
      readonly value: unknown
    }
  /** Say how much has been received. */
  | { readonly kind: 'count' }
  /** Answer what has been received, and end. */
  | { readonly kind: 'stop'; readonly othersServe: boolean }

/** Its sockets, by the name of their listener. */
export type Prepared = Readonly<Record<string, readonly BoundAddress[]>>

/** Each order is answered, under its own number. */
export interface Report {
  readonly id: number
  readonly prepared?: Prepared
  readonly received?: number
  /** Why it could not be done; `isTransient` as with TransientError. */
  readonly error?: string
  readonly isTransient?: boolean
}

/** What a serving thread says unasked: that its heap is nearly full. */
export const FULL = 'full'
