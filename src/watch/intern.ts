/**
 * More than this many different namespaces, nodes and port names, and the table starts afresh: sharing is lost, nothing
 * else.
 */
const MAX_STRINGS = 65_536

const strings = new Map<string, string>()

/**
 * The one copy of a string that many objects repeat. JSON.parse makes a new string for each occurrence (short ones
 * aside), so that without this 20,000 endpoints would hold 20,000 copies of their node's name.
 */
export function intern(text: string): string {
  const known = strings.get(text)
  if (known !== undefined) return known
  if (strings.size >= MAX_STRINGS) strings.clear()
  strings.set(text, text)
  return text
}
