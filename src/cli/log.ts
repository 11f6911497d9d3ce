// What the process tells: through pino, in CoreDNS's forms (`[INFO] text`, or JSON), so that what reads those logs goes on reading them.

import { type Logger, pino } from 'pino'
import { writeOut } from './output.ts'

export type LogFormat = 'text' | 'json'

const LABELS: Readonly<Record<number, string>> = { 20: 'DEBUG', 30: 'INFO', 40: 'WARNING', 50: 'ERROR', 60: 'FATAL' }

/** The levels of Go's log/slog, which CoreDNS writes its JSON with. */
const JSON_LABELS: Readonly<Record<number, string>> = { ...LABELS, 40: 'WARN' }

/** pino tells a destination with this property what it is about to write, so that its JSON need not be parsed. */
const METADATA = Symbol.for('pino.metadata')

/** Where lines go, and in which form. */
export interface LogTarget {
  readonly format: LogFormat
  readonly descriptor: number
}

/** Lines on standard output, each written whole before the call returns: so they can come from several threads. */
export function createLog({ format, descriptor }: LogTarget): Logger {
  const write = (text: string): void => writeOut(text, descriptor)
  if (format === 'json') {
    const formatters = { level: (_: string, number: number) => ({ level: JSON_LABELS[number] ?? 'INFO' }) }
    return pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters }, { write })
  }
  const destination = {
    [METADATA]: true,
    lastLevel: 30,
    lastMsg: '',
    lastObj: undefined as { err?: Error } | undefined,
    write(this: void): void {
      const { lastLevel, lastMsg, lastObj } = destination
      const cause = lastObj?.err instanceof Error ? `: ${lastObj.err.stack ?? lastObj.err.message}` : ''
      write(`[${LABELS[lastLevel] ?? 'INFO'}] ${lastMsg}${cause}\n`)
    },
  }
  return pino({ base: undefined }, destination)
}
