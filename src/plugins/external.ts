// What `k8s_external` asks of the plugin that knows the Services: to have, beside its own zones, some with the names that are reached from outside
// of the cluster. They are an image of their own, so that a zone may be in both.

import type { Instance } from '../server/plugin.ts'

export interface ExternalOptions {
  /** Absolute, lower case. */
  readonly zones: readonly string[]
  /** The label below which each zone has its name servers. */
  readonly apex: string
  readonly ttlSeconds: number
  /** Headless Services have names for their endpoints. */
  readonly headless: boolean
}

/** Their history, for secondaries. */
interface ExternalHistory {
  readonly image: SharedArrayBuffer
  readonly history: SharedArrayBuffer
}

export interface ExternalFollower {
  /** Is given the image, and again whenever it moves to other memory. */
  readonly onImage: (image: SharedArrayBuffer) => void
  /** What secondaries have of it. */
  readonly primary: {
    /** Whether a history is to be kept; known at the start. */
    readonly isKept: boolean
    /** Is given the history, and again whenever it moves to other memory. */
    attach(history: ExternalHistory): void
    /** Every thread has the next serial. */
    tell(): void
  }
}

export interface ExternalSource {
  /** Called once, when all plugins are set up and none has started. */
  followExternal(options: ExternalOptions, follower: ExternalFollower): void
}

export const isExternalSource = (instance: Instance): instance is Instance & ExternalSource =>
  'followExternal' in instance
