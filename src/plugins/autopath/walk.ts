// One question of a walk along a search path, on behalf of a client: the client's message with another name. Its objects are used for walk after
// walk; asking allocates nothing.

import { HEADER_LENGTH, MAX_MESSAGE_SIZE, MAX_NAME_LENGTH } from '../../wire/constants.ts'
import type { WireName } from '../../wire/name.ts'
import { Query, Verdict } from '../../wire/query.ts'
import { Reply } from '../../wire/reply.ts'

export class Walk {
  readonly query = new Query()
  readonly reply = new Reply(Buffer.allocUnsafeSlow(MAX_MESSAGE_SIZE))
  /** How many octets the name that is asked for has. */
  nameLength = 0
  readonly #message = Buffer.allocUnsafeSlow(MAX_MESSAGE_SIZE + MAX_NAME_LENGTH)

  /** Takes the first `baseLength` octets of the client's name and `suffix`; false when that is no name. */
  begin(client: Query, baseLength: number, suffix: WireName): boolean {
    this.nameLength = baseLength + suffix.length
    if (this.nameLength > MAX_NAME_LENGTH) return false
    const message = this.#message
    const { bytes, start, end, questionEnd } = client
    let at = 0
    for (let i = start; i < start + HEADER_LENGTH + baseLength; i++) message[at++] = bytes[i]
    for (let i = 0; i < suffix.length; i++) message[at++] = suffix[i]
    // Type and class of the question, and what is behind it: OPT.
    for (let i = questionEnd - 4; i < end; i++) message[at++] = bytes[i]
    const { query, reply } = this
    query.transport = client.transport
    query.clientAddress = client.clientAddress
    query.clientPort = client.clientPort
    query.depth = client.depth
    if (query.parse(message, 0, at) !== Verdict.Answer) return false
    query.asked = client.asked
    reply.begin(query)
    // The client's reply decides what fits.
    reply.limit = MAX_MESSAGE_SIZE
    return true
  }

  /** The client's address is the transport's, and used for the next message as soon as this has to wait. */
  keepClient(): void {
    this.query.clientAddress = this.query.clientAddress.slice()
  }
}
