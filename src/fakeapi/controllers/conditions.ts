import type { Condition } from '../shapes.ts'

/** `conditions` with one of them set; the time of its last transition stays when its status does. */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Condition,
  now: string,
): Condition[] {
  const before = conditions?.find(({ type }) => type === wanted.type)
  const isSame = before?.status === wanted.status
  const next = { ...wanted, lastTransitionTime: isSame ? (before?.lastTransitionTime ?? now) : now }
  const others = (conditions ?? []).filter(({ type }) => type !== wanted.type)
  return [...others, next].sort((a, b) => (a.type < b.type ? -1 : 1))
}

/** Now, as the API writes times: to the second. */
export function timestamp(date = new Date()): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}
