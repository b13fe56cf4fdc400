/** One run in one workspace: its lock, its trust file, its log, and what the log says now. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ChannelHead, equalBytes, parseSignedCheckpoint, type Trust, toBase64 } from '@samebits/core'
import { acquireLock, ProgramError, writeFileDurably } from '@samebits/host'
import { forkEvidence, type History, readHistory } from './history.ts'
import { type KeptStatements, keptStatements } from './kept.ts'
import { checkExtends, ForkFound, type Log, newestTree, openLog, type SignedTree, type Tree } from './log-access.ts'
import type { Machine } from './machine.ts'
import { type ProductView, productView } from './product-view.ts'
import type { Workspace } from './recipe.ts'
import { Retryable, type RetryLimits } from './retry.ts'
import { readSizes } from './sizes.ts'
import { readAnchor, readTrust } from './workspace-files.ts'

export interface Session {
  readonly workspace: Workspace
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly trust: Trust
  readonly log: Log
  readonly kept: KeptStatements
  /**
   * The newest tree of the log and what it says about the product, once it extends everything known here and `wait` finds
   * nothing more to wait for.
   *
   * @param wait what is still missing from a tree, or null
   * @throws ProgramError FORK (exit 11), CHECKPOINT_INVALID, TRUST_INVALID; TRANSPORT, WITNESS_QUORUM (exit 20) when time is up
   */
  now(wait: (tree: Tree) => string | null): Promise<Now>
  release(): void
}

export interface Now {
  readonly tree: Tree
  readonly history: History
  readonly view: ProductView
}

export interface SessionOptions {
  readonly workspace: Workspace
  readonly machine: Machine
  readonly signal: AbortSignal
  /** How long a run waits for the log, in all tries of one step. */
  readonly limits: RetryLimits
  readonly onProgress: (done: number, total: number) => void
}

/** @throws ProgramError BUSY (exit 20) where another run holds the workspace */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { workspace, machine, signal, limits } = options
  const trust = await readTrust(workspace)
  const state = workspace.at('.samebits')
  await mkdir(state, { recursive: true })
  const lock = acquireLock(join(state, 'lock'))
  if (lock === null)
    throw new ProgramError({
      code: 'BUSY',
      detail: `another samebits-build works in ${workspace.folder}`,
      remedy: 'Run again when it has ended.',
      exitCode: 20,
    })
  try {
    const log = openLog({ machine, policy: trust.policy, signal, limits })
    const base = { workspace, machine, signal, trust, log, kept: keptStatements(join(state, 'publish')) }
    const looking: Looking = { ...base, onProgress: options.onProgress, seen: null }
    return { ...base, now: (wait) => lookNow(looking, wait), release: () => lock.release() }
  } catch (error) {
    lock.release()
    throw error
  }
}

type Looking = Omit<Session, 'now' | 'release'> &
  Pick<SessionOptions, 'onProgress'> & {
    /** The tree that was looked at last, found consistent; its tiles are at hand. */
    seen: Tree | null
  }

async function lookNow(looking: Looking, wait: (tree: Tree) => string | null): Promise<Now> {
  const { workspace, trust, log, onProgress } = looking
  const path = workspace.at('.samebits/history.json')
  const known = await knownTrees(looking)
  const { tree, history } = await log.patiently(async () => {
    const tree = sameTree(await newestTree(log), looking.seen)
    try {
      if (tree.reader !== looking.seen?.reader) await checkExtends(tree, known)
      looking.seen = tree
      const history = await readHistory(tree, { log, trust, path, onProgress })
      refuseWait(tree, wait(tree))
      return { tree, history }
    } catch (error) {
      if (error instanceof ForkFound) throw await convicted(looking, error, tree)
      throw error
    }
  })
  const view = productView(trust, history)
  checkTrustInForce(trust, view)
  return { tree, history, view }
}

/** The new checkpoint, with the reader of the old one where both are of one tree. */
function sameTree(tree: Tree, seen: Tree | null): Tree {
  const same = seen !== null && tree.size === seen.size && equalBytes(tree.reader.root, seen.reader.root)
  return same ? { ...tree, reader: seen.reader } : tree
}

function refuseWait(tree: Tree, missing: string | null): void {
  if (missing === null) return
  throw new Retryable(missing, { code: tree.quorum.satisfied ? 'TRANSPORT' : 'WITNESS_QUORUM' })
}

/** What is missing from a tree that clients would not accept; null where nothing is. */
export function lacksQuorum({ quorum, size }: Tree): string | null {
  if (quorum.satisfied) return null
  const names = quorum.cosigners.map(({ witness }) => witness.name).join(', ') || 'none'
  return `the checkpoint of size ${size} is not cosigned by enough witnesses yet (so far: ${names})`
}

/** Every tree that this publisher has shipped or stapled. */
async function knownTrees({ workspace, log }: Looking): Promise<readonly SignedTree[]> {
  const sizes = await readSizes(workspace.at(workspace.recipe.publish.sizes), log.origin)
  const anchor = await readAnchor(workspace)
  const { checkpoint } = anchor === null ? { checkpoint: null } : parseSignedCheckpoint(anchor.checkpoint)
  const shipped =
    anchor !== null && checkpoint !== null && checkpoint.origin === log.origin && checkpoint.size > 0
      ? [{ size: checkpoint.size, root: toBase64(checkpoint.root), checkpoint: anchor.checkpoint }]
      : []
  return [...shipped, ...sizes.anchors, ...sizes.seen]
}

async function convicted({ workspace, log }: Looking, fork: ForkFound, tree: Tree): Promise<ProgramError> {
  const evidence = await forkEvidence(fork, tree)
  const path = workspace.at(`.samebits/evidence/fork-${fork.known.size}-${tree.size}.json`)
  if (evidence !== null) {
    await mkdir(dirname(path), { recursive: true })
    await writeFileDurably(path, evidence)
  }
  return new ProgramError({
    code: 'FORK',
    detail: `${fork.message}: ${log.origin} has shown two histories${evidence === null ? '' : `; evidence in ${path}`}`,
    remedy: 'Publish nothing there; show this to the operator and to the witnesses.',
    exitCode: 11,
    cause: fork,
  })
}

/** Statements and anchors are made under the newest trust file that the log holds, and under no other (docs/formats.md §2). */
function checkTrustInForce(trust: Trust, view: ProductView): void {
  const refuse = (detail: string, remedy: string) =>
    new ProgramError({ code: 'TRUST_INVALID', detail, remedy, exitCode: 10 })
  const newer = view.trustSteps.find(({ metAt, statement }) => metAt !== null && statement.version > trust.version)
  if (newer !== undefined)
    throw refuse(
      `the log holds version ${newer.statement.version} of the trust file, here is version ${trust.version}`,
      'Put the newer file in its place.',
    )
  if (trust.version === 1) return
  const { version, sha256 } = trust
  if (
    !view.trustSteps.some(
      (step) => step.metAt !== null && step.statement.version === version && step.statement.sha256 === sha256,
    )
  )
    throw refuse(`version ${version} of the trust file is not in the log yet`, 'Log its trust statement first.')
}

/** A head as people read it. */
export function describeHead(head: ChannelHead | null): string {
  return head === null ? 'no release yet' : `sequence ${head.sequence}, ${head.id}`
}
