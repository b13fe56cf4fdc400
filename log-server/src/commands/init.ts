import { Command } from 'commander'
import { createLog } from '../create-log.ts'
import { openExport } from '../export/open-export.ts'
import { copiesBeforeInit } from '../witnesses/open-witnesses.ts'
import { answer, type CommandIo } from './io.ts'
import { withoutOrigin } from './keygen.ts'
import { loadKeys, signerFor } from './keys.ts'
import { addOptions, keyOptions, readOptions } from './shared-options.ts'

export function initCommand(io: CommandIo): Command {
  const command = new Command('init')
    .description('begin a log: sign the empty tree, keep it as the first marker, and publish it. Done once in its life')
    .requiredOption('--origin <NAME>', 'the name that keygen was given')
  const names = [
    'dataDir',
    'database',
    'databaseTimeoutMs',
    ...keyOptions,
    'publishedUrl',
    'exportTo',
    'policy',
    'witnessMonitoring',
    'witnessTimeoutMs',
  ] as const
  return addOptions(command, names).action(async (flags: { origin: string }) => {
    const options = await readOptions(io, withoutOrigin(flags))
    const signer = signerFor(flags.origin, await loadKeys(io, options))
    const copies = await copiesBeforeInit(options, { signer, fetch: io.fetch })
    const created = await createLog({
      ...options,
      exported: await openExport(options),
      signer,
      copies,
      fetch: io.fetch,
      now: io.timing.now,
    })
    answer(io, { ...created, dataDir: options.dataDir }, [
      `log ${created.origin} begins in ${options.dataDir}`,
      ...created.vkeys,
      `next: samebits-log serve --data-dir ${options.dataDir} --keys-dir ${options.keysDir}`,
    ])
  })
}
