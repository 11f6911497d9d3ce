// Bodies in protobuf, for what `kubectl create namespace|service|deployment` and `kubectl drain` send: these clients speak it
// first and ask no one. Field numbers from generated.proto in k8s.io/api and k8s.io/apimachinery; there is no other use of it here,
// and what these tables do not know is refused instead of lost.

import { badRequest } from './errors.ts'
import type { JsonObject } from './json.ts'

type Scalar = 'string' | 'integer' | 'boolean'
type FieldType = Scalar | 'stringMap' | 'intOrString' | 'ignored' | Message
/** Name in JSON and type; `list` repeats, `pointer` keeps its zero (Go writes the zeros of all other fields too). */
type Field = readonly [name: string, type: FieldType, mode?: 'list' | 'pointer']
interface Message {
  readonly [fieldNumber: number]: Field
}

const metadata: Message = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  4: ['selfLink', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'integer'],
  // The server writes the time itself.
  8: ['creationTimestamp', 'ignored'],
  11: ['labels', 'stringMap'],
  12: ['annotations', 'stringMap'],
  13: [
    'ownerReferences',
    {
      1: ['kind', 'string'],
      3: ['name', 'string'],
      4: ['uid', 'string'],
      5: ['apiVersion', 'string'],
      6: ['controller', 'boolean', 'pointer'],
      7: ['blockOwnerDeletion', 'boolean', 'pointer'],
    },
    'list',
  ],
  14: ['finalizers', 'string', 'list'],
}

const container: Message = {
  1: ['name', 'string'],
  2: ['image', 'string'],
  3: ['command', 'string', 'list'],
  4: ['args', 'string', 'list'],
  5: ['workingDir', 'string'],
  6: [
    'ports',
    {
      1: ['name', 'string'],
      2: ['hostPort', 'integer'],
      3: ['containerPort', 'integer'],
      4: ['protocol', 'string'],
      5: ['hostIP', 'string'],
    },
    'list',
  ],
  7: ['env', { 1: ['name', 'string'], 2: ['value', 'string'] }, 'list'],
  8: ['resources', {}],
  14: ['imagePullPolicy', 'string'],
}

const labelSelector: Message = { 1: ['matchLabels', 'stringMap'] }

const podSpec: Message = {
  2: ['containers', container, 'list'],
  3: ['restartPolicy', 'string'],
  7: ['nodeSelector', 'stringMap'],
  8: ['serviceAccountName', 'string'],
  9: ['serviceAccount', 'string'],
  10: ['nodeName', 'string'],
  20: ['initContainers', container, 'list'],
}

const messages: Readonly<Record<string, Message>> = {
  'v1 Namespace': {
    1: ['metadata', metadata],
    2: ['spec', { 1: ['finalizers', 'string', 'list'] }],
    3: ['status', 'ignored'],
  },
  'v1 Service': {
    1: ['metadata', metadata],
    2: [
      'spec',
      {
        1: [
          'ports',
          {
            1: ['name', 'string'],
            2: ['protocol', 'string'],
            3: ['port', 'integer'],
            4: ['targetPort', 'intOrString'],
            5: ['nodePort', 'integer'],
            6: ['appProtocol', 'string', 'pointer'],
          },
          'list',
        ],
        2: ['selector', 'stringMap'],
        3: ['clusterIP', 'string'],
        4: ['type', 'string'],
        5: ['externalIPs', 'string', 'list'],
        7: ['sessionAffinity', 'string'],
        8: ['loadBalancerIP', 'string'],
        9: ['loadBalancerSourceRanges', 'string', 'list'],
        10: ['externalName', 'string'],
        11: ['externalTrafficPolicy', 'string'],
        12: ['healthCheckNodePort', 'integer'],
        13: ['publishNotReadyAddresses', 'boolean'],
        17: ['ipFamilyPolicy', 'string', 'pointer'],
        18: ['clusterIPs', 'string', 'list'],
        19: ['ipFamilies', 'string', 'list'],
        20: ['allocateLoadBalancerNodePorts', 'boolean', 'pointer'],
        21: ['loadBalancerClass', 'string', 'pointer'],
        22: ['internalTrafficPolicy', 'string', 'pointer'],
        23: ['trafficDistribution', 'string', 'pointer'],
      },
    ],
    3: ['status', 'ignored'],
  },
  'apps/v1 Deployment': {
    1: ['metadata', metadata],
    2: [
      'spec',
      {
        1: ['replicas', 'integer', 'pointer'],
        2: ['selector', labelSelector],
        3: ['template', { 1: ['metadata', metadata], 2: ['spec', podSpec] }],
        4: ['strategy', { 1: ['type', 'string'] }],
        5: ['minReadySeconds', 'integer'],
        6: ['revisionHistoryLimit', 'integer', 'pointer'],
        7: ['paused', 'boolean'],
        9: ['progressDeadlineSeconds', 'integer', 'pointer'],
      },
    ],
    3: ['status', 'ignored'],
  },
}

