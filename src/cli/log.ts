// What the process tells: through pino, by default in CoreDNS's form (`[INFO] text`), so that what reads those logs goes on reading them.

import { writeSync } from 'node:fs'
import { type Logger, pino } from 'pino'

export type LogFormat = 'text' | 'json'

const LABELS: Readonly<Record<number, string>> = { 20: 'DEBUG', 30: 'INFO', 40: 'WARNING', 50: 'ERROR', 60: 'FATAL' }

/** pino tells a destination with this property what it is about to write, so that its JSON need not be parsed. */
const METADATA = Symbol.for('pino.metadata')

/** Lines on standard output. `quiet` keeps what is not at least a warning. */
export function createLog(format: LogFormat, quiet = false): Logger {
  const level = quiet ? 'warn' : 'info'
  if (format === 'json') return pino({ level, base: undefined })
  const destination = {
    [METADATA]: true,
    lastLevel: 30,
    lastMsg: '',
    lastObj: undefined as { err?: Error } | undefined,
    write(this: void): void {
      const { lastLevel, lastMsg, lastObj } = destination
      const cause = lastObj?.err instanceof Error ? `: ${lastObj.err.stack ?? lastObj.err.message}` : ''
      writeLine(`[${LABELS[lastLevel] ?? 'INFO'}] ${lastMsg}${cause}\n`)
    },
  }
  return pino({ level, base: undefined }, destination)
}

/** A reader that has gone away (EPIPE) or is slow (EAGAIN) must not end the server; the line is lost then. */
function writeLine(line: string): void {
  try {
    writeSync(1, line)
  } catch {
    // Nobody listens.
  }
}
