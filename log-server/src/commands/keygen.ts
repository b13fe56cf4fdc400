import { formatVkey } from '@samebits/core'
import { Command } from 'commander'
import { answer, type CommandIo } from './io.ts'
import { createKeys, demandOrigin, signerFor } from './keys.ts'
import { addOptions, readOptions } from './shared-options.ts'

export function keygenCommand(io: CommandIo): Command {
  const command = new Command('keygen')
    .description("make a log's two keys, and print the lines by which others know them")
    .requiredOption('--origin <NAME>', "the log's name for ever, such as example.com/log: its URL without the scheme")
  return addOptions(command, ['keysDir']).action(async (flags: { origin: string }) => {
    const { keysDir } = await readOptions(io, withoutOrigin(flags))
    demandOrigin(flags.origin)
    const vkeys = signerFor(flags.origin, await createKeys(keysDir)).keys.map(formatVkey)
    io.stderr.write(
      `keys in ${keysDir}: keep a copy where no one else reads it; a log's keys live as long as the log\n`,
    )
    answer(io, { origin: flags.origin, keysDir, vkeys }, vkeys)
  })
}

export function withoutOrigin<T extends { origin?: string }>({ origin: _, ...rest }: T): Omit<T, 'origin'> {
  return rest
}
