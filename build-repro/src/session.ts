/** One run in one workspace: its lock, its trust file, its log, and what the log says now. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChannelHead, type Policy, parseSignedCheckpoint, type Trust, toBase64 } from '@samebits/core'
import { acquireLock, ProgramError } from '@samebits/host'
import { type Follower, follow } from './follow.ts'
import { type KeptStatements, keptStatements } from './kept.ts'
import { type Log, openLog, type SignedTree } from './log-access.ts'
import type { Machine } from './machine.ts'
import type { Workspace } from './recipe.ts'
import type { RetryLimits } from './retry.ts'
import { readSizes } from './sizes.ts'
import { holdsStep } from './trust/kept-steps.ts'
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
  /** This version may already be in the log: it is the one that this run brings. */
  readonly bringing?: number
  /** The log to work with, where it is not the one of the trust file: a successor that is asked for the last word. */
  readonly policy?: Policy
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
    const log = openLog({ machine, policy: options.policy ?? trust.policy, signal, limits })
    const { now } = follow({
      trust,
      log,
      historyPath: join(state, 'history.json'),
      evidenceFolder: join(state, 'evidence'),
      known: () => knownTrees(workspace, trust, log),
      onProgress: options.onProgress,
      bringing: options.bringing ?? trust.version,
      isStepKept: () => holdsStep(workspace, trust),
    })
    const kept = keptStatements(join(state, 'publish'), workspace.folder)
    return { workspace, machine, signal, trust, log, kept, now, release: () => lock.release() }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Every tree that this publisher has shipped or stapled. */
async function knownTrees(workspace: Workspace, trust: Trust, log: Log): Promise<readonly SignedTree[]> {
  const sizes = await readSizes(workspace.at(workspace.recipe.publish.sizes), log.origin, logsBefore(trust))
  const anchor = await readAnchor(workspace)
  const { checkpoint } = anchor === null ? { checkpoint: null } : parseSignedCheckpoint(anchor.checkpoint)
  const shipped =
    anchor !== null && checkpoint !== null && checkpoint.origin === log.origin && checkpoint.size > 0
      ? [{ size: checkpoint.size, root: toBase64(checkpoint.root), checkpoint: anchor.checkpoint }]
      : []
  return [...shipped, ...sizes.anchors, ...sizes.seen]
}

/** Logs whose `sizes.json` may still be here: the one of this trust file, and the one before it. */
export function logsBefore({ origin, replaces }: Trust): readonly string[] {
  return replaces === null ? [origin] : [origin, replaces.origin]
}

/** A head as people read it. */
export function describeHead(head: ChannelHead | null): string {
  return head === null ? 'no release yet' : `sequence ${head.sequence}, ${head.id}`
}
