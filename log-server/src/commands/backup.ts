import { resolve } from 'node:path'
import { parseSignedCheckpoint, toBase64, type VerifierKey } from '@samebits/core'
import { ProgramError, progress } from '@samebits/host'
import { Command } from 'commander'
import { type CheckCopy, takeBackup } from '../backup.ts'
import { dataDir } from '../data-dir.ts'
import { readMarker } from '../marker.ts'
import { asProgramError, checkLog } from './check-log.ts'
import { answer, type CommandIo } from './io.ts'
import { loadKeys, signerFor } from './keys.ts'
import { addOptions, keyOptions, readOptions } from './shared-options.ts'

const help = `
The copy is read from end to end before the backup counts. Keys and marker are not in it: keep the keys elsewhere, and never
restore a marker. A log in PostgreSQL is backed up with that database's own tools.`

export function backupCommand(io: CommandIo): Command {
  const command = new Command('backup')
    .description('copy the database of a log to a folder, beside the running server, and check the copy')
    .requiredOption('--to <DIR>', 'a new folder')
    .addHelpText('after', help)
  return addOptions(command, ['dataDir', ...keyOptions, 'database']).action(async (given: { to: string }) => {
    const { to: relative, ...flags } = given
    const options = await readOptions(io, flags)
    if (options.database !== '') throw foreignDatabase()
    const { origin } = parseSignedCheckpoint((await readMarker(dataDir(options.dataDir).marker)).checkpoint).checkpoint
    const { keys } = signerFor(origin, await loadKeys(io, options))
    const to = resolve(io.cwd, relative)
    const bar = progress({ stream: io.stderr, clock: io.timing.clock, unit: 'pages', label: 'copied' })
    const backup = await takeBackup({
      ...{ dataDir: options.dataDir, to, check: copyChecker(io, keys), now: io.timing.now },
      onProgress: (done) => bar.update(done),
    })
    bar.finish()
    answer(io, { ...backup, to }, [`${backup.origin}, ${backup.size} entries, copied to ${to} and checked`])
  })
}

/** Reads the whole of a copy. */
export function copyChecker(io: CommandIo, keys: readonly VerifierKey[]): CheckCopy {
  return async (path) => {
    const checked = await checkLog(io, { kind: 'database', path }, keys, { unmarked: true }).catch(asProgramError)
    const { tree, checkpoint } = checked
    return {
      origin: checkpoint.checkpoint.origin,
      size: tree.size,
      root: toBase64(tree.root),
      checkpoint: checkpoint.text,
    }
  }
}

function foreignDatabase(): ProgramError {
  return new ProgramError({
    code: 'CONFIG_INVALID',
    detail: 'this log is in PostgreSQL',
    remedy:
      'Use pg_basebackup or the service’s snapshots; after a restore, samebits-log restore --from URL brings it up to date.',
  })
}
