/**
 * Publishing: measure, decide, sign once, keep, log, verify, hand out. Every step may be interrupted and repeated; the bytes
 * that were signed are the only ones that are ever sent.
 */
import {
  type Artifact,
  type Build,
  formatStatement,
  operatorsOf,
  parseEntry,
  type ReleaseStatement,
  statementId,
  type Trust,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Measured } from './artifacts.ts'
import { lacksQuorum, type Now } from './follow.ts'
import type { Kept, KeptRequest } from './kept.ts'
import { anchorOf, bundleOf, feedRelease, growSizes, writeAnchor, writeBundles, writeShippedSizes } from './outputs.ts'
import { isOvertaken, planPublish, type Wanted } from './plan.ts'
import type { LoggedRelease } from './product-view.ts'
import { describeHead, type Session } from './session.ts'
import { credentialOf, isSignedBy } from './signers.ts'
import type { StatementSigner } from './signing.ts'
import { submitEntry } from './submit.ts'

export interface PublishRequest {
  readonly channel: string
  readonly version: string
  readonly files: readonly Measured[]
  readonly artifacts: readonly Artifact[]
  /** How they were built, for everybody to build them again; none: nobody can vote on this release. */
  readonly builds?: readonly Build[]
  readonly notes?: string
  /** Move the feed even where clients would not accept the release yet. */
  readonly feedNow: boolean
}

/** How a run ended: everything handed out, or the release still open. */
export interface PublishResult {
  readonly kind: 'published' | 'open'
  readonly id: string
  readonly version: string
  readonly channel: string
  readonly sequence: number
  /** Of this publisher's own entry. */
  readonly index: number
  /** Size of the checkpoint in the bundle. */
  readonly size: number
  readonly publishers: { readonly signed: number; readonly needed: number }
  readonly bundles: readonly string[]
  readonly anchor: string | null
  readonly fed: boolean
  /** Why the feed does not show the release; null where it does. */
  readonly waiting: string | null
}

/** @throws ProgramError, as the steps say */
export async function publish(
  session: Session,
  signer: StatementSigner,
  request: PublishRequest,
): Promise<PublishResult> {
  checkIsPublisher(session.trust, signer)
  checkChannelListed(session.trust, request.channel)
  const now = await session.now(() => null)
  const { product } = session.trust
  const { channel, version, artifacts } = request
  const wanted = { product, channel, version, artifacts }
  const plan = planPublish(wanted, await session.kept.list(), now.view, (entry) =>
    isSignedBy(session.trust, entry, signer.credential),
  )
  switch (plan.kind) {
    case 'overtaken':
      throw await overtaken(session, plan.kept, plan.head)
    case 'resume':
      session.machine.say(`going on with ${version}, signed before as ${plan.kept.id}`)
      return finish(session, signer, plan.kept, request)
    case 'adopt':
      session.machine.say(`${version} is logged already as ${plan.release.id}: its bytes are taken from there`)
      return finish(session, signer, await keep(session, wanted, request.files, plan.leaf), request)
    case 'sign':
      return finish(session, signer, await signAndKeep(session, signer, request, plan), request)
  }
}

function checkChannelListed({ channels, product }: Trust, channel: string): void {
  if (!channels.includes(channel))
    throw new ProgramError({
      code: 'WRONG_CHANNEL',
      detail: `the trust file of ${product} has no channel ${channel}`,
      remedy: `Use one of: ${channels.join(', ')}.`,
      exitCode: 10,
    })
}

/** @throws ProgramError NOT_A_PUBLISHER */
export function checkIsPublisher({ publishers, product }: Trust, { credential }: StatementSigner): void {
  if (!publishers.members.some((member) => credentialOf(member) === credential))
    throw new ProgramError({
      code: 'NOT_A_PUBLISHER',
      detail: `${credential} is no publisher of ${product}`,
      remedy: 'Sign with a key or as an identity that the trust file lists.',
      exitCode: 10,
    })
}

async function signAndKeep(
  session: Session,
  signer: StatementSigner,
  request: PublishRequest,
  { sequence, previous }: { readonly sequence: number; readonly previous: string | null },
): Promise<Kept> {
  const { product } = session.trust
  const { channel, version, artifacts, builds = [], notes } = request
  const statement: ReleaseStatement = {
    kind: 'release',
    product,
    channel,
    version,
    sequence,
    previous,
    artifacts,
    builds,
    ...(notes === undefined ? {} : { notes }),
  }
  const leaf = await signer.sign(formatStatement(statement))
  session.signal.throwIfAborted()
  return keep(session, { product, channel, version, artifacts }, request.files, leaf)
}

async function keep(session: Session, wanted: Wanted, files: readonly Measured[], leaf: Uint8Array): Promise<Kept> {
  return keepEntry(session, 'publish', wanted, files, leaf)
}

/** Keeps signed bytes, or finds them kept under the same id. */
export async function keepEntry(
  session: Session,
  kind: KeptRequest['kind'],
  { product, channel, version }: Omit<Wanted, 'artifacts'>,
  files: readonly Measured[],
  leaf: Uint8Array,
): Promise<Kept> {
  const { statement, payload } = parseEntry(nodeCrypto, leaf)
  if (statement.kind !== 'release') throw new TypeError('only releases are published')
  const id = statementId(nodeCrypto, payload)
  const before = (await session.kept.list()).find((each) => each.id === id)
  if (before !== undefined) {
    await session.kept.restore(id)
    return { ...before, withdrawn: null }
  }
  const { sequence } = statement
  return session.kept.keep(id, { format: 1, kind, product, channel, version, sequence, artifacts: files }, leaf)
}

