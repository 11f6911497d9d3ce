// `npm run image`: the archive as it is read back, and what is in it run as a pod runs it.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { type Header, extract } from 'tar-stream'
import { Command, ROOT } from './cli/command.ts'

const NAME = 'registry.example/dns/kubezone:1'
/** Of `struct vfs_cap_data`: revision 2, effective; CAP_NET_BIND_SERVICE is number 10. */
const NET_BIND_SERVICE = '0100000200040000000000000000000000000000'
const COREFILE = `.:53 {
    errors
    health {
        lameduck 10ms
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    reload
    loadbalance
}
`

interface File {
  readonly headers: Header
  readonly content: Buffer
}

interface Manifest {
  readonly Config: string
  readonly RepoTags: readonly string[]
  readonly Layers: readonly string[]
}

interface Image {
  readonly config: { readonly User: string; readonly Entrypoint: readonly string[] }
  readonly rootfs: { readonly diff_ids: readonly string[] }
}

async function readArchive(source: Readable): Promise<Map<string, File>> {
  const files = new Map<string, File>()
  const tar = extract()
  source.pipe(tar)
  for await (const entry of tar) {
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    files.set(entry.header.name, { headers: entry.header, content: Buffer.concat(chunks) })
  }
  return files
}

/** In hexadecimal digits; none, or the one that a file has. */
function capabilityOf({ pax }: Header): string[] {
  const value = (pax as Record<string, string> | null)?.['SCHILY.xattr.security.capability']
  return value === undefined ? [] : [Buffer.from(value, 'latin1').toString('hex')]
}

function parse(files: ReadonlyMap<string, File>, name: string): unknown {
  return JSON.parse(String(files.get(name)?.content))
}

function make(output: string): void {
  const env = { ...process.env, IMAGE: NAME }
  execFileSync(process.execPath, ['scripts/image.ts', '--output', output], { cwd: ROOT, env })
}

/** Why a root of its own, with a network of its own, is not to be had. */
function whyNoRoot(): string | false {
  if (process.getuid?.() !== 0) return 'only root may change the root'
  for (const [program, ...args] of [
    ['unshare', '--net', '--mount', 'true'],
    ['setpriv', '--version'],
    ['nsenter', '--version'],
    ['ip', '-V'],
  ]) {
    if (spawnSync(program, args, { stdio: 'ignore' }).status !== 0)
      return `${program} ${args.join(' ')} does not work here`
  }
  return false
}

void t.test('the image', { skip: process.platform !== 'linux' && 'it is made on Linux' }, async t => {
  // Two images of 120 MB each.
  t.setTimeout(300_000)
  const folder = t.testdir({})
  const output = join(folder, 'image.tar')
  make(output)
  const files = await readArchive(createReadStream(output))
  const [manifest] = parse(files, 'manifest.json') as Manifest[]
  const blobs = manifest.Layers.map(path => files.get(path)?.content ?? Buffer.alloc(0))
  const layers = await Promise.all(blobs.map(blob => readArchive(Readable.from([blob]))))

  void t.test('is the same each time', async t => {
    const again = join(folder, 'again.tar')
    make(again)
    t.ok(readFileSync(again).equals(readFileSync(output)))
  })

  void t.test('is a docker-archive of two layers, for any user but root', async t => {
    const { config, rootfs } = parse(files, manifest.Config) as Image
    t.same(manifest.RepoTags, [NAME])
    t.match(config, {
      User: '65532:65532',
      Entrypoint: ['/bin/node', '--max-old-space-size-percentage=50', '/kubezone/dist/lib/main.mjs'],
    })
    t.same(
      rootfs.diff_ids,
      blobs.map(blob => `sha256:${createHash('sha256').update(blob).digest('hex')}`),
    )
    t.equal(layers.length, 2)
  })

  void t.test('has Node, the bundle and native parts, of which Node alone may bind port 53', async t => {
    const all = new Map(layers.flatMap(layer => Array.from(layer)))
    t.same(
      [...all].flatMap(([name, { headers }]) => capabilityOf(headers).map(capability => [name, capability])),
      [['bin/node', NET_BIND_SERVICE]],
    )
    const lib = ['main.mjs', 'program.js', 'program.cache', 'LICENSES.txt'].map(name => `kubezone/dist/lib/${name}`)
    for (const name of [...lib, 'etc/passwd', 'bin/kubezone']) t.ok(all.has(name), name)
    t.same(
      [...all.keys()].filter(name => /^kubezone\/node_modules\/.*\.node$/.test(name)),
      [`kubezone/node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`],
    )
    for (const { name, uid, gid, mtime, mode = 0 } of [...all.values()].map(({ headers }) => headers)) {
      t.same(
        { uid, gid, mtime: mtime?.getTime(), writable: mode & 0o022 },
        { uid: 0, gid: 0, mtime: 0, writable: 0 },
        name,
      )
    }
  })

  void t.test('answers on port 53 as nobody, with nothing to write to', { skip: whyNoRoot() }, async (t: Test) => {
    const root = join(folder, 'root')
    mkdirSync(root)
    for (const input of blobs) execFileSync('tar', ['-x', '--xattrs', '--xattrs-include=*', '-C', root], { input })
    // What the kubelet mounts.
    mkdirSync(join(root, 'etc/coredns'))
    writeFileSync(join(root, 'etc/coredns/Corefile'), COREFILE)
    writeFileSync(join(root, 'etc/resolv.conf'), 'nameserver 192.0.2.1\n')
    const { config } = parse(files, manifest.Config) as Image
    const args = [...config.Entrypoint, '-conf', '/etc/coredns/Corefile', '--manifests', '/kubezone/examples']
    // NODE_OPTIONS: the test runner's, for files that are not in this root. The last three capabilities are those that it takes to become nobody, in this root.
    const script = `unset NODE_OPTIONS
ip link set lo up
mount --bind "$0" "$0"
mount -o remount,ro,bind "$0"
exec setpriv --bounding-set=-all,+net_bind_service,+sys_chroot,+setuid,+setgid chroot --userspec=${config.User} "$0" "$@"`
    const unshare = execFileSync('which', ['unshare'], { encoding: 'utf8' }).trim()
    const server = new Command(t, ['--net', '--mount', 'sh', '-ec', script, root, ...args], { program: unshare })
    await server.seen(/^\.:53\n/m)
    const inside = ['-u', 'NODE_OPTIONS', 'nsenter', '-t', String(server.child.pid), '-n', 'chroot', root]
    const run = (...args: string[]): string =>
      execFileSync('env', [...inside, '/bin/kubezone', ...args], { encoding: 'utf8' })
    for (const flag of ['--bufsize=1232', '--tcp']) {
      const asked = run('lookup', flag, '--short', '--server', '127.0.0.1:53', 'kubernetes.default.svc.cluster.local')
      t.equal(asked, '10.96.0.1\n', flag)
    }
    t.match(run('check', '/etc/coredns/Corefile'), /What differs from CoreDNS/)
    const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
    t.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m)
    t.match(status, /^CapEff:\t0{13}400$/m)
    t.match(await server.stop(), { code: 0, out: /^((?!without batches)[^])*$/, err: '' })
  })
})
