// deploy/kubernetes/node-local in the cluster.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cluster } from './cluster.ts'
import type { Images } from './objects.ts'

export const NODE_LOCAL = fileURLToPath(new URL('../../deploy/kubernetes/node-local', import.meta.url))

/** An image of the manifests, and the one in its place. */
function replace(name: string, image: string): object {
  const colon = image.lastIndexOf(':')
  return { name, newName: image.slice(0, colon), newTag: image.slice(colon + 1) }
}

/** deploy/kubernetes/node-local as an overlay of one's own has it: other images, and the resolvers of this cluster. */
export async function applyNodeLocal(
  cluster: Cluster,
  images: Images,
  dnsAddress: string,
  upstream: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kubezone-cluster-'))
  try {
    const corefile = readFileSync(join(NODE_LOCAL, 'Corefile'), 'utf8')
    writeFileSync(
      join(folder, 'Corefile'),
      corefile.replaceAll('10.96.0.10', dnsAddress).replaceAll('/etc/resolv.conf', upstream),
    )
    const name = 'kubezone-node-local'
    const overlay = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [relative(folder, NODE_LOCAL)],
      images: [replace('registry.local/kubezone', images.kubezone), replace('busybox', images.busybox)],
      configMapGenerator: [{ name, namespace: 'kube-system', behavior: 'merge', files: ['Corefile'] }],
      generatorOptions: { disableNameSuffixHash: true },
    }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(overlay))
    await cluster.kubectl(`apply -k ${folder}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
