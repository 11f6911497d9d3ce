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

export interface ExternalSource {
  /** Gives the image, and gives it again whenever it moves to other memory. Called once, when all plugins are set up and none has started. */
  followExternal(options: ExternalOptions, onImage: (image: SharedArrayBuffer) => void): void
}

export const isExternalSource = (instance: Instance): instance is Instance & ExternalSource =>
  'followExternal' in instance
