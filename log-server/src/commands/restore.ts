import { resolve } from 'node:path'
import { ProgramError, progress } from '@samebits/host'
import { Command } from 'commander'
import { putBack } from '../backup.ts'
import { type RestoreFromDeps, type RestoreReport, restoreFrom } from '../restore-from.ts'
import { copyChecker } from './backup.ts'
import { answer, type CommandIo } from './io.ts'
import { loadKeys, signerFor } from './keys.ts'
import { withMode } from './modes.ts'
import { addOptions, keyOptions, readOptions } from './shared-options.ts'

const help = `
A log whose storage is behind what it signed only reads (STORAGE_BEHIND). Stop the server, then:
  samebits-log restore --backup DIR --origin NAME     where the database is gone: the copy, checked once more
  samebits-log restore --from https://log.example.com  appends what is missing, from the log's own tiles or a mirror
Both may be given. It can be interrupted and run again. Leave the marker where it is: never restore it from anywhere.
Exit status 1: the place does not have all that was signed; try another mirror. Where no place has it, the log has ended.`

interface Flags extends Record<string, unknown> {
  readonly from?: string
  readonly backup?: string
  readonly origin?: string
  readonly withoutMarker?: boolean
}

export function restoreCommand(io: CommandIo): Command {
  const command = new Command('restore')
    .description('bring a storage that is behind up to everything that was signed, from published tiles or a mirror')
    .option('--from <URL|DIR>', 'a place of this log, or a mirror of it')
    .option('--backup <DIR>', 'first put back the database that backup wrote there')
    .option('--origin <NAME>', 'the name of the log, with --backup')
    .option('--without-marker', 'the marker is lost: begin one with what the place has')
    .addHelpText('after', help)
  const names = ['dataDir', 'database', 'databaseTimeoutMs', ...keyOptions, 'mode', 'admissionFile'] as const
  return addOptions(command, names).action(async ({ from, backup, origin, withoutMarker = false, ...flags }: Flags) => {
    const options = await readOptions(io, flags)
    if (from === undefined && backup === undefined) throw usage('neither --from nor --backup was named')
    const keys = await loadKeys(io, options)
    if (backup !== undefined) {
      if (origin === undefined) throw usage('--backup needs --origin')
      const { keys: own } = signerFor(origin, keys)
      const { size } = await putBack(resolve(io.cwd, backup), options.dataDir, copyChecker(io, own))
      if (from === undefined) return answer(io, { origin, size }, [`${origin}: the backup of ${size} entries is back`])
    }
    const place = from !== undefined && /^https?:\/\//.test(from) ? from : resolve(io.cwd, from ?? '')
    const bar = progress({ stream: io.stderr, clock: io.timing.clock, unit: 'entries', label: 'restored' })
    const deps: RestoreFromDeps = {
      ...{ from: place, withoutMarker, keys, fetch: io.fetch, now: io.timing.now, signal: io.signal },
      onProgress: (size) => bar.update(size),
    }
    const report = await withMode(io, options, (mode) => restoreFrom(options, mode, deps))
    bar.finish()
    if (report.to < report.signed) throw stillBehind(report)
    answer(io, report, [
      `${report.origin}: ${report.to - report.from} entries were missing, ${report.to} are stored`,
      'next: samebits-log fsck, then samebits-log serve',
    ])
  })
}

function stillBehind({ to, signed }: RestoreReport): ProgramError {
  return new ProgramError({
    code: 'STILL_BEHIND',
    detail: `${to} entries are stored, and ${signed} were signed: this place does not have the rest`,
    remedy: 'Try other mirrors. Where nobody has them, end this log and begin a successor (docs/operating.md).',
    exitCode: 1,
  })
}

function usage(detail: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy: 'Run samebits-log restore --help.', exitCode: 64 })
}
