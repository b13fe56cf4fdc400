import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { examineLog } from '../doctor/doctor.ts'
import type { Finding } from '../doctor/finding.ts'
import { answer, type CommandIo } from './io.ts'
import { keyFiles, loadKeys } from './keys.ts'
import { addOptions, readOptions } from './shared-options.ts'
import { openTls } from './tls.ts'

const help = `
Give it the options that serve gets, or the same configuration file. Nothing is written, and the server may run meanwhile.
Exit status: 0 nothing is wrong (warnings may be there), 1 something is.`

export function doctorCommand(io: CommandIo): Command {
  const command = new Command('doctor')
    .description(
      'look at what the log rests on: files, disk, database, clock, witnesses, what was signed and what is stored',
    )
    .option('--offline', 'ask no witness')
    .option('--try-pin', 'log in to the token although it counts wrong PINs: you know that the PIN is right now')
    .addHelpText('after', help)
  return addOptions(command).action(
    async ({ offline = false, tryPin = false, ...flags }: { offline?: boolean; tryPin?: boolean }) => {
      const options = await readOptions(io, flags)
      const keys = await loadKeys(io, options, tryPin)
      const findings = await examineLog(options, {
        ...{ keys, fetch: io.fetch, now: io.timing.now, offline },
        keyFiles: keyFiles(io, options),
        openTls: () => openTls(io, options),
      })
      const failed = findings.filter(({ level }) => level === 'fail')
      answer(io, { healthy: failed.length === 0, findings }, findings.flatMap(lines))
      if (failed.length === 0) return
      throw new ProgramError({
        code: 'NOT_HEALTHY',
        detail: failed.map(({ check }) => check).join(', '),
        remedy: 'See above.',
        exitCode: 1,
      })
    },
  )
}

function lines({ level, check, detail, remedy }: Finding): string[] {
  const first = `${level.padEnd(4)}  ${check}: ${detail}`
  return remedy === undefined ? [first] : [first, `      ${remedy}`]
}
