/** From where a log is looked at: each place that shows checkpoints of it, and what it shows now. */
import {
  type Crypto,
  evaluateQuorum,
  FormatError,
  fromUtf8,
  httpGet,
  MAX_CHECKPOINT_SIZE,
  NoteError,
  openCheckpoint,
  type SignedCheckpoint,
  SourceError,
  toHex,
  utf8,
  verifyCheckpoint,
} from '@samebits/core'
import type { FollowedLog, KnownWitness } from '../config/monitor-config.ts'
import type { SignedTree, ViewKind } from '../state/monitor-store.ts'

/** A place that shows checkpoints of one log. */
export interface VantagePoint {
  /** As in `ViewRecord`. */
  readonly name: string
  readonly kind: ViewKind
  /** The checkpoint's own URL. */
  readonly url: string
  /** Where its tiles are; null for places that show checkpoints alone. */
  readonly tiles: string | null
  /** For a witness's copy: whose line must stand on it. */
  readonly witness: KnownWitness | null
}

/** A witness's signature under a checkpoint. */
export interface Cosigned {
  readonly name: string
  /** Unix seconds; 0 states none. */
  readonly timestamp: number
}

/** A checkpoint that the log signed, and who else did. */
export interface SeenTree extends SignedTree {
  readonly signed: SignedCheckpoint
  readonly cosigned: readonly Cosigned[]
  /** Quorum time under the log's policy; null without one. */
  readonly q: number | null
}

/** What a place showed: a tree, or why there is none. `refused`: it answered with something that does not verify. */
export type Sight =
  | { readonly kind: 'tree'; readonly tree: SeenTree }
  | { readonly kind: 'nothing'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string }

export function vantagePoints(crypto: Crypto, log: FollowedLog, witnesses: readonly KnownWitness[]): VantagePoint[] {
  const points: VantagePoint[] = []
  if (log.url !== null) points.push(place('log', 'log', log.url))
  for (const mirror of log.mirrors) points.push(place(`mirror ${mirror}`, 'mirror', mirror.replace(/\/$/, '')))
  const hash = toHex(crypto.sha256(utf8(log.origin)))
  for (const witness of witnesses) {
    if (witness.url === null) continue
    const url = `${witness.url}/${hash}/checkpoint`
    points.push({ name: `witness ${witness.name}`, kind: 'witness', url, tiles: null, witness })
  }
  return points
}

function place(name: string, kind: ViewKind, url: string): VantagePoint {
  return { name, kind, url: `${url}/checkpoint`, tiles: url, witness: null }
}

const timeoutMs = 10_000

/** Asks one place. Never rejects. */
export async function look(
  crypto: Crypto,
  log: FollowedLog,
  witnesses: readonly KnownWitness[],
  point: VantagePoint,
  fetch: typeof globalThis.fetch,
): Promise<Sight> {
  const options = { fetch, signal: () => AbortSignal.timeout(timeoutMs), allowHttpLoopback: true }
  try {
    const text = fromUtf8(await httpGet(options, point.url, MAX_CHECKPOINT_SIZE))
    const tree = openTree(crypto, log, witnesses, text)
    if (point.witness !== null && !tree.cosigned.some(({ name }) => name === point.witness?.name))
      return { kind: 'refused', detail: `the copy bears no valid line of ${point.witness.name}` }
    return { kind: 'tree', tree }
  } catch (error) {
    if (error instanceof SourceError) return { kind: 'nothing', detail: error.detail }
    if (error instanceof NoteError || error instanceof FormatError) return { kind: 'refused', detail: error.detail }
    throw error
  }
}

/** Verifies a checkpoint of the log, and finds the witnesses under it. @throws NoteError, FormatError */
export function openTree(crypto: Crypto, log: FollowedLog, witnesses: readonly KnownWitness[], text: string): SeenTree {
  const opened = openCheckpoint(crypto, text, log.keys, log.origin)
  const { size, root } = opened.checkpoint
  const cosigned = witnesses.flatMap(({ name, keys }) => cosignedBy(crypto, opened, name, keys))
  const quorum = log.policy === null ? null : evaluateQuorum(crypto, log.policy, opened)
  return { size, root, checkpoint: text, signed: opened, cosigned, q: quorum?.q ?? null }
}

/** A line that fails spoils nothing: it is not the witness's. */
function cosignedBy(crypto: Crypto, signed: SignedCheckpoint, name: string, keys: KnownWitness['keys']): Cosigned[] {
  const times = keys.flatMap((key) => {
    try {
      return verifyCheckpoint(crypto, signed, [key]).map(({ timestamp }) => timestamp ?? 0)
    } catch (error) {
      if (error instanceof NoteError) return []
      throw error
    }
  })
  return times.length === 0 ? [] : [{ name, timestamp: Math.max(...times) }]
}
