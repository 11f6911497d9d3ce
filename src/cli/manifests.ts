import type { Logger } from 'pino'
import { FakeApi } from '../fakeapi/fakeapi.ts'
import { applyManifests, loadManifests } from '../fakeapi/manifests.ts'

/** An in-process API that holds these manifests; its controllers have done their part. Rejects with ManifestError. */
export async function makeFilledApi(paths: readonly string[], log: Logger): Promise<FakeApi> {
  const api = new FakeApi()
  try {
    if (paths.length > 0) await fillApi(api, paths, log)
    return api
  } catch (error) {
    await api.close()
    throw error
  }
}

/** What manifests say is taken as it is, also addresses of another cluster's ranges; later requests are held to this API's own. */
async function fillApi(api: FakeApi, paths: readonly string[], log: Logger): Promise<void> {
  const { admission, store } = api
  admission.allowAnyClusterIP = true
  admission.allowPodsWithoutSpec = true
  const { applied, skipped } = applyManifests(store, loadManifests(paths))
  admission.allowAnyClusterIP = false
  admission.allowPodsWithoutSpec = false
  await api.settled()
  const kinds = [...new Set(skipped.map(({ object }) => object.kind))].sort()
  const rest =
    skipped.length > 0 ? `; ${skipped.length} of kinds that do not matter to DNS left out (${kinds.join(', ')})` : ''
  log.info(`in-process API: ${applied.length} objects from ${paths.join(' ')}${rest}`)
}