const deleteOptions: Message = {
  1: ['gracePeriodSeconds', 'integer', 'pointer'],
  2: ['preconditions', { 1: ['uid', 'string', 'pointer'], 2: ['resourceVersion', 'string', 'pointer'] }],
  3: ['orphanDependents', 'boolean', 'pointer'],
  4: ['propagationPolicy', 'string', 'pointer'],
  5: ['dryRun', 'string', 'list'],
}

const noContent = Buffer.alloc(0)

const magic = Buffer.from('k8s\0')

// runtime.Unknown, the envelope of every message.
const envelopeTypeMeta = 1
const envelopeRaw = 2

/** The object as JSON would give it. Throws ApiError 400 for what is no such message or holds what is not known here. */
export function parseProtobuf(octets: Buffer): JsonObject {
  if (!octets.subarray(0, magic.length).equals(magic)) throw malformed('it does not begin with "k8s\\0"')
  let apiVersion = ''
  let kind = ''
  let raw: Buffer = noContent
  for (const { number, content } of readFields(octets.subarray(magic.length))) {
    if (number === envelopeRaw) raw = content
    if (number === envelopeTypeMeta) {
      for (const field of readFields(content)) {
        if (field.number === 1) apiVersion = field.content.toString()
        if (field.number === 2) kind = field.content.toString()
      }
    }
  }
  const message = kind === 'DeleteOptions' ? deleteOptions : messages[`${apiVersion} ${kind}`]
  if (message === undefined) throw malformed(`${apiVersion} ${kind} is known here in JSON only`)
  return { apiVersion, kind, ...decodeMessage(raw, message, kind) }
}

function malformed(why: string): Error {
  return badRequest(`the protobuf body cannot be read: ${why}`)
}

interface WireField {
  number: number
  /** Of a varint. */
  value: number
  /** Of what has a length. */
  content: Buffer
}

function* readFields(octets: Buffer): Generator<WireField> {
  let offset = 0
  const readVarint = (): number => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const octet = octets[offset++]
      if (octet === undefined || shift > 63n) throw malformed('a number is cut off')
      value |= BigInt(octet & 0x7f) << shift
      if (octet < 0x80) return Number(BigInt.asIntN(64, value))
    }
  }
  while (offset < octets.length) {
    const key = readVarint()
    const wireType = key & 7
    const number = key >>> 3
    if (wireType === 0) {
      yield { number, value: readVarint(), content: noContent }
    } else if (wireType === 2) {
      const length = readVarint()
      if (length < 0 || offset + length > octets.length) throw malformed('a field is cut off')
      yield { number, value: 0, content: octets.subarray(offset, offset + length) }
      offset += length
    } else {
      throw malformed(`wire type ${wireType}`)
    }
  }
}

function decodeMessage(octets: Buffer, message: Message, path: string): JsonObject {
  const result: JsonObject = {}
  for (const field of readFields(octets)) {
    const known = message[field.number]
    if (known === undefined) {
      if (field.value === 0 && field.content.length === 0) continue
      throw malformed(`field ${field.number} of ${path} is not known; send it as JSON`)
    }
    const [name, type, mode] = known
    if (type === 'ignored') continue
    if (type === 'stringMap') {
      const entry = decodeMessage(field.content, mapEntry, `${path}.${name}`)
      result[name] = { ...(result[name] as JsonObject | undefined), [String(entry['key'])]: entry['value'] }
      continue
    }
    const value = decodeValue(field, type, `${path}.${name}`)
    if (mode === 'list') result[name] = [...((result[name] as unknown[] | undefined) ?? []), value]
    else if (mode === 'pointer' || (value !== '' && value !== 0 && value !== false)) result[name] = value
  }
  return result
}

const mapEntry: Message = { 1: ['key', 'string', 'pointer'], 2: ['value', 'string', 'pointer'] }

const intOrString: Message = { 1: ['type', 'integer'], 2: ['number', 'integer', 'pointer'], 3: ['text', 'string'] }

function decodeValue(field: WireField, type: Scalar | 'intOrString' | Message, path: string): unknown {
  if (type === 'string') return field.content.toString()
  if (type === 'integer') return field.value
  if (type === 'boolean') return field.value !== 0
  if (type !== 'intOrString') return decodeMessage(field.content, type, path)
  const { type: isText, number, text } = decodeMessage(field.content, intOrString, path)
  return isText === 1 ? (text ?? '') : (number ?? 0)
}
