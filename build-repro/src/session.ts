/** One run in one workspace: its lock, its trust file, its log, and what the log says now. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChannelHead, parseSignedCheckpoint, type Trust, toBase64 } from '@samebits/core'
import { acquireLock, ProgramError } from '@samebits/host'
import { type Follower, follow } from './follow.ts'
import { type KeptStatements, keptStatements } from './kept.ts'
import { type Log, openLog, type SignedTree } from './log-access.ts'
import type { Machine } from './machine.ts'
import type { Workspace } from './recipe.ts'
import type { RetryLimits } from './retry.ts'
import { readSizes } from './sizes.ts'
import { readAnchor, readTrust } from './workspace-files.ts'

export interface Session {
  readonly workspace: Workspace
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly trust: Trust
  readonly log: Log
  readonly kept: KeptStatements
  /** As {@link Follower.now}. */
  readonly now: Follower['now']
  release(): void
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
    const { now } = follow({
      trust,
      log,
      historyPath: join(state, 'history.json'),
      evidenceFolder: join(state, 'evidence'),
      known: () => knownTrees(workspace, log),
      onProgress: options.onProgress,
    })
    const kept = keptStatements(join(state, 'publish'))
    return { workspace, machine, signal, trust, log, kept, now, release: () => lock.release() }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Every tree that this publisher has shipped or stapled. */
async function knownTrees(workspace: Workspace, log: Log): Promise<readonly SignedTree[]> {
  const sizes = await readSizes(workspace.at(workspace.recipe.publish.sizes), log.origin)
  const anchor = await readAnchor(workspace)
  const { checkpoint } = anchor === null ? { checkpoint: null } : parseSignedCheckpoint(anchor.checkpoint)
  const shipped =
    anchor !== null && checkpoint !== null && checkpoint.origin === log.origin && checkpoint.size > 0
      ? [{ size: checkpoint.size, root: toBase64(checkpoint.root), checkpoint: anchor.checkpoint }]
      : []
  return [...shipped, ...sizes.anchors, ...sizes.seen]
}

/** A head as people read it. */
export function describeHead(head: ChannelHead | null): string {
  return head === null ? 'no release yet' : `sequence ${head.sequence}, ${head.id}`
}
