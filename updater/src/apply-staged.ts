/** docs/decision.md step 25: decide again about what is staged, install it, and end what a crash interrupted. */
import { join } from 'node:path'
import {
  type Accepted,
  applied,
  judge,
  type Notice,
  type PreviousInstall,
  rolledBack,
  type State,
} from '@samebits/core'
import { type Begun, beginRun } from './begin-run.ts'
import { drive } from './driver.ts'
import { IoFailure, reasonOf } from './failure.ts'
import { InstallFailure, type Recovery } from './install-job.ts'
import { readInstallRecord } from './install-record.ts'
import { createInstaller, type Installer } from './installer.ts'
import { type FormerSet, hasJournal, type Journal } from './journal.ts'
import { setDigest } from './manifest.ts'
import type { UpdaterOptions } from './options.ts'
import { openFolder, privateMode, workspaceName } from './paths.ts'
import { type ApplyResult, type RecoverResult, stoppedBy } from './results.ts'
import type { StateStore } from './state-store.ts'
import { currentName } from './tree-place.ts'
import { unpackingOf } from './unpacking.ts'

interface Approved {
  readonly kind: 'approved'
  readonly begun: Begun
  readonly state: State
  readonly release: Accepted
  readonly notices: readonly Notice[]
}

type NotApplied = Exclude<ApplyResult, { readonly kind: 'installed' }>

/** Steps 1-23 on the staged bundle. */
export async function approve(begun: Begun, signal: AbortSignal | undefined): Promise<Approved | NotApplied> {
  if (begun.state.staged === null) return { kind: 'nothing-staged', notices: begun.notices }
  const { outcome, ...driven } = await drive({
    step: (state, material) => judge(begun.run, state, material),
    state: begun.state,
    material: { offers: null, answers: new Map() },
    fetcher: null,
    keeper: begun.keeper,
    signal,
  })
  const notices = [...begun.notices, ...driven.notices]
  if (outcome.kind === 'stopped') return { kind: 'stopped', refusal: outcome.refusal, notices, evidencePath: null }
  const { value, state } = outcome
  if (value.kind === 'current') return { kind: 'current', current: value, notices }
  return { kind: 'approved', begun, state, release: value, notices }
}

/** Installs what is staged. @throws Error where the application has no install folder: it installs by itself */
export async function applyStaged(
  options: UpdaterOptions,
  store: StateStore,
  signal: AbortSignal | undefined,
): Promise<ApplyResult> {
  const begun = await beginRun(options, store, 'apply')
  if (begun.kind === 'stopped') return begun
  const approved = await approve(begun, signal)
  if (approved.kind !== 'approved') return approved
  const { notices, release, state } = approved
  const installer = await openInstaller(options)
  const { record } = applied(state, release, null)
  try {
    const next = { record, files: release.files.map(({ name, sha256, size }) => ({ name, sha256, size })) }
    await installer.install({
      next,
      unpack: unpackingOf(options, release),
      installed: begun.installed,
      commit: (journal) => commit(approved, journal),
      signal,
    })
  } catch (error) {
    if (error instanceof InstallFailure && error.hold) await begun.keeper.keep(rolledBack(state, release.id))
    return stoppedBy(error, notices)
  }
  return { kind: 'installed', record, release, notices }
}

async function commit({ begun, release, state }: Approved, { previous }: Journal): Promise<void> {
  await begun.keeper.keep(applied(state, release, formerInstall(previous)).state)
}

function formerInstall({ record, files, tree }: FormerSet): PreviousInstall | null {
  if (record === null) return null
  const unpacked = tree === null ? [] : [{ name: currentName, sha256: tree.sha256, size: 0 }]
  return { ...record, manifestSha256: setDigest([...files, ...unpacked]) }
}

async function openInstaller({
  uid,
  os,
  installDir,
  healthCheck,
  executable,
  onEvent,
}: UpdaterOptions): Promise<Installer> {
  if (installDir === null) throw new Error('an updater without an install folder leaves installing to its application')
  const folder = await openFolder(installDir, { uid })
  return createInstaller({
    folder,
    workspace: await openFolder(join(folder.path, workspaceName), { uid }, privateMode),
    platform: os,
    healthCheck,
    executable: executable ?? false,
    onStep: (step) => onEvent?.({ kind: 'install', step }),
  })
}

/**
 * Ends what a crash interrupted: forward where today's state still approves of it, else back. The state speaks for the
 * journal, never the journal for itself.
 */
export async function recoverInstall(
  options: UpdaterOptions,
  store: StateStore,
  signal: AbortSignal | undefined,
): Promise<RecoverResult> {
  const { installDir } = options
  if (installDir === null || !(await hasJournal(join(installDir, workspaceName)))) return { kind: 'none' }
  const judge = new JournalJudge(options, store, signal)
  const installer = await openInstaller(options)
  const job = { judge: (journal: Journal) => judge.judge(journal), commit: (journal: Journal) => judge.commit(journal) }
  const recovery = await installer.recover({ ...job, signal }).catch((error: unknown) => {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    const detail = `what was interrupted cannot be ended: ${reasonOf(error)}`
    throw new IoFailure('INSTALL_FAILED', detail, { cause: error })
  })
  if (recovery.kind === 'restored' && recovery.hold) await judge.hold()
  return recovery.kind === 'none' || recovery.kind === 'rejected'
    ? recovery
    : { kind: recovery.kind, detail: tell(recovery) }
}

function tell(recovery: Extract<Recovery, { readonly journal: Journal }>): string {
  const { next, previous } = recovery.journal
  if (recovery.kind === 'finished') return `the installation of ${next.record.version} was finished`
  return `${previous.record?.version ?? 'what was there'} is back: ${recovery.detail}`
}

/** What today's state says of an installation that a crash interrupted. */
class JournalJudge {
  readonly #options: UpdaterOptions
  readonly #store: StateStore
  readonly #signal: AbortSignal | undefined
  #begun: Begun | null = null
  #approved: Approved | null = null

  constructor(options: UpdaterOptions, store: StateStore, signal: AbortSignal | undefined) {
    this.#options = options
    this.#store = store
    this.#signal = signal
  }

  async judge({ step, next, previous }: Journal): Promise<'approved' | 'refused' | 'unknown'> {
    const begun = await beginRun(this.#options, this.#store, 'apply', previous.record)
    if (begun.kind === 'stopped') throw new IoFailure('STATE_INVALID', begun.refusal.detail)
    this.#begun = begun
    const { staged } = begun.state
    if (staged === null || staged.id !== next.record.id || setDigest(staged.files) !== setDigest(next.files)) {
      // The last step but tidying stores the state of after: then the install record, written before it, is the new one.
      const there = await readInstallRecord(this.#options.installDir ?? '')
      return step === 'checked' && there?.id === next.record.id ? 'approved' : 'unknown'
    }
    const approved = await approve(begun, this.#signal)
    if (approved.kind !== 'approved') return 'refused'
    this.#approved = approved
    return 'approved'
  }

  /** Nothing to do where the state of after is stored already. */
  async commit(journal: Journal): Promise<void> {
    if (this.#approved !== null) await commit(this.#approved, journal)
  }

  async hold(): Promise<void> {
    if (this.#approved === null || this.#begun === null) return
    const { state, release } = this.#approved
    await this.#begun.keeper.keep(rolledBack(state, release.id))
  }
}
