import { writeSync } from 'node:fs'

/** A reader that has gone away (EPIPE) or is slow (EAGAIN) must not end the server; the text is lost then. */
export function writeOut(text: string, descriptor = 1): void {
  try {
    writeSync(descriptor, text)
  } catch {
    // Nobody listens.
  }
}
