/** What every run begins with: the clock read once, the state opened, the inputs checked (docs/decision.md steps 1 and 2). */
import {
  type Installed,
  type InstallRecord,
  type Notice,
  prepareRun,
  type Run,
  type State,
  type Want,
  type WantAction,
} from '@samebits/core'
import { readInstallRecord } from './install-record.ts'
import type { UpdaterOptions } from './options.ts'
import { openFolder } from './paths.ts'
import type { Stopped } from './results.ts'
import { createStateKeeper, type StateKeeper } from './state-keeper.ts'
import type { StateStore } from './state-store.ts'
import { trustProduct } from './trust-product.ts'

export interface Begun {
  readonly kind: 'begun'
  readonly run: Run
  readonly state: State
  readonly keeper: StateKeeper
  readonly notices: readonly Notice[]
  /** What the install folder says. */
  readonly installed: InstallRecord | null
  /** Whether anything was remembered before this run. */
  readonly firstContact: boolean
}

/**
 * @param installed what to go by instead of the install record in the folder
 * @throws IoFailure STATE_INVALID where files cannot be read
 */
export async function beginRun(
  options: UpdaterOptions,
  store: StateStore,
  action: WantAction,
  installed?: InstallRecord | null,
): Promise<Begun | Stopped> {
  const { crypto, identities, trust, anchor = null, installDir } = options
  const record =
    installed !== undefined || installDir === null ? (installed ?? null) : await readInstallRecord(installDir)
  const product = trustProduct(crypto, trust)
  const opened =
    product === null
      ? ({ kind: 'opened', state: null, notices: [] } as const)
      : await store.load({ product, hasInstallRecord: record !== null })
  if (opened.kind === 'stopped') return stopped(opened)
  const { state } = opened
  const want = wantOf(options, action, state)
  const now = options.clock()
  const prepared = prepareRun({
    crypto,
    identities,
    now,
    want,
    installed: installedOf(options, record),
    trust,
    anchor,
    state,
  })
  if (prepared.kind === 'stopped') return stopped(prepared)
  // Before anything private is made inside it, which would make it private too.
  if (installDir !== null) await openFolder(installDir, { uid: options.uid })
  return {
    kind: 'begun',
    run: prepared.run,
    state: prepared.state,
    keeper: createStateKeeper(store, state),
    notices: [...opened.notices, ...prepared.notices],
    installed: record,
    firstContact: state === null,
  }
}

function stopped({ refusal }: Pick<Stopped, 'refusal'>): Stopped {
  return { kind: 'stopped', refusal, notices: [], evidencePath: null }
}

function installedOf({ installed, repair = false }: UpdaterOptions, record: InstallRecord | null): Installed | null {
  // What is there counts for nothing; what was accepted before still does, by the floors of the state.
  if (repair) return null
  if (record !== null) {
    const { channel, id, sequence, version } = record
    return { kind: 'record', channel, id, sequence, version }
  }
  if (installed === undefined) return null
  return 'sha256' in installed ? { kind: 'sha256', ...installed } : { kind: 'version', ...installed }
}

/** What was staged is applied under the want that it was staged for; `--accept-stale` is given again. */
function wantOf(options: UpdaterOptions, action: WantAction, state: State | null): Want {
  const {
    channel,
    platform,
    artifact = null,
    mediaType = null,
    online = true,
    acceptStale = null,
    downgradeTo = null,
  } = options
  const fresh: Want = { action, channel, platform, artifact, mediaType, online, acceptStale, maxAge: null, downgradeTo }
  const staged = action === 'apply' ? state?.staged : null
  return staged ? { ...fresh, ...staged.want, channel: staged.channel } : fresh
}
