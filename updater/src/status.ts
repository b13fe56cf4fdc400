/** What a client knows, without asking anybody: for a settings page, or `samebits state show`. */
import { type Held, type InstallRecord, parseSignedCheckpoint, type State } from '@samebits/core'
import { beginRun } from './begin-run.ts'
import type { UpdaterOptions } from './options.ts'
import type { Stopped } from './results.ts'
import type { StateStore } from './state-store.ts'

export interface Status {
  readonly kind: 'status'
  readonly product: string
  readonly installed: InstallRecord | null
  readonly trustVersion: number
  readonly origin: string
  /** Size of the newest tree that was verified; null before the first. */
  readonly treeSize: number | null
  /** Entries [from, to) were read. */
  readonly read: { readonly from: number; readonly to: number }
  /** Days since the log last answered with something the witnesses had just signed; null where nothing is known. */
  readonly daysSinceLog: number | null
  /** Unix seconds of the last run that ended in accepted or current. */
  readonly checkedAt: number | null
  /** A verified version that waits to be installed. */
  readonly staged: { readonly id: string; readonly version: string } | null
  readonly held: readonly Held[]
  /** What convicted the log, if anything did. */
  readonly convicted: string | null
}

/** @throws IoFailure STATE_INVALID */
export async function readStatus(options: UpdaterOptions, store: StateStore): Promise<Status | Stopped> {
  const begun = await beginRun(options, store, 'update')
  if (begun.kind === 'stopped') return begun
  return { ...statusOf(begun.state, options.clock()), installed: begun.installed }
}

/** The part of the status that the state alone knows. */
export function statusOf(state: State, now: number): Status {
  const { log, staged } = state
  return {
    kind: 'status',
    product: state.product,
    installed: null,
    trustVersion: state.trust.version,
    origin: log.origin,
    treeSize: log.tree === null ? null : parseSignedCheckpoint(log.tree).checkpoint.size,
    read: log.read,
    daysSinceLog: log.q === null ? null : Math.max(0, Math.floor((now - log.q) / 86_400)),
    checkedAt: state.checkedAt,
    staged: staged === null ? null : { id: staged.id, version: staged.version },
    held: state.held,
    convicted: log.convicted?.detail ?? null,
  }
}
