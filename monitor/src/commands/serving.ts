/** What commands that serve have in common. */
import { ProgramError } from '@samebits/host'

export function usage(command: string, detail: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy: `See samebits-monitor ${command} --help.` })
}

export function integer(command: string, flag: string, text: string, min: number, max: number): number {
  const value = /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw usage(command, `${flag} is ${JSON.stringify(text)}, not a number from ${min} to ${max}`)
}

export function demandPrefix(command: string, prefix: string): void {
  if (!/^(?:\/[\w.~-]+)*$/.test(prefix)) throw usage(command, `--prefix is a path such as /${command}`)
}

export function demandLogLevel(command: string, level: string): string {
  if (['info', 'warn', 'error', 'silent'].includes(level)) return level
  throw usage(command, `--log-level ${level} is not known`)
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
