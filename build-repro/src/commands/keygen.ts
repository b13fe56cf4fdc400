import { resolve } from 'node:path'
import { writeKeyFile } from '@samebits/host'
import { Command } from 'commander'
import { generateKeyPair, statementAlgorithms } from '../keygen.ts'
import { answer, type CommandIo } from './io.ts'

export function keygenCommand(io: CommandIo): Command {
  return new Command('keygen')
    .description('make a key pair that signs statements; print its public half')
    .argument('<file>', 'where the private key goes (PEM, mode 0600); never overwritten')
    .option('--algorithm <name>', `one of ${Object.keys(statementAlgorithms).join(', ')}`, 'ed25519')
    .action(async (file: string, { algorithm }: { algorithm: string }) => {
      const { privatePem, publicPem, keyid } = generateKeyPair(algorithm)
      await writeKeyFile(resolve(io.cwd, file), privatePem)
      answer(io, { file, algorithm, keyid, publicKey: publicPem }, [publicPem.trimEnd()])
      io.machine.say(`private key in ${file}; key id ${keyid}`)
    })
}
