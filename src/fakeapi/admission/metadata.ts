import type { ApiObject, Resource } from '../object.ts'
import type { LabelSelector } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { checkLabel, checkLabelValue, checkQualifiedName, checkSubdomain } from './names.ts'

// KEP-5311 is on by default since Kubernetes 1.36: the name of a Service may begin with a digit.
const LABEL_NAMED = new Set(['Namespace', 'Service', 'StatefulSet', 'ServiceImport'])
const MAX_ANNOTATION_BYTES = 256 * 1024

/** Checks `metadata` as ValidateObjectMeta of k8s.io/apimachinery does. */
export function validateMetadata(resource: Resource, object: ApiObject, causes: Causes): void {
  const { name, namespace, labels, annotations, ownerReferences } = object.metadata
  const checkName = LABEL_NAMED.has(resource.kind) ? checkLabel : checkSubdomain
  if (!name) causes.required('metadata.name', 'name or generateName is required')
  else causes.invalid('metadata.name', name, checkName(name))
  if (resource.namespaced) {
    if (!namespace) causes.required('metadata.namespace')
    else causes.invalid('metadata.namespace', namespace, checkLabel(namespace))
  } else if (namespace) {
    causes.forbidden('metadata.namespace', 'not allowed on this type')
  }
  validateLabels(labels, 'metadata.labels', causes)
  validateAnnotations(annotations, 'metadata.annotations', causes)
  for (const [i, reference] of (ownerReferences ?? []).entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (!reference[field]) causes.required(`metadata.ownerReferences[${i}].${field}`, 'must not be empty')
    }
  }
}

export function validateLabels(labels: Record<string, string> | undefined, field: string, causes: Causes): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    causes.invalid(field, key, checkQualifiedName(key))
    causes.invalid(field, value, checkLabelValue(value))
  }
}

export function validateAnnotations(
  annotations: Record<string, string> | undefined,
  field: string,
  causes: Causes,
): void {
  let bytes = 0
  for (const [key, value] of Object.entries(annotations ?? {})) {
    causes.invalid(field, key, checkQualifiedName(key.toLowerCase()))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > MAX_ANNOTATION_BYTES) causes.invalid(field, '', `may not be more than ${MAX_ANNOTATION_BYTES} bytes`)
}

export function validateSelector(selector: LabelSelector, field: string, causes: Causes): void {
  validateLabels(selector.matchLabels, `${field}.matchLabels`, causes)
  for (const [i, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) {
        causes.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
      }
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) {
        causes.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
      }
    } else {
      causes.invalid(`${at}.operator`, operator, 'not a valid selector operator')
    }
    causes.invalid(`${at}.key`, key, checkQualifiedName(key ?? ''))
    for (const [j, value] of values.entries()) causes.invalid(`${at}.values[${j}]`, value, checkLabelValue(value))
  }
}
