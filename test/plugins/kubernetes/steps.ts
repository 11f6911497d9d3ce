// What may happen to a small cluster and to its API, and the histories that are made of it.

import fc from 'fast-check'
import type { Break } from '../../../src/fakeapi/faults.ts'

const RESOURCES = ['services', 'endpointslices', 'namespaces', 'pods'] as const
export type Resource = (typeof RESOURCES)[number]

export type Write =
  | { put: 'Namespace'; namespace: string }
  | { put: 'Service'; namespace: string; name: string; as: 'ClusterIP' | 'headless' | 'ExternalName' }
  | { put: 'EndpointSlice'; namespace: string; name: string; of: string; addresses: string[] }
  | { put: 'Pod'; namespace: string; name: string; address: string }

export interface Removal {
  remove: 'Namespace' | 'Service' | 'EndpointSlice' | 'Pod'
  namespace: string
  name: string
}

export type Step =
  | { write: Write }
  /** It is gone, or there again with another uid, before anybody looks. */
  | Removal
  | { anew: Write }
  | { break: Break; of?: Resource | undefined }
  /** To the next requests for it. */
  | { answer: number; of: Resource; count: number; retryAfterSeconds?: number | undefined }
  | { refuse: 'drop' | 'truncate'; of: Resource; count: number }
  /** What watches tell is held back; those of other resources may overtake it. */
  | { hold: Resource }
  | { release: 'in order' | 'reversed' }
  /** The same, with writes in between. */
  | { hold: Resource; writes: readonly Write[]; release: 'in order' | 'reversed' }
  /** Writes of what nobody asks for: versions go by. */
  | { versions: number }
  /** The API forgets what was, and has nothing to tell but its version. */
  | { api: 'compact' | 'bookmark' | 'copy' | 'restore' | 'lose' }
  | { advanceMs: number }
  | { turns: number }

export const RESOURCE_OF = {
  Namespace: 'namespaces',
  Service: 'services',
  EndpointSlice: 'endpointslices',
  Pod: 'pods',
} as const satisfies Record<Write['put'], Resource>
export const NAMESPACES = ['a', 'b']
export const ADDRESSES = ['10.0.0.1', '10.0.0.2']
const inNamespace = fc.constantFrom(...NAMESPACES)
const resource = fc.constantFrom(...RESOURCES)
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ put: fc.constant('Namespace' as const), namespace: inNamespace }),
  fc.record({
    put: fc.constant('Service' as const),
    namespace: inNamespace,
    name: fc.constantFrom('s', 't'),
    as: fc.constantFrom('ClusterIP', 'headless', 'ExternalName'),
  }),
  fc.record({
    put: fc.constant('EndpointSlice' as const),
    namespace: inNamespace,
    name: fc.constantFrom('1', '2'),
    of: fc.constantFrom('s', 't'),
    addresses: fc.subarray(ADDRESSES),
  }),
  fc.record({
    put: fc.constant('Pod' as const),
    namespace: inNamespace,
    name: fc.constantFrom('p', 'q'),
    address: fc.constantFrom(...ADDRESSES),
  }),
)
const removal: fc.Arbitrary<Removal> = write.map(write => ({
  remove: write.put,
  namespace: write.namespace,
  name: 'name' in write ? write.name : '',
}))
const of = fc.option(resource, { nil: undefined })
const breakHow = fc.constantFrom<Break>('drop', 'cut', 'malformed', 'end', { error: 410 }, { error: 500 })
/** That the API refuses to tell which cluster it is would keep a loss of data from being found out. */
const answer = fc.oneof(
  fc.record({ answer: fc.constantFrom(500, 503, 410), of: resource, count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    answer: fc.constant(429),
    of: resource,
    count: fc.constant(1),
    retryAfterSeconds: fc.constantFrom(1, 7),
  }),
  fc.record({
    answer: fc.constantFrom(401, 403),
    of: fc.constantFrom('services', 'endpointslices', 'pods'),
    count: fc.constant(1),
  }),
)
const order = fc.constantFrom('in order', 'reversed')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: write.map(write => ({ write })) },
  { weight: 3, arbitrary: removal },
  { weight: 2, arbitrary: write.map(write => ({ anew: write })) },
  { weight: 5, arbitrary: fc.record({ break: breakHow, of }) },
  { weight: 2, arbitrary: answer },
  {
    weight: 1,
    arbitrary: fc.record({
      refuse: fc.constantFrom('drop', 'truncate'),
      of: resource,
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: resource.map(hold => ({ hold })) },
  { weight: 1, arbitrary: order.map(release => ({ release })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(write, fc.array(write, { minLength: 1, maxLength: 5 }), order)
      .map(([first, more, release]) => ({ hold: RESOURCE_OF[first.put], writes: [first, ...more, first], release })),
  },
  { weight: 2, arbitrary: fc.constantFrom(1, 10, 50).map(versions => ({ versions })) },
  { weight: 3, arbitrary: fc.constantFrom('compact', 'bookmark', 'copy', 'restore', 'lose').map(api => ({ api })) },
  { weight: 3, arbitrary: fc.constantFrom(100, 1_000, 10_000, 71_000).map(advanceMs => ({ advanceMs })) },
  { weight: 12, arbitrary: fc.nat(40).map(turns => ({ turns })) },
)

export interface History {
  /** How the first lists are asked for and got. */
  readonly lists: 'streamed' | 'refused' | 'ignored'
  /** Nothing happens before everything has been heard once. */
  readonly isHeard: boolean
  /** What takes the place of chance in the waits. */
  readonly randomness: number
  readonly initial: readonly Write[]
  readonly steps: readonly Step[]
}

/** Long ones all the time, not only now and then. */
export const history: fc.Arbitrary<History> = fc.noBias(
  fc.record({
    lists: fc.constantFrom('streamed', 'streamed', 'streamed', 'refused', 'refused', 'ignored'),
    isHeard: fc.boolean(),
    randomness: fc.constantFrom(0, 0, 0.5, 0.999),
    initial: fc.array(write, { maxLength: 8 }),
    steps: fc.array(step, { maxLength: 50, size: 'max' }),
  }),
)
