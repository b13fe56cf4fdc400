import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { forkCostText, isDigest, parseTrust, statementId, type Trust, TrustError, trustChanges } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, systemReason } from '@samebits/host'
import { Command } from 'commander'
import { readStatementKey } from '../keygen.ts'
import { entryFileName, readEntryIfThere, writeEntryFile } from '../trust/entry-file.ts'
import { demandNext, signTrust, trustPayload } from '../trust/sign.ts'
import { answer, type CommandIo } from './io.ts'
import { changeLines } from './trust-lines.ts'
import { usage } from './trust-options.ts'

interface Flags {
  readonly current?: string
  readonly key: string
  readonly digest?: string
  readonly out?: string
}

export function trustSignCommand(io: CommandIo): Command {
  return new Command('sign')
    .description("sign the next trust file with an authority's key, offline; write the signed statement as a file")
    .argument('<file>', 'the next trust file, as trust propose wrote it')
    .requiredOption('--key <file>', "the authority's key")
    .option('--current <file>', 'the trust file in force (default: trust.json beside it)')
    .option('--digest <sha256>', 'sign without asking, if the file has this SHA-256')
    .option('--out <file>', 'default: <file>.<key>.entry.json beside it')
    .action((file: string, flags: Flags) => run(io, file, flags))
}

async function run(io: CommandIo, file: string, flags: Flags): Promise<void> {
  const path = resolve(io.cwd, file)
  const next = await readTrustAt(path)
  const current = await readTrustAt(
    flags.current === undefined ? join(dirname(path), 'trust.json') : resolve(io.cwd, flags.current),
  )
  demandNext(current, next)
  const changes = trustChanges(current, next)
  for (const line of [
    `${next.product}, version ${current.version} -> ${next.version}, SHA-256 ${next.sha256}`,
    ...changeLines(changes),
    `  a fork costs ${forkCostText(next)}`,
  ])
    io.machine.say(line)
  await confirm(io, next, flags)
  const key = await readStatementKey(resolve(io.cwd, flags.key))
  const out =
    flags.out === undefined ? entryFileName(path.replace(/\.json$/, ''), key.keyid) : resolve(io.cwd, flags.out)
  const before = await readEntryIfThere(out)
  if (before !== null && before.id !== statementId(nodeCrypto, trustPayload(next)))
    throw usage(`${out} is the signature of another file`, 'Name another file with --out, or remove that one.')
  if (before === null) await writeEntryFile(out, await signTrust(current, next, key))
  answer(io, { file: out, keyid: key.keyid, version: next.version, sha256: next.sha256, changes }, [
    `signed: ${out}. It is logged with: samebits-build trust publish ${file}`,
  ])
}

/** A person says yes to what they have read; without one, the digest that they read elsewhere stands for it. */
async function confirm(io: CommandIo, next: Trust, { digest }: Flags): Promise<void> {
  if (digest !== undefined) {
    if (!isDigest(digest)) throw usage('--digest is not 64 lower-case hex digits', 'Give the whole SHA-256.')
    if (digest === next.sha256) return
    throw new ProgramError({
      code: 'DIGEST_MISMATCH',
      detail: `the file has the SHA-256 ${next.sha256}, and ${digest} was to be signed`,
      remedy: 'Nothing was signed. Compare the file with the one that was agreed on.',
      exitCode: 10,
    })
  }
  if (io.ask === null)
    throw usage(
      'nobody is there to confirm what changes',
      'Read the changes above and give --digest, or run in a terminal.',
    )
  if ((await io.ask('Sign this? [yes/no] ', io.signal)).trim() !== 'yes')
    throw usage('not signed', 'Answer yes to sign.')
}

/** @throws ProgramError TRUST_INVALID */
export async function readTrustAt(path: string): Promise<Trust> {
  const refuse = (why: string, cause: unknown) =>
    new ProgramError({
      code: 'TRUST_INVALID',
      detail: `the trust file ${path} cannot be used: ${why}`,
      remedy: 'Name a trust file; docs/formats.md §2 names every rule.',
      exitCode: 10,
      cause,
    })
  const bytes = await readFile(path).catch((error: Error) => {
    throw refuse(systemReason(error), error)
  })
  try {
    return parseTrust(nodeCrypto, Uint8Array.from(bytes))
  } catch (error) {
    if (error instanceof TrustError) throw refuse(error.detail, error)
    throw error
  }
}
