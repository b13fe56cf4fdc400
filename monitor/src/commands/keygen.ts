import { resolve } from 'node:path'
import { formatVkey } from '@samebits/core'
import { Command } from 'commander'
import { createWitnessKeys } from '../witness/witness-keys.ts'
import { answer, type CommandIo } from './io.ts'

export function keygenCommand(io: CommandIo): Command {
  return new Command('keygen')
    .description("make a witness's two keys, and print the lines by which policies know them")
    .requiredOption('--name <NAME>', "the witness's name for ever, such as witness.example.com/w1")
    .option('--keys-dir <DIR>', 'folder to make: two PEM files and the name', 'keys')
    .action(async ({ name, keysDir }: { name: string; keysDir: string }) => {
      const folder = resolve(io.cwd, keysDir)
      const vkeys = (await createWitnessKeys(folder, name)).map(({ key }) => formatVkey(key))
      io.stderr.write(`keys in ${folder}: keep a copy where no one else reads it\n`)
      answer(io, { name, keysDir: folder, vkeys }, vkeys)
    })
}