/** From kept bytes to everything written. The same for a new statement, a resumed one, and a co-signature. */
export async function finish(
  session: Session,
  signer: StatementSigner,
  kept: Kept,
  { files, feedNow }: { readonly files: readonly Measured[]; readonly feedNow: boolean },
): Promise<PublishResult> {
  const index = await logEntry(session, signer, kept)
  const now = await session.now((tree) =>
    tree.size > index ? lacksQuorum(tree) : `entry ${index} is not under a checkpoint yet`,
  )
  const release = releaseAt(now, kept.id, index)
  const { sequence } = release.statement
  const { channel, version } = kept.request
  const signed = operatorsOf(session.trust, 'publishers', release.signatures).size
  const publishers = { signed, needed: session.trust.publishers.threshold }
  const common = { id: kept.id, version, channel, sequence, index, size: now.tree.size, publishers }
  if (release.metAt === null) {
    if (isOvertaken(kept, now.view))
      throw await overtaken(session, kept, describeHead(now.view.heads.get(channel) ?? null))
    const waiting = `${signed} of ${publishers.needed} publishers have signed it`
    return { kind: 'open', ...common, bundles: [], anchor: null, fed: false, waiting }
  }
  const sizes = await growSizes(session, now, [])
  const bundle = await bundleOf(session, now, release, sizes)
  const anchorBytes = await anchorOf(session, now)
  session.signal.throwIfAborted()
  await writeShippedSizes(session, sizes, now.tree)
  const bundles = await writeBundles(files, bundle)
  const { fed, reason } = await feedRelease(session, now, release, { artifacts: files, bundle, feedNow })
  const anchor = await writeAnchor(session, anchorBytes)
  await session.kept.markPublished(kept.id, { size: now.tree.size, fed })
  return { kind: 'published', ...common, bundles, anchor, fed, waiting: reason }
}

/** The index of this publisher's entry: found in the log, or taken by it now. */
async function logEntry(session: Session, signer: StatementSigner, kept: Kept): Promise<number> {
  const { view } = await session.now(() => null)
  const logged = ownIndex(session.trust, view.releases, kept.id, signer)
  if (logged !== null) return logged
  const submitted = await submitEntry(session.log, kept.entry, kept.bodies)
  if (submitted.kind === 'logged') return submitted.index
  const after = await session.now(() => null)
  const head = after.view.heads.get(kept.request.channel) ?? null
  if (isOvertaken(kept, after.view)) throw await overtaken(session, kept, describeHead(head))
  throw new ProgramError({
    code: 'LOG_REFUSED',
    detail: `the log answered 409 ${submitted.code}: ${submitted.detail}; its entries show ${describeHead(head)}`,
    remedy: 'Run again; if it stays, the log and its entries disagree: ask the operator.',
    exitCode: 10,
  })
}

function ownIndex(
  trust: Trust,
  releases: readonly LoggedRelease[],
  id: string,
  { credential }: StatementSigner,
): number | null {
  const release = releases.find((each) => each.id === id)
  const own = release?.entries.find(({ entry }) => isSignedBy(trust, entry, credential))
  return own?.index ?? null
}

/** The release, once its entry at `index` was read from the verified tree. */
function releaseAt({ view }: Now, id: string, index: number): LoggedRelease {
  const release = view.releases.find((each) => each.id === id)
  if (release?.entries.some((each) => each.index === index)) return release
  throw new ProgramError({
    code: 'PROOF_INVALID',
    detail: `the log answered that entry ${index} is this release, but its tree holds another one there`,
    remedy: 'Nothing was handed out. Ask the operator of the log.',
    exitCode: 10,
  })
}

async function overtaken(session: Session, kept: Kept, head: string): Promise<ProgramError> {
  await session.kept.withdraw(kept.id, `overtaken: the head of ${kept.request.channel} is ${head}`)
  return new ProgramError({
    code: 'HEAD_MOVED',
    detail: `another release came first: the head of ${kept.request.channel} is ${head}; what was signed for sequence ${kept.request.sequence} is withdrawn`,
    remedy: 'Run again to sign for the next sequence.',
    exitCode: 20,
  })
}

/** Gives up a statement that was kept and never logged. @throws ProgramError NOT_FOUND, LOGGED */
export async function abandon(session: Session, id: string): Promise<void> {
  const refuse = (code: string, detail: string, remedy: string) =>
    new ProgramError({ code, detail, remedy, exitCode: 10 })
  if (!(await session.kept.list()).some((kept) => kept.id === id))
    throw refuse('NOT_FOUND', `no statement ${id} is kept here`, 'Name an id under .samebits/publish.')
  const { view } = await session.now(() => null)
  if (view.releases.some((release) => release.id === id))
    throw refuse(
      'LOGGED',
      `${id} is in the log and stays there`,
      'Finish it, or publish a newer release and revoke it.',
    )
  await session.kept.withdraw(id, 'given up by hand')
}
