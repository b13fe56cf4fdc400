/**
 * A log as a publisher reads it: the newest checkpoint, signed by the log's key, and the tree under it. Nothing here
 * returns a byte that was not verified.
 */
import {
  equalBytes,
  evaluateQuorum,
  FormatError,
  fromBase64,
  fromUtf8,
  httpTileSource,
  NoteError,
  type OpenedCheckpoint,
  openCheckpoint,
  type Policy,
  ProofError,
  type QuorumResult,
  SourceError,
  TileError,
  type TileSource,
  type TreeReader,
  treeReader,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { type LogClient, logClient } from './log-client.ts'
import type { Machine } from './machine.ts'
import { defaultLimits, Retryable, type RetryLimits, retry } from './retry.ts'
import type { KnownTree } from './sizes.ts'

export interface Log {
  readonly origin: string
  readonly url: string
  readonly policy: Policy
  readonly source: TileSource
  readonly client: LogClient
  /** Runs `attempt` until it works, the time is up (exit 20), or it fails for good. */
  patiently<T>(attempt: () => Promise<T>): Promise<T>
}

export interface LogOptions {
  readonly machine: Machine
  /** With exactly one log line, which has a URL. */
  readonly policy: Policy
  readonly signal: AbortSignal
  readonly limits?: RetryLimits
  /** For one request. */
  readonly timeoutMs?: number
}

/** @throws ProgramError TRUST_INVALID where the policy names no log that can be asked */
export function openLog({ machine, policy, signal, limits = defaultLimits, timeoutMs = 60_000 }: LogOptions): Log {
  const [log] = policy.logs
  if (log?.url === undefined || !URL.canParse(log.url))
    throw new ProgramError({
      code: 'TRUST_INVALID',
      detail: "the trust file's log line has no URL",
      remedy: 'Add the URL at the end of the log line of tlogPolicy.',
      exitCode: 10,
    })
  const url = log.url
  return {
    origin: log.key.name,
    url,
    policy,
    source: httpTileSource({
      prefix: url,
      fetch: (target, init) => machine.fetch(target, init),
      signal: () => AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      allowHttpLoopback: true,
    }),
    client: logClient({ machine, url, signal, timeoutMs }),
    patiently: (attempt) => patiently(attempt, machine, signal, limits),
  }
}

async function patiently<T>(attempt: () => Promise<T>, machine: Machine, signal: AbortSignal, limits: RetryLimits) {
  try {
    return await retry(() => attempt().catch(asRetryable(signal)), { machine, signal, limits })
  } catch (error) {
    if (!(error instanceof Retryable)) throw error
    throw new ProgramError({
      code: error.code,
      detail: error.message,
      remedy: 'Run the same command again when the log answers: it goes on where it stopped.',
      exitCode: 20,
      cause: error,
    })
  }
}

/** What a source failed to give, or gave wrongly, may be right a moment later; an abort is final. */
function asRetryable(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    signal.throwIfAborted()
    if (error instanceof SourceError || error instanceof TileError)
      throw new Retryable(`the log's ${error.path} cannot be used: ${error.detail}${because(error.cause)}`, {
        cause: error,
      })
    throw error
  }
}

/** The innermost reason of a failed request, as `: connect ECONNREFUSED 127.0.0.1:2025`. */
function because(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  return cause.cause instanceof Error ? because(cause.cause) : `: ${cause.message}`
}

/** A tree whose root the log's key signed. */
export interface Tree {
  readonly signed: OpenedCheckpoint
  readonly size: number
  readonly quorum: QuorumResult
  readonly reader: TreeReader
}

/** The newest tree that the log shows. @throws SourceError, ProgramError CHECKPOINT_INVALID */
export async function newestTree(log: Log): Promise<Tree> {
  const bytes = await log.source.checkpoint()
  try {
    return openTree(log, fromUtf8(bytes))
  } catch (error) {
    if (error instanceof FormatError)
      throw new SourceError('transport', 'checkpoint', `it is no checkpoint (${error.detail})`, { cause: error })
    throw error
  }
}

/**
 * The tree under a checkpoint's text, once the log's signature has been verified.
 *
 * @throws FormatError for other text, ProgramError CHECKPOINT_INVALID for another log or key
 */
export function openTree(log: Log, text: string): Tree {
  try {
    const keys = log.policy.logs.map(({ key }) => key)
    const signed = openCheckpoint(nodeCrypto, text, keys, log.origin)
    const { size, root } = signed.checkpoint
    const quorum = evaluateQuorum(nodeCrypto, log.policy, signed)
    return { signed, size, quorum, reader: treeReader({ hasher: nodeCrypto, source: log.source, size, root }) }
  } catch (error) {
    if (!(error instanceof NoteError || error instanceof ProofError)) throw error
    throw new ProgramError({
      code: 'CHECKPOINT_INVALID',
      detail: `${log.url} does not show the log ${log.origin}: ${error.detail}`,
      remedy: "Compare the URL and the vkey on the log line with what the log's operator published.",
      exitCode: 10,
      cause: error,
    })
  }
}

/** A known tree, with the checkpoint that signed it where that was kept: it makes evidence of a fork. */
export interface SignedTree extends KnownTree {
  readonly checkpoint?: string
}

/** A tree that this publisher knew and that the log's newest tree does not extend. */
export class ForkFound extends Error {
  override readonly name = 'ForkFound'
  readonly known: SignedTree
  /** The root that the newest tree has at `known.size`. */
  readonly oldRoot: Uint8Array
  constructor(known: SignedTree, oldRoot: Uint8Array) {
    super(`the log no longer extends its own tree of size ${known.size}`)
    this.known = known
    this.oldRoot = oldRoot
  }
}

/**
 * Checks that `tree` extends every known one, by the roots that its own authenticated tiles give.
 *
 * @throws ForkFound where it does not; Retryable where it is smaller than one of them (an old copy, until shown otherwise)
 */
export async function checkExtends(tree: Tree, known: readonly SignedTree[]): Promise<void> {
  const newest = Math.max(0, ...known.map(({ size }) => size))
  if (newest > tree.size)
    throw new Retryable(`the log shows a tree of size ${tree.size}, smaller than the ${newest} it has shown before`)
  for (const each of known) {
    const root = await tree.reader.rootAt(each.size)
    if (!equalBytes(root, fromBase64(each.root))) throw new ForkFound(each, root)
  }
}
