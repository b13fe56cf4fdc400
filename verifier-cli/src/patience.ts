/** How long a run waits, and how often it asks again: defaults suit people, automation may want less. */
import { ProgramError } from '@samebits/host'
import type { UpdaterOptions } from '@samebits/updater'
import type { Arguments, OptionSpec } from './command.ts'
import { durationOption } from './options.ts'

export const patienceOptions: Readonly<Record<string, OptionSpec>> = {
  'idle-timeout': { value: 'DURATION', help: 'how long a server may be silent (20s)' },
  'answer-timeout': { value: 'DURATION', help: 'how long one answer may take, the artifact apart (60s)' },
  'history-time': { value: 'DURATION', help: 'how long one run reads history; the next one goes on (2m)' },
  tries: { value: 'N', help: 'how often to ask for what does not come (4)' },
}

/** @throws ProgramError USAGE */
export function patienceOf(
  given: Arguments,
): Pick<UpdaterOptions, 'idleTimeoutMs' | 'totalTimeoutMs' | 'historyBudgetMs' | 'retry'> {
  const idle = durationOption(given, 'idle-timeout')
  const answer = durationOption(given, 'answer-timeout')
  const history = durationOption(given, 'history-time')
  const attempts = tries(given.text('tries'))
  return {
    ...(idle === null ? {} : { idleTimeoutMs: idle * 1000 }),
    ...(answer === null ? {} : { totalTimeoutMs: answer * 1000 }),
    ...(history === null ? {} : { historyBudgetMs: history * 1000 }),
    ...(attempts === null ? {} : { retry: { attempts, baseDelayMs: 250, maxDelayMs: 8_000 } }),
  }
}

function tries(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  throw new ProgramError({
    code: 'USAGE',
    detail: `--tries ${text} is no number of tries`,
    remedy: 'Write a whole number from 1 to 99.',
  })
}
