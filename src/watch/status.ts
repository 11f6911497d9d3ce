/** How the watch of one resource is, and how old what it knows. It changes as it goes. */
export interface WatchStatus {
  /** A list was complete once. */
  synced: boolean
  /** The server answered the last request, and nothing has failed since. */
  connected: boolean
  /** When the last event, bookmark or page came, in milliseconds since 1970; NaN before the first. */
  lastHeardMs: number
  /** When the last change of an object was told, and the last bookmark; NaN before the first. */
  lastEventMs: number
  lastBookmarkMs: number
  /** Of the bodies of lists and watches. */
  receivedBytes: number
  /** Watches that were opened in the place of one that has ended. */
  reconnects: number
  /** Complete lists after the first. */
  relists: number
  /** Failed attempts, events that could not be taken, and exceptions of the sink. */
  errors: number
  lastError: string
  /** '' until a list is complete, and again when it is too old. */
  resourceVersion: string
}

export function makeStatus(): WatchStatus {
  return {
    synced: false,
    connected: false,
    lastHeardMs: Number.NaN,
    lastEventMs: Number.NaN,
    lastBookmarkMs: Number.NaN,
    receivedBytes: 0,
    reconnects: 0,
    relists: 0,
    errors: 0,
    lastError: '',
    resourceVersion: '',
  }
}
