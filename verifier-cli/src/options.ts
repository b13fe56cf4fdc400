/** Options that every command has, and the readers of option values that several share. */
import { parseDuration } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Arguments, OptionSpec } from './command.ts'

export const globalOptions: Readonly<Record<string, OptionSpec>> = {
  json: { help: 'answer with one JSON object on standard output' },
  help: { help: 'say what the command does', short: 'h' },
}

/** Seconds of a duration option such as `--max-age 14d`; null where it was not given. @throws ProgramError USAGE */
export function durationOption(given: Arguments, name: string): number | null {
  const text = given.text(name)
  if (text === undefined) return null
  const seconds = parseDuration(text)
  if (seconds !== null) return seconds
  throw new ProgramError({
    code: 'USAGE',
    detail: `--${name} ${text} is no duration`,
    remedy: 'Write a whole number and s, m, h or d, as 14d.',
  })
}
