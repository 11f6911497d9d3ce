// The options of the `kubernetes` plugin that decide which records there are.

/** Which endpoints have PTR records: all, those of headless Services (specification, section 2.4.3), those with a host name. */
export type PointerMode = 'all' | 'headless' | 'hostname'

export interface RecordOptions {
  /** TTL of every record but `dns-version`; `ttl`. */
  readonly ttlSeconds: number
  /** Endpoints are named after their Pod where it has no host name; `endpoint_pod_names`. */
  readonly endpointPodNames: boolean
  /** Endpoints are not watched, so nothing is made from them; `noendpoints`. */
  readonly noEndpoints: boolean
  /** A Service without a ready endpoint does not exist; `ignore empty_service`. */
  readonly ignoreEmptyService: boolean
  /** The zone is of a ClusterSet: its Services are ServiceImports, its endpoints come from several clusters; `multicluster` (KEP-1645). */
  readonly isMulticluster: boolean
  /** Headless Services have names for the endpoints of a topology zone; `zonal`. */
  readonly zonal: boolean
  readonly ptr: PointerMode
  /** A Service with a selector has a slice, were it empty, as soon as the controller has seen it: without one, nothing is known yet. */
  readonly slicesFollow: boolean
}
