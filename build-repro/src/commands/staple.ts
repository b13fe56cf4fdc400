import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { type StapleResult, staple } from '../staple.ts'
import { answer, type CommandIo } from './io.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

interface Flags extends SessionFlags {
  readonly from: readonly number[]
}

export function stapleCommand(io: CommandIo): Command {
  const command = new Command('staple')
    .description('restate the published releases under the newest checkpoint: bundles, anchor, sizes.json, feed')
    .option(
      '--from <size>',
      'prove consistency from this tree size too (samebits state show prints it); may be repeated',
      (value, before: readonly number[]) => [...before, checkSize(value)],
      [] as readonly number[],
    )
  return addSessionOptions(command).action(async (flags: Flags) => {
    const result = await withSession(io, flags, (session) => staple(session, flags.from))
    answer(io, result, stapledLines(result))
  })
}

export function stapledLines({ size, bundles, anchor, channels }: StapleResult): readonly string[] {
  return [
    `under the checkpoint of size ${size}:`,
    ...bundles.map((path) => `bundle  ${path}`),
    `anchor  ${anchor}`,
    ...channels.map(({ channel, fed, waiting }) =>
      fed === null ? `feed    ${channel}: ${waiting}` : `feed    ${channel} shows ${fed.version}`,
    ),
  ]
}

function checkSize(text: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new ProgramError({ code: 'USAGE', detail: `"${text}" is no tree size`, remedy: 'Give a number above 0.' })
}
