// A docker-archive: what `docker load`, `podman load`, `ctr images import` and `kind load image-archive` take. The same files make the same octets.

import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { type Pack, pack } from 'tar-stream'
import { type Entry, Mode } from './tree.ts'

/** The part of the image's configuration that says how it is run; see the OCI image specification. */
export interface ImageConfig {
  readonly Entrypoint: readonly string[]
  readonly Env: readonly string[]
  readonly User: string
  readonly WorkingDir: string
  readonly ExposedPorts: Readonly<Record<string, object>>
}

const EPOCH = new Date(0)
/** GOARCH's words for Node's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }
/**
 * `cap_net_bind_service=ep`, as the kernel keeps it (struct vfs_cap_data): revision 2 with the effective flag, then permitted and inheritable, 32
 * bits each, twice. All octets are below 128: pax headers are UTF-8.
 */
const NET_BIND_SERVICE = Buffer.from('0100000200040000000000000000000000000000', 'hex').toString('latin1')
const CAPABILITY = 'SCHILY.xattr.security.capability'

export interface Archive {
  readonly archive: Buffer
  /** Of its configuration, which is the id of the image. */
  readonly digest: string
}

export async function packArchive(
  name: string,
  layers: readonly (readonly Entry[])[],
  config: ImageConfig,
): Promise<Archive> {
  const blobs = await Promise.all(layers.map(packLayer))
  const digests = blobs.map(sha256)
  const image = Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch],
      os: 'linux',
      created: EPOCH.toISOString(),
      config,
      rootfs: { type: 'layers', diff_ids: digests.map(digest => `sha256:${digest}`) },
      history: layers.map(() => ({ created: EPOCH.toISOString(), created_by: 'npm run image' })),
    }),
  )
  const id = sha256(image)
  const paths = digests.map(digest => `${digest}/layer.tar`)
  const manifest = [{ Config: `${id}.json`, RepoTags: [name], Layers: paths }]
  const tar = pack()
  add(tar, `${id}.json`, image)
  for (const [i, path] of paths.entries()) add(tar, path, blobs[i])
  add(tar, 'manifest.json', Buffer.from(JSON.stringify(manifest)))
  return { archive: await finish(tar), digest: `sha256:${id}` }
}

function packLayer(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack()
  const seen = new Set<string>()
  const addFolder = (path: string): void => {
    if (path === '.' || seen.has(path)) return
    addFolder(dirname(path))
    seen.add(path)
    tar.entry({ ...OWNER, name: `${path}/`, type: 'directory', mode: Mode.Program })
  }
  for (const { path, content, mode, bindsLowPorts } of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    addFolder(dirname(path))
    add(tar, path, content, mode, bindsLowPorts ? { [CAPABILITY]: NET_BIND_SERVICE } : undefined)
  }
  return finish(tar)
}

const OWNER = { uid: 0, gid: 0, mtime: EPOCH } as const

function add(tar: Pack, name: string, content: Buffer, mode: number = Mode.File, pax?: Record<string, string>): void {
  tar.entry({ ...OWNER, name, mode, pax }, content)
}

async function finish(tar: Pack): Promise<Buffer> {
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
