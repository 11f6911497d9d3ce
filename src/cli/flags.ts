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
  readonly set?: (flags: Flags, isOn: boolean) => void
}

/** What strconv.ParseBool takes, by which Go reads the value of a switch. */
const BOOLEANS = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map(text => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map(text => [text, false] as const),
])

const FLAGS: Record<string, Flag> = {
  conf: { value: (flags, value) => (flags.conf = value) },
  'dns.port': { value: setPort },
  p: { value: setPort },
  pidfile: { value: (flags, value) => (flags.pidfile = value) },
  plugins: { set: (flags, isOn) => (flags.plugins = isOn) },
  quiet: { set: (flags, isOn) => (flags.quiet = isOn) },
  version: { set: (flags, isOn) => (flags.version = isOn) },
  help: { set: (flags, isOn) => (flags.help = isOn) },
  h: { set: (flags, isOn) => (flags.help = isOn) },
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
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(args[i])
    // Behind `--` there are no flags.
    const extra = match ? undefined : args[args[i] === '--' ? i + 1 : i]
    if (extra !== undefined) throw new UsageError(`'${extra}' is neither a command nor a flag (see --help)`)
    if (!match) break
    const [, name, inline] = match
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined
    if (!flag) throw new UsageError(`unknown flag '${args[i]}' (see --help)`)
    i++
    if (flag.set) {
      const isOn = BOOLEANS.get(inline ?? 'true')
      if (isOn === undefined) throw new UsageError(`-${name} '${inline}': true or false is expected, or no value`)
      flag.set(flags, isOn)
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
