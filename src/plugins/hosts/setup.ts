import { resolve } from 'node:path'
import type { Cursor } from '../../corefile/directive.ts'
import { type Block, type Instance, type Plugin, joinChain } from '../../server/plugin.ts'
import { lowerName, parseName } from '../../wire/name.ts'
import { MAX_TIMER_MS } from '../duration.ts'
import { Scope } from '../scope.ts'
import { HostsFile } from './file.ts'
import { Hosts } from './hosts.ts'
import { type LineOptions, addLine, parseHostAddress } from './line.ts'
import { HostTable } from './table.ts'

const DEFAULT_PATH = '/etc/hosts'
const DEFAULT_TTL_SECONDS = 3600
const MAX_TTL_SECONDS = 65_535
const DEFAULT_RELOAD_MS = 5_000
const PROPERTIES = ['ttl', 'no_reverse', 'reload', 'fallthrough', 'fallthrough_unsupported']

interface Options {
  ttlSeconds: number
  hasReverse: boolean
  reloadMs: number
  fallthrough: string[]
  fallthroughUnsupported: boolean
  /** Lines of the Corefile that are as those of the file. */
  inline: string[]
}

export const hosts: Plugin = {
  name: 'hosts',
  repeatable: false,
  setup(cursor, block) {
    const path = resolve(block.directory, cursor.nextArg()?.text ?? DEFAULT_PATH)
    const written = cursor.zones()
    const zones = new Scope(written.length > 0 ? written : block.zones)
    const options = readOptions(cursor, block)
    const lineOptions: LineOptions = {
      origins: zones.zones.map(zone => lowerName(parseName(zone)!)),
      ttlSeconds: options.ttlSeconds,
      hasReverse: options.hasReverse,
    }
    const inline = new HostTable()
    for (const line of options.inline) addLine(inline, line, lineOptions)
    return makeInstance(path, zones, options, lineOptions, inline, block)
  },
}

function makeInstance(
  path: string,
  zones: Scope,
  options: Options,
  lineOptions: LineOptions,
  inline: HostTable,
  block: Block,
): Instance {
  const { notices, metrics } = block.process
  const file = new HostsFile(path, lineOptions, notices, () => {
    // The same in every thread.
    const help = 'The combined number of entries in hosts and Corefile.'
    const entries = file.table.recordCount + inline.recordCount
    metrics.gauge('coredns_hosts_entries', help, ['hostsfile']).track([path], () => entries)
    const changedSeconds = file.changedMs / 1000
    metrics
      .gauge('coredns_hosts_reload_timestamp_seconds', 'The timestamp of the last reload of hosts file.')
      .track([], () => changedSeconds)
  })
  const author = joinChain(block, 'hosts')
  const { fallthroughUnsupported } = options
  const fallthrough = new Scope(options.fallthrough)
  return {
    handler: next => new Hosts(next, author, { zones, fallthrough, fallthroughUnsupported }, file, inline),
    start: () => file.start(options.reloadMs),
    stop: () => file.stop(),
  }
}

function readOptions(cursor: Cursor, block: Block): Options {
  const options: Options = {
    ttlSeconds: DEFAULT_TTL_SECONDS,
    hasReverse: true,
    reloadMs: DEFAULT_RELOAD_MS,
    fallthrough: [],
    fallthroughUnsupported: false,
    inline: [],
  }
  for (const line of cursor.block()) {
    switch (line.name.text) {
      case 'ttl':
        options.ttlSeconds = line.integer(1, MAX_TTL_SECONDS)
        line.end()
        break
      case 'no_reverse':
        options.hasReverse = false
        line.end()
        break
      case 'reload':
        options.reloadMs = line.durationMs(0, MAX_TIMER_MS)
        line.end()
        break
      case 'fallthrough': {
        const zones = line.zones()
        options.fallthrough = zones.length > 0 ? zones : ['.']
        break
      }
      case 'fallthrough_unsupported':
        options.fallthroughUnsupported = true
        line.end()
        break
      default:
        readInline(line, options, block)
    }
    line.noBlock()
  }
  if (options.fallthroughUnsupported && options.fallthrough.length === 0) {
    throw cursor.error(
      'bad_argument',
      'fallthrough_unsupported without fallthrough',
      'fallthrough beside it',
      cursor.name,
    )
  }
  return options
}

/** CoreDNS takes every line before `fallthrough` for one of the file, and leaves out what makes no sense; such a line is told of here. */
function readInline(line: Cursor, options: Options, block: Block): void {
  const { name } = line
  if (options.fallthrough.length > 0) {
    if (!parseHostAddress(name.text)) throw line.unknown(PROPERTIES)
    throw line.error('unexpected_token', `${name.text} behind fallthrough`, 'the addresses before it', name)
  }
  if (!parseHostAddress(name.text)) {
    const position = `${name.file}:${name.line}:${name.column}`
    block.process.notices.warn(
      `plugin/hosts: ${position}: '${name.text}' is neither an address nor a property; left out`,
    )
  }
  options.inline.push([name, ...line.remainingArgs()].map(({ text }) => text).join(' '))
}
