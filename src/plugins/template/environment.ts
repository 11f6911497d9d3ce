// What an expression can ask of a question (CoreDNS plugin/pkg/expression).

import { parsePrefix } from '../../corefile/cidr.ts'
import { contains } from '../../corefile/networks.ts'
import { findMetadata } from '../../server/metadata.ts'
import type { Block } from '../../server/plugin.ts'
import { formatAddress, parseAddress } from '../../wire/address.ts'
import { MAX_MESSAGE_SIZE, formatClass, formatType } from '../../wire/constants.ts'
import { formatName } from '../../wire/name.ts'
import { type Query, Transport } from '../../wire/query.ts'
import { type ExprFunction, type ExprType, type ExprValue, ExpressionError } from './library.ts'

/** What an expression is about. */
export interface Asked {
  readonly query: Query
  readonly block: Block
  /** Groups of the regular expression that fitted, by number and by name. */
  readonly groups: ReadonlyMap<string, string>
}

const ask = (returns: ExprType, of: (query: Query) => ExprValue): ExprFunction<Asked> => ({
  args: [],
  returns,
  call: (_, { query }) => of(query),
})

const isUdp = ({ transport }: Query): boolean => transport === Transport.UDP

export const QUESTION_FUNCTIONS: Readonly<Record<string, ExprFunction<Asked>>> = {
  name: ask('string', query => formatName(query.name)),
  type: ask('string', ({ qtype }) => formatType(qtype)),
  class: ask('string', ({ qclass }) => formatClass(qclass)),
  proto: ask('string', query => (isUdp(query) ? 'udp' : 'tcp')),
  size: ask('number', ({ size }) => size),
  client_ip: ask('string', ({ clientAddress }) => formatAddress(clientAddress)),
  port: ask('string', ({ clientPort }) => String(clientPort)),
  id: ask('number', ({ id }) => id),
  opcode: ask('number', ({ opcode }) => opcode),
  do: ask('bool', ({ dnssecOk }) => dnssecOk),
  bufsize: ask('number', query => (isUdp(query) ? query.udpSize : MAX_MESSAGE_SIZE)),
  server_port: { args: [], returns: 'string', call: (_, { block }) => String(block.keys[0].port) },
  incidr: {
    args: ['string', 'string'],
    returns: 'bool',
    call([address, network]) {
      const octets = parseAddress(address as string)
      const prefix = (network as string).includes('/') ? parsePrefix(network as string) : undefined
      if (!octets) throw new ExpressionError(`incidr: '${address as string}' is no address`)
      if (!prefix) throw new ExpressionError(`incidr: '${network as string}' is no network`)
      return octets.length === prefix.address.length && contains(prefix, octets)
    },
  },
  metadata: {
    args: ['string'],
    returns: 'string',
    call: ([label], { query, block }) => findMetadata(block, label as string)(query) ?? '',
  },
  group: {
    args: ['any'],
    returns: 'string',
    call: ([key], { groups }) =>
      (typeof key === 'number' || typeof key === 'string' ? groups.get(String(key)) : undefined) ?? '',
  },
}
