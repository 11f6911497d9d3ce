/** As the API has them: a decimal number without leading zeros. What else a server may send is not compared. */
const COMPARABLE = /^[1-9]\d*$/

/** Whether one resourceVersion is of an earlier state than the other (KEP-5504); never when they cannot be compared. */
export function isBefore(one: string, other: string): boolean {
  if (!COMPARABLE.test(one) || !COMPARABLE.test(other)) return false
  return one.length === other.length ? one < other : one.length < other.length
}
