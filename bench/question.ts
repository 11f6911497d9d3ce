// A question as a client sends it.

import { Type } from '../src/wire/constants.ts'

/** The message for `NAME TYPE`. */
export function encodeQuery(question: string): Buffer {
  const [name, type] = question.split(' ', 2)
  const labels = name.split('.').map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  const number = Type[type as keyof typeof Type]
  const head = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, ...labels, Buffer.from([0, number >> 8, number & 255, 0, 1])])
}
