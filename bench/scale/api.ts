// The API of a large cluster, in a process of its own: `node api.ts SERVICES ENDPOINTS_EACH PODS`. It sends its URL when it listens, and obeys
// the messages below.

import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { namespaceOf, objectsOf, podOf, serviceOf, type Size, sliceOf } from './objects.ts'

/** What may be asked of it. */
export type Order =
  /** Every watch ends, and where it was is forgotten: everybody lists anew. Then one more Service, with its slice, and one more Pod come. */
  | { readonly order: 'relist' }
  /** Slices change, so many a second; 0 ends that. */
  | { readonly order: 'churn'; readonly perSecond: number }

const [services, endpointsEach, pods] = process.argv.slice(2).map(Number)
const size: Size = { services, endpointsEach, pods }
const api = new FakeApi({ controllers: false })
for (const object of objectsOf(size)) api.apply(object)

let added = 0
function relist(): void {
  const number = services + added
  api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespaceOf(number) } })
  // A version that nobody has yet.
  api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `passing-${added}` } })
  api.store.compact()
  api.faults.breakOpenWatches('drop')
  // Told behind the list, and so its end.
  setTimeout(() => {
    api.apply(serviceOf(number))
    api.apply(sliceOf(size, number))
    if (pods > 0) api.apply(podOf(size, pods + added))
    added++
  }, 100)
}

const TICK_MS = 10
/** Changes so far: the next server is not told of what is so already. */
let changes = 0
let churning: NodeJS.Timeout | undefined
function churn(perSecond: number): void {
  clearInterval(churning)
  if (perSecond === 0) return
  const from = performance.now()
  const before = changes
  churning = setInterval(() => {
    const due = before + ((performance.now() - from) / 1000) * perSecond
    for (; changes < due; changes++) {
      // The first half; the others are whoever measures to change.
      const number = changes % (services >> 1)
      api.apply(sliceOf(size, number, Math.floor(changes / (services >> 1)) % endpointsEach))
    }
  }, TICK_MS)
}

process.on('message', (order: Order) => {
  if (order.order === 'relist') relist()
  else churn(order.perSecond)
})
process.once('disconnect', () => process.exit())
process.send?.(await api.listen())
