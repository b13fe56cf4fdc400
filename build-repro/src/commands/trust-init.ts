import { resolve } from 'node:path'
import { forkCostText, utf8 } from '@samebits/core'
import { createFileDurably, isCode } from '@samebits/host'
import { Command } from 'commander'
import { checkChannel, checkProduct } from '../names.ts'
import { readDraft } from '../trust/draft.ts'
import { firstTrust } from '../trust/first.ts'
import { answer, type CommandIo } from './io.ts'
import {
  addMemberOptions,
  collect,
  type MemberFlags,
  membersOf,
  policyText,
  thresholdsOf,
  trustedRootOf,
  usage,
} from './trust-options.ts'

interface Flags extends MemberFlags {
  readonly product: string
  readonly channel: readonly string[]
  readonly out: string
}

export function trustInitCommand(io: CommandIo): Command {
  const command = new Command('init')
    .description('write version 1 of a trust file from public keys that others made; no private key comes near it')
    .requiredOption('--product <name>', 'as example.com/notes')
    .option('--channel <name>', 'a channel (default: stable); may be repeated', collect, [])
    .option('--out <file>', 'never overwritten', 'trust.json')
  return addMemberOptions(command).action((flags: Flags) => init(io, flags))
}

async function init(io: CommandIo, flags: Flags): Promise<void> {
  const policy = await policyText(io.cwd, flags)
  if (policy === null) throw usage('--policy is missing', 'Name the file that says which log and which witnesses.')
  const text = firstTrust({
    product: checkProduct(flags.product),
    channels: (flags.channel.length === 0 ? ['stable'] : flags.channel).map(checkChannel),
    policy,
    members: await membersOf(io.cwd, flags),
    thresholds: thresholdsOf(flags),
    trustedRoot: await trustedRootOf(io.cwd, flags),
  })
  const { bytes, trust } = readDraft(utf8(text))
  await createFileDurably(resolve(io.cwd, flags.out), bytes).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error
    throw usage(`${flags.out} is there already`, 'Name another file with --out, or change that one with trust propose.')
  })
  answer(
    io,
    { file: flags.out, product: trust.product, version: trust.version, sha256: trust.sha256, forkCost: trust.forkCost },
    [`${flags.out}: ${trust.product}, version 1, SHA-256 ${trust.sha256}`, `a fork costs ${forkCostText(trust)}`],
  )
}
