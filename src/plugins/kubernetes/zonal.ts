// Names that choose endpoints by their topology zone, where nothing was published for them: `ZONE.pin._zone.service…` of a zone without
// endpoints is empty, `ZONE.prefer._zone.service…` is `ZONE.pin._zone.service…` or else the whole Service. CoreDNS plugin/kubernetes/parse.go.

import { MAX_NAME_LENGTH } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import { type ZoneImage, NO_BLOCK } from '../../zones/image.ts'
import { labelsBefore } from '../../zones/origins.ts'
import { isCategory } from './category.ts'

const PIN = Buffer.from('\x03pin\x05_zone', 'latin1')
const PREFER = Buffer.from('\x06prefer\x05_zone', 'latin1')
/** `_zone` and the directive stand in front of the service, its namespace and `svc`. */
const DIRECTIVE = 5

export class ZonalFinder {
  /** As `AliasFinder.shift`. */
  shift = 0
  readonly #name = new Uint8Array(MAX_NAME_LENGTH)

  /** The block that the question's name stands for, or NO_BLOCK. */
  find(image: ZoneImage, query: Query, zoneAt: number): number {
    const labels = labelsBefore(query, zoneAt)
    if (labels <= DIRECTIVE || !isCategory(query, labels, 'svc')) return NO_BLOCK
    const { name, nameLength } = query
    const at = query.labels[labels - DIRECTIVE]
    const isPrefer = startsWith(name, at, PREFER)
    if (!isPrefer && !startsWith(name, at, PIN)) return NO_BLOCK
    // Without the option, or below what is no headless Service, the directive is not there.
    const directive = image.lookup(name, at, nameLength - at)
    this.shift = -at
    if (directive === NO_BLOCK || !isPrefer) return directive
    const pinned = this.#findPinned(image, query, at)
    // One that exists only because of a longer zone below it has no endpoint.
    if (pinned !== NO_BLOCK && image.isOwn(pinned)) {
      this.shift = PIN.length - PREFER.length
      return pinned
    }
    const service = query.labels[labels - 3]
    this.shift = -service
    return image.lookup(name, service, nameLength - service)
  }

  #findPinned(image: ZoneImage, { name, nameLength }: Query, at: number): number {
    const pinned = this.#name
    let to = 0
    for (let i = 0; i < at; i++) pinned[to++] = name[i]
    for (let i = 0; i < PIN.length; i++) pinned[to++] = PIN[i]
    for (let i = at + PREFER.length; i < nameLength; i++) pinned[to++] = name[i]
    return image.lookup(pinned, 0, to)
  }
}

function startsWith(name: Uint8Array, at: number, labels: Uint8Array): boolean {
  for (let i = 0; i < labels.length; i++) if (name[at + i] !== labels[i]) return false
  return true
}
