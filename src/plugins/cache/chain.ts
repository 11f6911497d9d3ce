// Whether an answer section answers its question: the records of a name behind any CNAMEs (RFC 1034 section 3.6.2, RFC 2308 section 2.2).

import { Class, HEADER_LENGTH, Type } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import { lowerOctet } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'

/** CNAMEs in a row. A chain that leads back ends here, too. */
const MAX_CHAIN = 16
/** Comparisons of names for one answer: what an upstream server sends may be made to cost much. */
const MAX_COMPARISONS = 4_096
/** Labels and pointers of one name; there are at most 127 labels. */
const MAX_STEPS = 256
const NO_TARGET = -1
const AMBIGUOUS = -2

export class AnswerChain {
  readonly #cursor = new RecordCursor()
  #query!: Query
  #reply!: Reply
  #recordsAt = 0
  #comparisons = 0

  /** `recordsAt`: where the records begin. A name with two different CNAMEs has no answer (RFC 2181 section 10.1). */
  answers(query: Query, reply: Reply, recordsAt: number): boolean {
    this.#query = query
    this.#reply = reply
    this.#recordsAt = recordsAt
    this.#comparisons = 0
    let owner = reply.start + HEADER_LENGTH
    if (query.qtype === Type.ANY) return this.#has(owner, Type.ANY)
    if (query.qtype === Type.CNAME) return this.#target(owner) >= 0
    for (let links = 0; links <= MAX_CHAIN; links++) {
      const target = this.#target(owner)
      if (target === AMBIGUOUS) return false
      if (target === NO_TARGET) return this.#has(owner, query.qtype)
      owner = target
    }
    return false
  }

  /** Where the target of the owner's CNAME is; NO_TARGET, AMBIGUOUS. */
  #target(owner: number): number {
    const cursor = this.#rewind()
    let target = NO_TARGET
    while (cursor.next()) {
      if (cursor.type !== Type.CNAME || !this.#isOwnedBy(owner)) continue
      if (target !== NO_TARGET && !this.#isSame(target, cursor.rdataAt)) return AMBIGUOUS
      target = cursor.rdataAt
    }
    return target
  }

  #has(owner: number, type: number): boolean {
    const cursor = this.#rewind()
    while (cursor.next()) if ((type === Type.ANY || cursor.type === type) && this.#isOwnedBy(owner)) return true
    return false
  }

  #rewind(): RecordCursor {
    const { bytes, position, counts } = this.#reply
    this.#cursor.reset(bytes, this.#recordsAt, position, counts[0], 0, 0)
    return this.#cursor
  }

  #isOwnedBy(owner: number): boolean {
    const { qclass } = this.#query
    return (qclass === Class.ANY || this.#cursor.class === qclass) && this.#isSame(owner, this.#cursor.ownerAt)
  }

  #isSame(a: number, b: number): boolean {
    return ++this.#comparisons <= MAX_COMPARISONS && isSameName(this.#reply, a, b)
  }
}

/** Whether the names at two offsets are the same, but for case; malformed ones are not. */
function isSameName(reply: Reply, a: number, b: number): boolean {
  const { bytes, position } = reply
  let left = a
  let right = b
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    left = followPointers(reply, left)
    right = followPointers(reply, right)
    if (left < 0 || right < 0) return false
    if (left === right) return true
    const length = bytes[left]
    if (length !== bytes[right]) return false
    if (length === 0) return true
    if (left + length >= position || right + length >= position) return false
    for (let i = 1; i <= length; i++) if (lowerOctet(bytes[left + i]) !== lowerOctet(bytes[right + i])) return false
    left += length + 1
    right += length + 1
  }
  return false
}

/** Where the label is that stands or is pointed to at `at`; -1 where there is none. */
function followPointers(reply: Reply, at: number): number {
  const { bytes, start, position } = reply
  let label = at
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    if (label >= position) return -1
    if (bytes[label] < 0xc0) return label
    label = start + (((bytes[label] & 0x3f) << 8) | bytes[label + 1])
  }
  return -1
}
