import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type BundleView, type ChannelHead, forkCostText, parsePolicy, type Trust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { isCode, writeFileDurably } from '@samebits/host'
import { Command } from 'commander'
import { lacksQuorum } from '../follow.ts'
import { checkChannel } from '../names.ts'
import { openWorkspace, type Workspace } from '../recipe.ts'
import type { Session } from '../session.ts'
import { entriesBeside } from '../trust/entry-file.ts'
import { keepBefore } from '../trust/kept-steps.ts'
import { viewInFile, viewOfLog } from '../trust/old-head.ts'
import { type Known, type Proposal, propose, type Wish } from '../trust/propose.ts'
import { readAnchor, readTrust } from '../workspace-files.ts'
import { answer, type CommandIo } from './io.ts'
import { changeLines } from './trust-lines.ts'
import {
  addMemberOptions,
  checkId,
  collect,
  type MemberFlags,
  membersOf,
  policyText,
  readBytes,
  thresholdsOf,
  trustedRootOf,
  usage,
} from './trust-options.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

interface Flags extends MemberFlags, SessionFlags {
  readonly edited?: string
  readonly remove: readonly string[]
  readonly until: readonly string[]
  readonly channel: readonly string[]
  readonly dropChannel: readonly string[]
  readonly head: readonly string[]
  readonly keepHeads?: true
  readonly replaces?: string
  readonly offline?: true
  readonly out?: string
}

export function trustProposeCommand(io: CommandIo): Command {
  const command = new Command('propose')
    .description('write the next version of the trust file, unsigned, and say in words what it changes')
    .option('--remove <id>', 'take a member out: nothing that it ever signed counts any more', collect, [])
    .option(
      '--until <id=index>',
      'end a member: what it signs at this index of the log or later does not count; "now" for the next entry; may be repeated',
      collect,
      [],
    )
    .option('--channel <name>', 'add a channel', collect, [])
    .option('--drop-channel <name>', 'remove a channel', collect, [])
    .option('--keep-heads', "make each channel's present head a floor that holds whatever older keys say")
    .option('--head <channel=sequence:id>', 'name a head yourself; may be repeated', collect, [])
    .option('--edited <file>', 'a next version that you wrote yourself, in place of all these')
    .option(
      '--replaces <file>',
      'where --policy names another log and this one is lost: the newest bundle, anchor or checkpoint that was kept of it',
    )
    .option('--offline', 'do not ask the log what would become of the releases that are out')
    .option('--out <file>', 'default: trust-<version>.json beside the trust file')
  return addMemberOptions(addSessionOptions(command)).action((flags: Flags) => run(io, flags))
}

async function run(io: CommandIo, flags: Flags): Promise<void> {
  const wish = await wishOf(io, flags)
  const workspace = await openWorkspace(io.cwd, flags.recipe)
  const current = await readTrust(workspace)
  const moves = wish.policy !== null && originOf(wish.policy) !== current.origin
  if (flags.replaces !== undefined && !moves)
    throw usage('--replaces, and --policy names no other log', 'Give it only where another log takes over.')
  const lost = flags.replaces !== undefined || flags.offline === true
  if (moves && flags.offline === true && flags.replaces === undefined)
    throw usage('another log, --offline and no --replaces', 'Name what was kept of the log before it.')
  const known = lost
    ? await knownOffline(io, workspace, current, flags)
    : await withSession(io, flags, (session) => knownNow(session, moves))
  const proposal = propose(current, wish, known)
  if (known.before !== null) await keepBefore(workspace, proposal.trust.version, { views: [known.before], trust: [] })
  const out =
    flags.out === undefined ? workspace.at(`trust-${proposal.trust.version}.json`) : resolve(io.cwd, flags.out)
  await writeProposal(out, proposal)
  tell(io, current, proposal, out)
}

