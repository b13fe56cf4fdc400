import { parseDuration } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { type StapleResult, staple } from '../staple.ts'
import { stapleEvery } from '../staple-service.ts'
import { answer, type CommandIo } from './io.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

/** Seconds: with longer ones a feed would be called stale. */
const longestPeriod = 7 * 86_400

interface Flags extends SessionFlags {
  readonly from: readonly number[]
  readonly every?: string
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
  command.option(
    '--every <duration>',
    'stay, and do so again and again (as 1h): a service that ends with SIGTERM; every round reads recipe and trust file anew',
  )
  return addSessionOptions(command).action(async (flags: Flags) => {
    const everyMs = flags.every === undefined ? null : checkEvery(flags.every)
    const round = () => withSession(io, flags, (session) => staple(session, flags.from))
    if (everyMs !== null) return serve(io, everyMs, round)
    const result = await round()
    answer(io, result, stapledLines(result))
  })
}

/** One line a round, or one JSON document. */
async function serve(io: CommandIo, everyMs: number, round: () => Promise<StapleResult>): Promise<void> {
  const { machine, signal } = io
  const done = (result: StapleResult) => {
    const at = machine.now()
    const shown = result.channels.map(({ channel, fed, waiting }) => `${channel} ${fed?.version ?? `(${waiting})`}`)
    const line = `${new Date(at * 1000).toISOString()} size ${result.size}: ${shown.join(', ')}; again in ${everyMs / 1000} s`
    answer(io, { at, ...result }, [line])
  }
  await stapleEvery({ machine, signal, everyMs, round, done })
}

function checkEvery(text: string): number {
  const seconds = parseDuration(text)
  if (seconds !== null && seconds <= longestPeriod) return seconds * 1000
  throw new ProgramError({
    code: 'USAGE',
    detail: `"${text}" is no period`,
    remedy: 'Give a duration such as 30m, 1h or 1d, at most 7d.',
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
