// In which zone each node is, as the endpoints on it say: nodes themselves are not watched.

import type { SlimEndpoint } from '../../watch/slim.ts'

export class NodeZones {
  /** How many endpoints say so, by node and zone. */
  readonly #counts = new Map<string, Map<string, number>>()
  readonly #changed = new Set<string>()

  change({ nodeName = '', zone }: SlimEndpoint, how: 'add' | 'delete'): void {
    if (nodeName === '' || zone === '') return
    const zones = this.#counts.get(nodeName) ?? new Map<string, number>()
    const count = (zones.get(zone) ?? 0) + (how === 'add' ? 1 : -1)
    if (count > 0) zones.set(zone, count)
    else zones.delete(zone)
    if (zones.size > 0) this.#counts.set(nodeName, zones)
    else this.#counts.delete(nodeName)
    this.#changed.add(nodeName)
  }

  /** The nodes of which something has changed since the last call; without a zone where none is known, or several. */
  takeChanges(): [node: string, zone: string | undefined][] {
    const changes = [...this.#changed].map((node): [string, string | undefined] => {
      const zones = this.#counts.get(node)
      return [node, zones?.size === 1 ? [...zones.keys()][0] : undefined]
    })
    this.#changed.clear()
    return changes
  }
}