async function wishOf(io: CommandIo, flags: Flags): Promise<Wish> {
  return {
    edited: flags.edited === undefined ? null : Uint8Array.from(await readBytes(io.cwd, 'the file', flags.edited)),
    channels: flags.channel.map(checkChannel),
    dropChannels: flags.dropChannel.map(checkChannel),
    add: await membersOf(io.cwd, flags),
    remove: flags.remove,
    until: new Map(flags.until.map(parseUntil)),
    thresholds: thresholdsOf(flags),
    policy: await policyText(io.cwd, flags),
    heads: new Map(flags.head.map(parseHead)),
    keepHeads: flags.keepHeads === true,
    trustedRoot: await trustedRootOf(io.cwd, flags),
  }
}

function originOf(policy: string): string | undefined {
  return parsePolicy(nodeCrypto, policy).logs[0]?.key.name
}

async function knownNow(session: Session, moves: boolean): Promise<Known> {
  const now = await session.now((tree) => (moves ? lacksQuorum(tree) : null))
  return { now, before: moves ? await viewOfLog(session, now) : null, heads: now.view.heads }
}

async function knownOffline(io: CommandIo, workspace: Workspace, trust: Trust, { replaces }: Flags): Promise<Known> {
  const anchor = await readAnchor(workspace)
  const before: BundleView | null =
    replaces === undefined
      ? null
      : viewInFile(trust, replaces, Uint8Array.from(await readBytes(io.cwd, 'the file', replaces)))
  return { now: null, before, heads: anchor?.heads ?? new Map() }
}

function parseUntil(text: string): readonly [string, number | 'now'] {
  const [, id, index] = /^([^=]+)=(now|0|[1-9][0-9]{0,15})$/.exec(text) ?? []
  if (id === undefined || index === undefined)
    throw usage(`--until ${text} is not of the form id=index`, 'Write it as publisher-1=42, or publisher-1=now.')
  return [id, index === 'now' ? 'now' : Number(index)]
}

function parseHead(text: string): readonly [string, ChannelHead] {
  const [, channel, sequence, id] = /^([^=]+)=([1-9][0-9]{0,15}):(.+)$/.exec(text) ?? []
  if (channel === undefined || id === undefined || !Number.isSafeInteger(Number(sequence)))
    throw usage(`--head ${text} is not of the form channel=sequence:id`, 'Write it as publish printed it.')
  return [checkChannel(channel), { sequence: Number(sequence), id: checkId(id) }]
}

/** A proposal is replaced freely, but not once it was signed: the signatures would be of another file. */
async function writeProposal(path: string, { bytes }: Proposal): Promise<void> {
  const before = await readFile(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (before !== null && !before.equals(bytes) && (await entriesBeside(path)).length > 0)
    throw usage(`${path} is signed already`, 'Publish it, or remove it and its *.entry.json to propose anew.')
  await writeFileDurably(path, bytes).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) throw usage(`${path}: there is no such folder`, 'Name another file with --out.')
    throw error
  })
}

function tell(io: CommandIo, current: Trust, { trust, changes, disowned }: Proposal, path: string): void {
  const { product, version, sha256, forkCost } = trust
  const gone = disowned.map(({ id, statement: { channel, sequence, version: of } }) => ({
    id,
    channel,
    sequence,
    version: of,
  }))
  answer(io, { file: path, product, version, sha256, forkCost, changes, disowned: gone }, [
    `${path}: ${product}, version ${current.version} -> ${version}, SHA-256 ${sha256}`,
    ...changeLines(changes),
    `  a fork costs ${forkCostText(trust)}`,
    ...gone.map(
      (release) =>
        `! ${release.version} (${release.channel} ${release.sequence}) would not count any more: ${release.id}`,
    ),
  ])
  io.machine.say(
    `Unsigned. ${current.authority.threshold} of the authority in force and ${trust.authority.threshold} of the new one sign it, each offline: samebits-build trust sign ${path} --key FILE`,
  )
}
