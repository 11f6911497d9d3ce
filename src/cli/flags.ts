// The flags of the command line: CoreDNS's own, with one dash or two as Go's flag package takes them, and kubezone's.

export interface Flags {
  conf: string | undefined
  dnsPort: number | undefined
  pidfile: string | undefined
  plugins: boolean
  quiet: boolean
  version: boolean
  help: boolean
  manifests: string[]
  kubeconfig: string | undefined
  logFormat: 'text' | 'json'
}

/** A command line that cannot be understood; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface Flag {
  /** Takes a value; without it the flag is a switch. */
  readonly value?: (flags: Flags, value: string) => void
  /** Takes all arguments up to the next flag. */
  readonly values?: (flags: Flags, values: string[]) => void
  readonly set?: (flags: Flags) => void
}

const FLAGS: Record<string, Flag> = {
  conf: { value: (flags, value) => (flags.conf = value) },
  'dns.port': { value: setPort },
  p: { value: setPort },
  pidfile: { value: (flags, value) => (flags.pidfile = value) },
  plugins: { set: flags => (flags.plugins = true) },
  quiet: { set: flags => (flags.quiet = true) },
  version: { set: flags => (flags.version = true) },
  help: { set: flags => (flags.help = true) },
  h: { set: flags => (flags.help = true) },
  manifests: { values: (flags, values) => flags.manifests.push(...values) },
  kubeconfig: { value: (flags, value) => (flags.kubeconfig = value) },
  'log-format': { value: setLogFormat },
}

export function parseFlags(args: readonly string[]): Flags {
  const flags: Flags = {
    conf: undefined,
    dnsPort: undefined,
    pidfile: undefined,
    plugins: false,
    quiet: false,
    version: false,
    help: false,
    manifests: [],
    kubeconfig: undefined,
    logFormat: 'text',
  }
  for (let i = 0; i < args.length; ) {
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(args[i])
    if (!match) throw new UsageError(`extra argument '${args[i]}': flags begin with a dash (see --help)`)
    const [, name, inline] = match
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined
    if (!flag) throw new UsageError(`unknown flag '${args[i]}' (see --help)`)
    i++
    if (flag.set) {
      if (inline !== undefined && inline !== 'true') throw new UsageError(`the flag -${name} takes no value`)
      flag.set(flags)
      continue
    }
    const values = inline === undefined ? takeValues(args, i, flag.values !== undefined) : [inline]
    if (inline === undefined) i += values.length
    if (values.length === 0) throw new UsageError(`the flag -${name} needs a value (see --help)`)
    if (flag.values) flag.values(flags, values)
    else flag.value?.(flags, values[0])
  }
  return flags
}

/** The argument at `from`, or all up to the next flag. */
function takeValues(args: readonly string[], from: number, isList: boolean): string[] {
  if (!isList) return args.slice(from, from + 1)
  const end = args.findIndex((arg, i) => i >= from && isFlag(arg))
  return args.slice(from, end < 0 ? undefined : end)
}

const isFlag = (arg: string): boolean => arg.startsWith('-') && arg !== '-'

function setPort(flags: Flags, value: string): void {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new UsageError(`-dns.port '${value}': a number from 0 to 65535 is expected`)
  }
  flags.dnsPort = Number(value)
}

function setLogFormat(flags: Flags, value: string): void {
  if (value !== 'text' && value !== 'json') throw new UsageError(`--log-format '${value}': text or json is expected`)
  flags.logFormat = value
}
