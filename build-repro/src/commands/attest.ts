import { resolve } from 'node:path'
import { isUri } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { type AttestResult, attestOwn } from '../attest/attest-own.ts'
import { readStatementKey } from '../keygen.ts'
import { addBuildOptions, type BuildFlags, buildFromFlags } from './build-options.ts'
import { answer, type CommandIo } from './io.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

interface Flags extends SessionFlags, BuildFlags {
  readonly key?: string
  readonly builder: string
  readonly log: boolean
}

const help = `
The provenance is a Sigstore bundle with an in-toto statement: slsa-verifier and cosign can read it. It is logged where the trust file
lists the key under "rebuilders"; with the operator of a publisher it is on record and never counts as a vote.`

export function attestCommand(io: CommandIo, version: string): Command {
  const command = new Command('attest')
    .description('sign how a commit was built: SLSA provenance beside each artifact, and in the log')
    .option('--key <file>', "the key that signs (default: the recipe's)")
    .option('--builder <uri>', 'who ran the build: builder.id of the provenance', 'https://samebits.dev/local-build/v1')
    .option('--no-log', 'write the files only')
    .addHelpText('after', help)
  return addSessionOptions(addBuildOptions(command)).action(async (flags: Flags) => {
    if (!isUri(flags.builder))
      throw new ProgramError({
        code: 'USAGE',
        detail: `"${flags.builder}" is no absolute URI`,
        remedy: 'Name the builder as https://….',
      })
    tell(
      io,
      await withSession(io, flags, async (session) => {
        const { recipe, at } = session.workspace
        const key = await readStatementKey(
          flags.key === undefined ? at(recipe.publish.key) : resolve(io.cwd, flags.key),
        )
        const { own, engine } = await buildFromFlags(io, session, flags)
        return attestOwn(session, key, { own, engine, identity: { id: flags.builder, version }, log: flags.log })
      }),
    )
  })
}

function tell(io: CommandIo, result: AttestResult): void {
  const { id, files, index, unlogged, release } = result
  answer(io, result, [
    `provenance ${id}${release === null ? '' : ` of release ${release}`}`,
    ...files.map((file) => `file    ${file}`),
    unlogged === null ? `entry   ${index}` : `not logged: ${unlogged}`,
  ])
}
