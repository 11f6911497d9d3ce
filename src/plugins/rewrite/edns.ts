// Rules for the EDNS options of the question that goes on.

import { Transport, type Query } from '../../wire/query.ts'
import { HEADER_LENGTH } from '../../wire/constants.ts'
import { formatName } from '../../wire/name.ts'
import type { Plan } from './plan.ts'
import type { Rule } from './rule.ts'

/** `set`: replace or add; `append`: only where there is none; `replace`: only where there is one; `unset`: remove. */
export const Action = { Set: 'set', Append: 'append', Replace: 'replace', Unset: 'unset' } as const
export type Action = (typeof Action)[keyof typeof Action]

/** Codes of options: RFC 5001 and RFC 7871. */
export const OptionCode = { NSID: 3, SUBNET: 8 } as const

/** What an option holds for this query; undefined when that is not known. */
export type OptionData = (query: Query) => Uint8Array | undefined

export class EdnsRule implements Rule {
  readonly isLast: boolean
  readonly #action: Action
  readonly #code: number
  readonly #data: OptionData

  constructor(isLast: boolean, action: Action, code: number, data: OptionData) {
    this.isLast = isLast
    this.#action = action
    this.#code = code
    this.#data = data
  }

  fits(): boolean {
    return true
  }

  apply(plan: Plan): boolean {
    const code = this.#code
    const others = plan.options.filter(option => option.code !== code)
    const isThere = others.length < plan.options.length
    if (this.#action === Action.Unset) {
      if (isThere) plan.setOptions(others)
      return true
    }
    if (isThere ? this.#action === Action.Append : this.#action === Action.Replace) return false
    const data = this.#data(plan.query)
    if (!data) return false
    plan.setOptions([...others, { code, data }])
    return true
  }
}

const word = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)

/** Where the server listens, as far as its server block tells. */
export interface ServerAddress {
  readonly octets: Uint8Array | undefined
  readonly port: number
}

/** What `{NAME}` stands for; undefined for what is not known. */
export function findVariable(name: string, server: ServerAddress): OptionData | undefined {
  switch (name) {
    case 'qname':
      return ({ bytes, start }) => Buffer.from(formatName(bytes, start + HEADER_LENGTH))
    case 'qtype':
      return ({ qtype }) => word(qtype)
    case 'client_ip':
      return ({ clientAddress }) => clientAddress.slice()
    case 'client_port':
      return ({ clientPort }) => word(clientPort)
    case 'protocol':
      return ({ transport }) => Buffer.from(transport === Transport.TCP ? 'tcp' : 'udp')
    case 'server_ip':
      return ({ clientAddress }) => (server.octets?.length === clientAddress.length ? server.octets : undefined)
    case 'server_port':
      return () => word(server.port)
    default:
      return undefined
  }
}

export const VARIABLES = ['qname', 'qtype', 'client_ip', 'client_port', 'protocol', 'server_ip', 'server_port']

/** RFC 7871 section 6: family, source and scope prefix length, then as many octets as the source prefix has. */
export function makeSubnet(v4Length: number, v6Length: number): OptionData {
  return ({ clientAddress }) => {
    const isV4 = clientAddress.length === 4
    const length = isV4 ? v4Length : v6Length
    const address = clientAddress.slice(0, (length + 7) >> 3)
    if ((length & 7) !== 0) address[address.length - 1] &= 0xff << (8 - (length & 7))
    return Uint8Array.of(0, isV4 ? 1 : 2, length, 0, ...address)
  }
}
