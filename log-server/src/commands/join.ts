import { Command } from 'commander'
import { joinLog } from '../join-log.ts'
import { answer, type CommandIo } from './io.ts'
import { loadKeys } from './keys.ts'
import { addOptions, keyOptions, readOptions } from './shared-options.ts'

export function joinCommand(io: CommandIo): Command {
  const command = new Command('join').description(
    'make this machine one of the servers of a log in PostgreSQL. Done once on each machine but the first',
  )
  const names = ['dataDir', 'database', 'databaseTimeoutMs', ...keyOptions] as const
  return addOptions(command, names).action(async (flags: Record<string, unknown>) => {
    const options = await readOptions(io, flags)
    const joined = await joinLog({ ...options, keys: await loadKeys(io, options) })
    answer(io, { ...joined, dataDir: options.dataDir }, [
      `${joined.origin}, ${joined.size} entries: this machine may serve it`,
      'next: samebits-log serve with the same options',
    ])
  })
}
