// The folders of deploy/kubernetes in the cluster, each by an overlay as one would write it for images of one's own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cluster } from './cluster.ts'
import type { Images } from './objects.ts'

export const KIND = findFolder('kind')
export const NODE_LOCAL = findFolder('node-local')
const SWAP = findFolder('swap')

/** The guide's flags for it. */
const SWAP_FLAGS = '--server-side --force-conflicts'

function findFolder(name: string): string {
  return fileURLToPath(new URL(`../../deploy/kubernetes/${name}`, import.meta.url))
}

/** An image of the manifests, and the one in its place. */
function replace(name: string, image: string): object {
  const colon = image.lastIndexOf(':')
  return { name, newName: image.slice(0, colon), newTag: image.slice(colon + 1) }
}

interface Change {
  /** Of `kubectl apply`. */
  readonly flags?: string
  /** Lies beside the kustomization. */
  readonly corefile?: string
  /** What the kustomization has besides. */
  readonly kustomization?: object
}

async function apply(
  cluster: Cluster,
  images: Images,
  source: string,
  { flags = '', corefile, kustomization }: Change = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kubezone-cluster-'))
  try {
    if (corefile !== undefined) writeFileSync(join(folder, 'Corefile'), corefile)
    const overlay = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [relative(folder, source)],
      images: [replace('registry.local/kubezone', images.kubezone), replace('busybox', images.busybox)],
      ...kustomization,
    }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(overlay))
    await cluster.kubectl(`apply ${flags} -k ${folder}`.replace('  ', ' '))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const applySwap = (cluster: Cluster, images: Images): Promise<void> =>
  apply(cluster, images, SWAP, { flags: SWAP_FLAGS })

export const applyKind = (cluster: Cluster, images: Images): Promise<void> => apply(cluster, images, KIND)

/** With the resolvers of this cluster. */
export function applyNodeLocal(cluster: Cluster, images: Images, dnsAddress: string, upstream: string): Promise<void> {
  const written = readFileSync(join(NODE_LOCAL, 'Corefile'), 'utf8')
  const name = 'kubezone-node-local'
  return apply(cluster, images, NODE_LOCAL, {
    corefile: written.replaceAll('10.96.0.10', dnsAddress).replaceAll('/etc/resolv.conf', upstream),
    kustomization: {
      configMapGenerator: [{ name, namespace: 'kube-system', behavior: 'merge', files: ['Corefile'] }],
      generatorOptions: { disableNameSuffixHash: true },
    },
  })
}
