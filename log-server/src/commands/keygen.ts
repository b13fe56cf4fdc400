import { formatVkey } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { answer, type CommandIo } from './io.ts'
import { createKeys, demandOrigin, signerFor } from './keys.ts'
import { addOptions, keyOptions, readOptions } from './shared-options.ts'
import { createTokenKeys } from './token-keys.ts'

interface Flags extends Record<string, unknown> {
  readonly origin: string
  readonly existing?: boolean
  readonly ed25519Only?: boolean
}

export function keygenCommand(io: CommandIo): Command {
  const command = new Command('keygen')
    .description("make a log's two keys, and print the lines by which others know them")
    .requiredOption('--origin <NAME>', "the log's name for ever, such as example.com/log: its URL without the scheme")
    .option('--existing', 'with --pkcs11: the key is in the token already, and its public half is written down')
    .option('--ed25519-only', 'with --pkcs11: no second key (ML-DSA-44, in a file)')
  return addOptions(command, keyOptions).action(async (given: Flags) => {
    const { origin, existing = false, ed25519Only = false, ...flags } = given
    const options = await readOptions(io, flags)
    const { keysDir, pkcs11 } = options
    demandOrigin(origin)
    if (pkcs11 === '' && (existing || ed25519Only)) throw usage()
    const keys =
      pkcs11 === '' ? await createKeys(keysDir) : await createTokenKeys(io, options, { existing, ed25519Only })
    const vkeys = signerFor(origin, keys).keys.map(formatVkey)
    io.stderr.write(
      `keys in ${keysDir}: keep a copy where no one else reads it; a log's keys live as long as the log\n`,
    )
    answer(io, { origin, keysDir, vkeys }, vkeys)
  })
}

function usage(): ProgramError {
  return new ProgramError({
    code: 'USAGE',
    detail: '--existing and --ed25519-only are about a token',
    remedy: 'Name it with --pkcs11.',
  })
}

export function withoutOrigin<T extends { origin?: string }>({ origin: _, ...rest }: T): Omit<T, 'origin'> {
  return rest
}
