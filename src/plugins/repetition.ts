// V8's linear engine copies what is counted, and refuses more than 16 copies. `a{1,63}` says the same as a(?:a(?:a…)?)?, which it takes.

/** One piece of a pattern in the form that translate() has: within brackets, an opening bracket is always escaped. */
const PIECE =
  /(?<quantifier>[*+?]|\{(?<min>\d+)(?<open>,?)(?<max>\d*)\})(?<lazy>\??)|(?<start>\((?:\?[ims-]*:|\?<\w+>)?)|\\(?:x..|u....|.)|\[(?:\\.|[^\]\\])*\]|./gs

/** Something that may be repeated, and the same without capturing groups. */
interface Atom {
  readonly text: string
  readonly plain: string
}

interface Group {
  readonly start: Atom
  /** All but the last atom, which a quantifier may follow. */
  body: Atom
  last: Atom
}

/** Go's limit. Beyond some thousands, groups within each other are too deep for V8. */
const MAX_COUNT = 1000
const NOTHING: Atom = { text: '', plain: '' }

/** The pattern with its counted repetitions written out; undefined when that is longer than `maxLength`, or for a count above 1000. */
export function spellOut(source: string, maxLength: number): string | undefined {
  const outer: Group[] = []
  let group: Group = { start: NOTHING, body: NOTHING, last: NOTHING }
  for (const piece of source.matchAll(PIECE)) {
    const [whole] = piece
    const { quantifier, min, open, max, lazy, start } = piece.groups ?? {}
    if (start !== undefined) {
      outer.push(group)
      const isCapturing = !start.endsWith(':')
      group = { start: { text: start, plain: isCapturing ? '(?:' : start }, body: NOTHING, last: NOTHING }
    } else if (whole === ')') {
      const { start, body, last } = group
      group = outer.pop() ?? group
      append(group, wrap(start, join(body, last), ')'))
    } else if (min !== undefined) {
      const atMost = max === '' ? (open === '' ? Number(min) : Number.POSITIVE_INFINITY) : Number(max)
      const copies = Number.isFinite(atMost) ? atMost : Number(min)
      if (copies > MAX_COUNT || (group.last.text.length + 5) * copies > maxLength) return undefined
      group.last = repeat(group.last, Number(min), atMost, lazy)
    } else if (quantifier !== undefined) group.last = wrap(NOTHING, group.last, whole)
    else append(group, { text: whole, plain: whole })
  }
  const { text } = join(group.body, group.last)
  return text.length > maxLength ? undefined : text
}

/** Groups keep their numbers and what they hold: the last of the copies alone captures. */
function repeat(atom: Atom, min: number, max: number, lazy: string): Atom {
  const hasCaptures = atom.text !== atom.plain
  if (max === Number.POSITIVE_INFINITY || (hasCaptures && max > 0)) {
    // One copy stays within the repetition, so that what it captures is the last that it matched.
    const before = Math.max(0, min - 1)
    const rest = { min: min - before, max: max - before }
    const counts = rest.max === 1 ? (rest.min === 1 ? '' : `?${lazy}`) : `{${rest.min},${rest.max}}${lazy}`
    const endless = `${rest.min === 0 ? '*' : '+'}${lazy}`
    const copies = atom.plain.repeat(before)
    return wrap({ text: copies, plain: copies }, atom, max === Number.POSITIVE_INFINITY ? endless : counts)
  }
  if (hasCaptures) return wrap(NOTHING, atom, '{0}')
  const optional = max - min
  const text = atom.plain.repeat(min) + `(?:${atom.plain}`.repeat(optional) + `)?${lazy}`.repeat(optional)
  return { text, plain: text }
}

function append(group: Group, atom: Atom): void {
  group.body = join(group.body, group.last)
  group.last = atom
}

const join = (a: Atom, b: Atom): Atom => ({ text: a.text + b.text, plain: a.plain + b.plain })

const wrap = (before: Atom, atom: Atom, after: string): Atom => ({
  text: before.text + atom.text + after,
  plain: before.plain + atom.plain + after,
})
