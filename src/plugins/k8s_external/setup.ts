import type { Cursor } from '../../corefile/directive.ts'
import { CorefileError } from '../../corefile/error.ts'
import type { Handler } from '../../server/handler.ts'
import { type Block, type Plugin, joinChain } from '../../server/plugin.ts'
import { isReverseZone } from '../../wire/address.ts'
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../../wire/constants.ts'
import { parseName } from '../../wire/name.ts'
import { ZoneImage } from '../../zones/image.ts'
import { ImagePrimary } from '../../zones/primary.ts'
import { type ExternalOptions, type ExternalSource, isExternalSource } from '../external.ts'
import { ExternalHandler, encodeSoaNames } from './external.ts'

interface Options extends ExternalOptions {
  /** Zones whose missing names go to the next plugin; `.` is all. */
  readonly fallthrough: readonly string[]
}

const DEFAULT_TTL_SECONDS = 5
const MAX_TTL_SECONDS = 3600
const DEFAULT_APEX = 'dns'
const APEX = new RegExp(`^[a-z0-9_-]{1,${MAX_LABEL_LENGTH}}$`)
const PROPERTIES = ['apex', 'ttl', 'headless', 'fallthrough']

export const external: Plugin = {
  name: 'k8s_external',
  repeatable: false,
  setup(cursor, block) {
    const options = readOptions(cursor, block.zones)
    const { zones, apex, ttlSeconds, fallthrough } = options
    const origins = zones.map(zone => parseName(zone)!)
    const soaNames = encodeSoaNames(apex)
    const primary = new ImagePrimary(origins, ttlSeconds, soaNames)
    const image = new ZoneImage()
    const author = joinChain(block, 'k8s_external')
    const resolver: Handler = { serve: (asked, reply) => block.resolver.serve(asked, reply) }
    return {
      primary,
      handler(next) {
        // All plugins of the block are set up by now.
        findSource(cursor, block).followExternal(options, { onImage: buffer => image.attach(buffer), primary })
        const query = {
          zones: origins,
          soaNames,
          ttlSeconds,
          fallthrough: fallthrough.map(zone => parseName(zone)!),
        }
        return new ExternalHandler(image, query, author, next, resolver)
      },
    }
  },
}

function findSource(cursor: Cursor, { instances }: Block): ExternalSource {
  const source = instances.map(({ instance }) => instance).find(isExternalSource)
  if (source) return source
  const what = "k8s_external has no plugin 'kubernetes' in its server block to know Services from"
  throw new CorefileError('bad_argument', cursor.name, what, "'kubernetes' beside it")
}

function readOptions(cursor: Cursor, blockZones: readonly string[]): Options {
  const own = cursor.zones()
  let apex = DEFAULT_APEX
  let ttlSeconds = DEFAULT_TTL_SECONDS
  let headless = false
  const fallthrough: string[] = []
  for (const line of cursor.block()) {
    switch (line.name.text) {
      case 'apex':
        apex = readApex(line)
        break
      case 'ttl':
        ttlSeconds = line.integer(0, MAX_TTL_SECONDS)
        break
      case 'headless':
        headless = true
        break
      case 'fallthrough':
        fallthrough.push(...(line.args.length > 0 ? line.zones() : ['.']))
        break
      default:
        throw line.unknown(PROPERTIES)
    }
    line.end()
    line.noBlock()
  }
  const zones = [...new Set(own.length > 0 ? own : blockZones)]
  checkZones(cursor, zones, apex)
  return { zones, apex, ttlSeconds, headless, fallthrough }
}

function readApex(line: Cursor): string {
  const token = line.requireArg('a label such as dns')
  const apex = token.text.toLowerCase()
  if (!APEX.test(apex)) throw line.error('bad_argument', `'${token.text}' is no label`, 'a label such as dns', token)
  return apex
}

function checkZones(cursor: Cursor, zones: readonly string[], apex: string): void {
  if (zones.every(isReverseZone)) {
    const what = `k8s_external has only reverse zones (${zones.join(' ')})`
    throw new CorefileError('bad_zone', cursor.name, what, 'a zone for PTR records to point into, such as example.org')
  }
  const room = MAX_NAME_LENGTH - `hostmaster.${apex}.`.length - 1
  const long = zones.find(zone => parseName(zone)!.length > room)
  if (long === undefined) return
  const what = `zone '${long}' leaves no room for the names in it`
  throw new CorefileError('bad_zone', cursor.name, what, `at most ${room} octets`)
}
