// What a snapshot is on disk. A line says what it is and in which format, a second one what is in it, in JSON; then come the blocks of each
// image, and at the end the SHA-256 of everything before. It is written beside its place and put there whole, so that whatever ends the process,
// there is the old one or the new one.

import { createHash, randomBytes } from 'node:crypto'
// Its promises are loaded by the first that is asked for: 10 ms that a start without a snapshot need not take.
import fs, { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FrozenImage } from '../../zones/image.ts'
import { MAGIC } from '../../zones/layout.ts'
import { packImage, unpackImage } from '../../zones/pack.ts'

/** What was known at one moment: images by name, as they lie in the memory of readers. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly writtenMs: number
  readonly images: ReadonlyMap<string, SharedArrayBuffer>
}

/** Why a file is not believed, and what to do. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

/** What a cluster of more than 100,000 Services takes. A file that is larger is neither written nor read. */
const MAX_SNAPSHOT_BYTES = 256 << 20
const MAX_HEAD_BYTES = 1 << 20
const SUM_BYTES = 32
const TITLE = 'kubezone snapshot '
/** To be counted up with what follows here; that of an image has its own number, and the order of octets of the machine in it. */
const FORMAT = `1-${Buffer.from(Uint32Array.of(MAGIC).buffer).toString('latin1')}`
const TITLE_LINE = `${TITLE}${FORMAT}\n`
/** What was left by a process that ended while it wrote is not that of one that writes now. */
const LEFTOVER_MS = 60_000

interface Head {
  /** What the names depend on beside the API. */
  readonly key: string
  readonly writtenMs: number
  readonly images: readonly { name: string; names: number; serial: number; bytes: number }[]
}

/**
 * Puts a snapshot in the place of the file, if there is one. Others have their turn while it is made: the images are frozen. Rejects, and leaves
 * the file as it is, when it is too large or the system does not let it be written.
 */
export async function writeSnapshot(
  file: string,
  key: string,
  writtenMs: number,
  images: ReadonlyMap<string, FrozenImage>,
): Promise<void> {
  const sections = [...images].map(([name, { names, serial, liveBytes }]) => ({
    name,
    names,
    serial,
    bytes: liveBytes,
  }))
  const head: Head = { key, writtenMs, images: sections }
  const start = Buffer.from(`${TITLE_LINE}${JSON.stringify(head)}\n`)
  const size = sections.reduce((sum, { bytes }) => sum + bytes, start.length + SUM_BYTES)
  if (size > MAX_SNAPSHOT_BYTES) throw new Error(`it would have ${size} octets, and ${MAX_SNAPSHOT_BYTES} are the most`)
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  try {
    await withFile(temporary, O_WRONLY | O_CREAT | O_EXCL, async handle => {
      await handle.writeFile(listOctets(start, images.values()))
      await handle.sync()
    })
    await fs.promises.rename(temporary, file)
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  // Without this the name may lead to the old file when the machine has lost its power.
  await withFile(dirname(file), constants.O_RDONLY, handle => handle.sync())
}

async function* listOctets(start: Buffer, images: Iterable<FrozenImage>): AsyncGenerator<Uint8Array> {
  const sum = createHash('sha256')
  yield start
  sum.update(start)
  for (const image of images) {
    for (const portion of packImage(image)) {
      sum.update(portion)
      // What consumes this writes it, and so gives others their turn.
      yield portion
    }
  }
  yield sum.digest()
}

/** Removes what processes that ended while they wrote have left beside the file. */
export async function removeLeftovers(file: string): Promise<void> {
  const names = await fs.promises.readdir(dirname(file))
  const start = `${basename(file)}.`
  for (const name of names.filter(
    name => name.startsWith(start) && /^[\da-f]{12}\.tmp$/.test(name.slice(start.length)),
  )) {
    const path = join(dirname(file), name)
    if (Date.now() - (await fs.promises.stat(path)).mtimeMs > LEFTOVER_MS) await fs.promises.rm(path)
  }
}

/** Undefined where there is no file. Rejects with SnapshotError for one that is not a whole snapshot with this key in this format. */
export async function readSnapshot(file: string, key: string): Promise<Snapshot | undefined> {
  const { O_RDONLY, O_NONBLOCK } = constants
  try {
    // Nobody need write into a pipe for this to go on.
    return await withFile(file, O_RDONLY | O_NONBLOCK, async handle => parseSnapshot(await readWhole(handle), key))
  } catch (error) {
    if (error instanceof SnapshotError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    // Without a code the system has no part in it: the checksum is right, and what it is of is not.
    if (code === undefined) throw new SnapshotError(`it is no snapshot of kubezone (${message}); remove it`)
    throw new SnapshotError(`${message}; name a file that this process can read`)
  }
}

async function readWhole(handle: FileHandle): Promise<Buffer> {
  const found = await handle.stat()
  if (!found.isFile()) throw new SnapshotError('it is no file; name one')
  if (found.size > MAX_SNAPSHOT_BYTES) {
    throw new SnapshotError(`it has ${found.size} octets, and ${MAX_SNAPSHOT_BYTES} are the most; remove it`)
  }
  const octets = Buffer.allocUnsafe(found.size)
  const { bytesRead } = await handle.read(octets, 0, found.size, 0)
  return octets.subarray(0, bytesRead)
}

function parseSnapshot(octets: Buffer, key: string): Snapshot {
  const title = octets.toString('latin1', 0, TITLE_LINE.length)
  if (!title.startsWith(TITLE))
    throw new SnapshotError('it is no snapshot of kubezone; remove it, or name another file')
  if (title !== TITLE_LINE) throw new SnapshotError(`it is in another format than ${FORMAT}, which this version reads`)
  const end = octets.length - SUM_BYTES
  const sum = createHash('sha256')
    .update(octets.subarray(0, Math.max(end, 0)))
    .digest()
  if (end < TITLE_LINE.length || !sum.equals(octets.subarray(end))) {
    throw new SnapshotError('it is damaged: its checksum is that of something else')
  }
  const headEnd = octets.subarray(0, MAX_HEAD_BYTES).indexOf(0x0a, TITLE_LINE.length)
  const head = JSON.parse(octets.toString('utf8', TITLE_LINE.length, headEnd)) as Head
  if (head.key !== key) throw new SnapshotError('it was written with other zones or other options of kubernetes')
  const images = new Map<string, SharedArrayBuffer>()
  let at = headEnd + 1
  for (const { name, names, serial, bytes } of head.images) {
    const image = at + bytes <= end ? unpackImage(octets.subarray(at, at + bytes), names, serial) : undefined
    if (!image) throw new SnapshotError(`what it holds of '${name}' is no image`)
    images.set(name, image)
    at += bytes
  }
  return { writtenMs: head.writtenMs, images }
}

async function withFile<Result>(
  path: string,
  flags: number,
  use: (handle: FileHandle) => Promise<Result>,
): Promise<Result> {
  // Names of the cluster are nobody else's business.
  const handle = await fs.promises.open(path, flags, 0o600)
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}
