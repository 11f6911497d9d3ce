import type { Token } from './token.ts'

export type Environment = Readonly<Record<string, string | undefined>>

// Neither name may hold a brace, so the text is read once, whatever it is; what a variable holds is not read again.
const REFERENCE = /\{%([^%]+)%\}|\{\$([^{}]+)\}/g

/** Replaces `{$NAME}` and `{%NAME%}`; a variable that is not set is the empty string. */
export function replaceVariables(token: Token, environment: Environment): Token {
  if (!token.text.includes('{')) return token
  const text = token.text.replace(
    REFERENCE,
    (_, percent: string | undefined, dollar: string | undefined) => environment[percent ?? dollar ?? ''] ?? '',
  )
  return text === token.text ? token : { ...token, text, quoted: true }
}
