/** What all commands that ask the log share: their options, and a session that ends with them. */
import { ProgramError, progress } from '@samebits/host'
import type { Command } from 'commander'
import { openWorkspace } from '../recipe.ts'
import { defaultLimits } from '../retry.ts'
import { openSession, type Session, type SessionOptions } from '../session.ts'
import type { CommandIo } from './io.ts'

export interface SessionFlags {
  readonly recipe?: string
  readonly timeout?: string
}

export function addSessionOptions(command: Command): Command {
  return command
    .option('--recipe <file>', 'default: samebits.build.json in this folder')
    .option(
      '--timeout <seconds>',
      `how long to wait for the log and its witnesses (default: ${defaultLimits.totalMs / 1000})`,
    )
}

export async function withSession<T>(
  io: CommandIo,
  flags: SessionFlags,
  work: (session: Session) => Promise<T>,
  more: Pick<SessionOptions, 'bringing' | 'policy'> = {},
): Promise<T> {
  const { machine, signal, stderr } = io
  const limits = { ...defaultLimits, ...(flags.timeout === undefined ? {} : { totalMs: checkTimeout(flags.timeout) }) }
  const workspace = await openWorkspace(io.cwd, flags.recipe)
  const bar = progress({ stream: stderr, clock: () => machine.elapsedMs(), unit: 'entries', label: 'reading the log' })
  const onProgress = (done: number) => bar.update(done)
  const session = await openSession({ ...more, workspace, machine, signal, limits, onProgress })
  try {
    return await work(session)
  } finally {
    bar.finish()
    session.release()
  }
}

function checkTimeout(text: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text) * 1000
  throw new ProgramError({
    code: 'USAGE',
    detail: `"${text}" is no number of seconds`,
    remedy: 'Give --timeout from 1 to 99999.',
  })
}
