// What keeps the process small. V8 and malloc keep what they once had, in the hope of using it again; a server that has heard its lists and
// answers without allocating does not. docs/decisions.md has what each of these gave.

import { readFileSync, realpathSync } from 'node:fs'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import type koffi from 'koffi'

/** <malloc.h> and <sys/mman.h> of glibc and Linux. */
const M_TRIM_THRESHOLD = -1
const M_MMAP_THRESHOLD = -3
const MADV_DONTNEED = 4

/** glibc's own value for both at the start, from which it goes up to 32 MB with each buffer that is given back unless it is set. */
const THRESHOLD_BYTES = 128 << 10

/** The first list is a small one if it is over by then. */
const RELEASE_MS = 250

/** While a list comes, so often is looked for how much of the program itself has come back; above this, it is let go again. */
const LOOK_MS = 25
const RETURNED_KIB = 8 << 10

/** The sockets are open by then: to find what can be let go takes up to 20 ms the first time. */
export const RELEASE_AFTER_MS = 100

/** What has been allocated between the start and the end of the first lists, above which a collection pays: it takes 20 ms of the start, a thorough one a few times as long. */
const COLLECTED_BYTES = 8 << 20

/** A few collections, one after the other, behind which V8 keeps no empty pages, nor half empty ones: of a large heap, they are a quarter. */
const THOROUGH = { type: 'major', flavor: 'last-resort' } as const

/** A small cluster has been heard by then; the lists of a large one have only begun. */
const SAVING_AFTER_MS = 300

/**
 * To be called before the first lists come, and behind what Node compiles: its own modules lie in it compiled for the flags that V8 has started with,
 * and are compiled anew for others. The young generation stays at 1 MB instead of growing to 16 with the first lists, and the old one, soon,
 * is collected when it has grown by a little instead of by half: from the beginning, that would be a collection of what the start itself has loaded,
 * a tenth of its CPU. V8 reads these flags each time, so they hold for a heap that is there already.
 */
export function keepHeapSmall(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1')
  // V8 has other threads help, and waits for them to be woken up: on a busy node that takes longer than to do it alone.
  v8.setFlagsFromString('--no-parallel-scavenge')
  setTimeout(() => v8.setFlagsFromString('--memory-saver-mode'), SAVING_AFTER_MS).unref()
  // V8's own collections of a heap that grows no more would come in the middle of a load; `relieve` makes that one when nobody asks.
  v8.setFlagsFromString('--memory-reducer-gc-count=0')
}

export class Memory {
  readonly #collect: (options?: typeof THOROUGH) => void
  #system: System | undefined
  readonly #startBytes = v8.getHeapStatistics().used_heap_size
  #mayGrow = false
  #braces = 0
  #bracing: readonly NodeJS.Timeout[] = []
  #soon: NodeJS.Timeout | undefined
  #pure: ReadonlySet<string> | undefined
  /** Of files, what may be resident while a list comes. */
  #mostFileKib = Number.POSITIVE_INFINITY

  constructor() {
    v8.setFlagsFromString('--expose-gc')
    this.#collect = runInNewContext('gc') as (options?: typeof THOROUGH) => void
  }

  /** From then on malloc gives large buffers back at once, and so does this. To be called while the API is waited for: it takes 10 ms of the CPU. */
  async load(): Promise<void> {
    if (this.#system) return
    this.#system = await loadSystem()
    this.#system?.mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES)
    this.#system?.mallopt(M_TRIM_THRESHOLD, THRESHOLD_BYTES)
  }

  /**
   * To be called when the lists have been heard: what queries for other servers' names leave behind is best collected in larger portions (a third
   * less CPU for each), and names of the cluster leave nothing behind.
   */
  letYoungHeapGrow(): void {
    this.#mayGrow = true
    this.#setGrowth()
  }

  /**
   * Gives back what the first lists have left behind. If that is much it stops this thread for as long as a collection of the whole heap takes, or,
   * where nobody asks yet, a few of them. What the system is given back follows when answers go out already.
   */
  relieve(isAsked: boolean): void {
    if (v8.getHeapStatistics().used_heap_size - this.#startBytes > COLLECTED_BYTES) {
      // A collection moves what it keeps, and has it twice meanwhile.
      this.#release()
      this.#collect(isAsked ? undefined : THOROUGH)
    }
    this.#releaseSoon()
  }

  /**
   * A list begins, or another one. Until the function that it returns is called for each, V8 collects in small portions, and what comes back of the
   * program is let go; then all is given back.
   */
  brace(): () => void {
    this.#braces++
    this.#setGrowth()
    if (this.#braces === 1) {
      const look = (): void => {
        if (readFileKib() > this.#mostFileKib) this.#release()
      }
      this.#bracing = [setTimeout(() => this.#release(), RELEASE_MS).unref(), setInterval(look, LOOK_MS).unref()]
    }
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#braces > 0) return
      for (const timer of this.#bracing) clearInterval(timer)
      this.#setGrowth()
      this.#releaseSoon()
    }
  }

  #setGrowth(): void {
    v8.setFlagsFromString(`--semi-space-growth-factor=${this.#mayGrow && this.#braces === 0 ? 2 : 1}`)
  }

  #releaseSoon(): void {
    clearTimeout(this.#soon)
    this.#soon = setTimeout(() => this.#release(), RELEASE_AFTER_MS).unref()
  }

  #release(): void {
    const system = this.#system
    if (!system) return
    this.#pure ??= new Set(listPureMappings(realpathSync(process.execPath)))
    system.malloc_trim(0)
    for (const line of readOwn('maps').split('\n')) {
      if (!this.#pure.has(line)) continue
      const [from, to] = line.split(/[- ]/, 2).map(digits => BigInt(`0x${digits}`))
      system.madvise(from, to - from, MADV_DONTNEED)
    }
    this.#mostFileKib = readFileKib() + RETURNED_KIB
  }
}

interface System {
  mallopt(parameter: number, value: number): number
  malloc_trim(pad: number): number
  madvise(address: bigint, length: bigint, advice: number): number
}

/** Undefined without koffi, and where libc is not glibc. */
async function loadSystem(): Promise<System | undefined> {
  try {
    const { default: loaded }: { default: typeof koffi } = await import('koffi')
    const libc = loaded.load(null)
    return {
      mallopt: libc.func('int mallopt(int, int)'),
      malloc_trim: libc.func('int malloc_trim(size_t)'),
      madvise: libc.func('int madvise(uintptr_t, size_t, int)'),
    }
  } catch {
    return undefined
  }
}

/**
 * Where `file` is mapped and each page is still that of the file, as lines of /proc/PID/maps. Such pages are not lost when they are let go: the kernel
 * maps them again from its cache when they are needed, which most of those that started V8 never are.
 */
export function listPureMappings(file: string, smaps = readOwn('smaps')): string[] {
  return [...smaps.matchAll(/^([\da-f]+-[\da-f]+ r-[x-]p \S+ \S+ \d+ +(.+))\n(?:[A-Z].*\n)*?Anonymous: +0 kB$/gm)]
    .filter(([, , name]) => name === file)
    .map(([, line]) => line)
}

/** Resident pages of files. */
const readFileKib = (): number => Number(/^RssFile:\s+(\d+)/m.exec(readOwn('status'))?.[1] ?? 0)

/** Empty where /proc is not mounted: memory that is not given back is no reason not to answer. */
function readOwn(file: 'maps' | 'smaps' | 'status'): string {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8')
  } catch {
    return ''
  }
}
