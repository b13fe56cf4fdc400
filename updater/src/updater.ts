/**
 * The library for applications: looks, decides, fetches and installs.
 *
 *     const updater = createUpdater({ trust, anchor, stateDir, installDir, channel, platform, fetch, clock, … })
 *     const found = await updater.check({ signal })
 *     if (found.kind === 'accepted') {
 *       const fetched = await updater.download({ signal })
 *       if (fetched.kind === 'downloaded') await updater.apply({ signal })
 *     }
 *
 * What was verified is remembered, also when a call ends in a refusal. No call leaves anything half done.
 */
import { join } from 'node:path'
import {
  type Accepted,
  formatEvidence,
  fromUtf8,
  judge,
  type Material,
  type Notice,
  type Refusal,
  renew,
  type State,
  stage,
  utf8,
} from '@samebits/core'
import { applyStaged, recoverInstall } from './apply-staged.ts'
import { type Begun, beginRun } from './begin-run.ts'
import { type Driven, drive } from './driver.ts'
import { writeEvidence } from './evidence-file.ts'
import { isFailure, reasonOf } from './failure.ts'
import { fetchFiles } from './fetch-files.ts'
import { Gossip } from './gossip.ts'
import { type HandOverResult, handOver } from './hand-over.ts'
import { createHttpClient } from './http-client.ts'
import { InstallFailure } from './install-job.ts'
import { openStaging } from './installer.ts'
import { createNeedFetcher, type NeedFetcher } from './need-fetcher.ts'
import type { UpdaterOptions } from './options.ts'
import { openFolder, privateMode, workspaceName } from './paths.ts'
import {
  type ApplyResult,
  type CheckResult,
  type DownloadResult,
  type RecoverResult,
  type Stopped,
  stoppedBy,
} from './results.ts'
import { createStateStore, type StateStore } from './state-store.ts'
import { readStatus, type Status } from './status.ts'
import { createTileCache } from './tile-cache.ts'
import { unpackingOf } from './unpacking.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface DownloadCallOptions extends CallOptions {
  /** Bytes of this file so far, as `onEvent` has them. */
  readonly onProgress?: (progress: { readonly name: string; readonly received: number; readonly total: number }) => void
}

export interface Updater {
  /** Asks the network (unless offline) and decides. Ends what a crash interrupted first. Installs nothing. */
  check(options?: CallOptions): Promise<CheckResult>
  /** Fetches what the last `check` of this updater accepted, and stages it. */
  download(options?: DownloadCallOptions): Promise<DownloadResult>
  /** Decides again about what is staged, with today's state and clock, and installs it. */
  apply(options?: CallOptions): Promise<ApplyResult>
  /**
   * In place of `apply`, for an application that installs by itself (`installDir: null`): decides again about what is staged, and
   * hands over open files whose bytes were hashed through these very handles.
   */
  handOver(options?: CallOptions): Promise<HandOverResult>
  /** Ends what a crash interrupted; `check` and `apply` do it by themselves. */
  recover(options?: CallOptions): Promise<RecoverResult>
  /** What this client knows, without asking anybody. */
  status(): Promise<Status | Stopped>
}

export function createUpdater(options: UpdaterOptions): Updater {
  const store = createStateStore({
    directory: options.stateDir,
    hasher: options.crypto,
    identity: { uid: options.uid },
  })
  return new StoredUpdater(options, store)
}

interface Session {
  readonly begun: Begun
  readonly release: Accepted
  readonly material: Material
}

class StoredUpdater implements Updater {
  readonly #options: UpdaterOptions
  readonly #store: StateStore
  readonly #gossip: Gossip | null
  /** What the last check accepted. */
  #session: Session | null = null

  constructor(options: UpdaterOptions, store: StateStore) {
    this.#options = options
    this.#store = store
    this.#gossip = gossipOf(options)
  }

  async check({ signal }: CallOptions = {}): Promise<CheckResult> {
    this.#session = null
    return await this.#ending(async () => {
      const recovered = await this.recover({ ...(signal === undefined ? {} : { signal }) })
      if (recovered.kind === 'stopped') return recovered
      const begun = await beginRun(this.#options, this.#store, 'update')
      if (begun.kind === 'stopped') return begun
      const fetcher = this.#fetcher(signal)
      const driven = await this.#drive(begun, fetcher, signal)
      this.#hear(driven.outcome.state)
      const notices = [...begun.notices, ...driven.notices]
      if (driven.outcome.kind === 'stopped') {
        const refused = await this.#refused(driven.outcome.refusal, notices)
        await this.#renew(begun, driven, fetcher, signal)
        return refused
      }
      const renewed = await this.#renew(begun, driven, fetcher, signal)
      const verdict = driven.outcome.value
      if (verdict.kind === 'current') return { kind: 'current', current: verdict, notices }
      this.#session = { begun: { ...begun, state: renewed }, release: verdict, material: driven.material }
      return { kind: 'accepted', release: verdict, notices }
    }, signal)
  }

  async download({ signal, onProgress }: DownloadCallOptions = {}): Promise<DownloadResult> {
    const session = this.#session
    if (session === null) throw new Error('download follows a check that accepted a release')
    return await this.#ending(async () => {
      const { release, begun, material } = session
      unpackingOf(this.#options, release)
      const directory = await this.#stagingFolder()
      const { feeds = null, localFiles = null } = this.#options
      const job = { id: release.id, files: release.files, feeds: feeds ?? begun.run.anchor?.feeds ?? [], localFiles }
      await fetchFiles({ ...job, directory, http: this.#http(true), signal, onProgress }, this.#options)
      const driven = await drive({
        step: (state, now) => stage(begun.run, state, release, now),
        state: begun.state,
        material,
        fetcher: this.#fetcher(signal),
        keeper: begun.keeper,
        signal,
      })
      if (driven.outcome.kind === 'stopped') return await this.#refused(driven.outcome.refusal, driven.notices)
      return { kind: 'downloaded', release, directory, notices: driven.notices }
    }, signal)
  }

  async apply({ signal }: CallOptions = {}): Promise<ApplyResult> {
    this.#session = null
    return await this.#ending(async () => {
      const recovered = await this.recover({ ...(signal === undefined ? {} : { signal }) })
      if (recovered.kind === 'stopped') return recovered
      const result = await applyStaged(this.#options, this.#store, signal)
      return result.kind === 'stopped' ? await this.#refused(result.refusal, result.notices) : result
    }, signal)
  }

  async handOver({ signal }: CallOptions = {}): Promise<HandOverResult> {
    if (this.#options.installDir !== null) throw new Error('what is handed over is installed by the application alone')
    this.#session = null
    return await this.#ending(async () => {
      const result = await handOver(this.#options, this.#store, await this.#stagingFolder(), signal)
      return result.kind === 'stopped' ? await this.#refused(result.refusal, result.notices) : result
    }, signal)
  }

  async recover({ signal }: CallOptions = {}): Promise<RecoverResult> {
    return await this.#ending(async () => {
      const recovery = await recoverInstall(this.#options, this.#store, signal)
      if (recovery.kind !== 'none' && recovery.kind !== 'stopped')
        this.#options.onEvent?.({ kind: 'recovered', outcome: recovery.kind, detail: recovery.detail })
      return recovery
    })
  }

  async status(): Promise<Status | Stopped> {
    return await this.#ending(() => readStatus(this.#options, this.#store))
  }

  /** What this client remembers is what it was shown, too. */
  #hear({ trust, log }: State): void {
    this.#gossip?.believe(utf8(trust.body))
    if (log.tree !== null) this.#gossip?.sawCheckpoint(log.tree)
  }

  /** The result of a call, once monitors were told what it saw: refused and undecided runs see the most. */
  async #ending<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T | Stopped> {
    const result = await this.#settled(work)
    await this.#gossip?.handIn(signal)
    return result
  }

  /** Our own failures, and the system's, as results. */
  async #settled<T>(work: () => Promise<T>): Promise<T | Stopped> {
    try {
      return await work()
    } catch (error) {
      if (isFailure(error)) return stoppedBy(error)
      // Past the beginning of a swap the installer speaks for itself: a full or read-only disk before it decides nothing.
      if (error instanceof Error && 'syscall' in error)
        return stoppedBy(new InstallFailure(reasonOf(error), { swapBegan: false, cause: error }))
      throw error
    }
  }

  async #drive(begun: Begun, fetcher: NeedFetcher | null, signal: AbortSignal | undefined) {
    const { onEvent, relieveMemory } = this.#options
    return await drive({
      step: (state, material) => judge(begun.run, state, material),
      state: begun.state,
      material: { offers: await this.#offers(fetcher), answers: new Map() },
      fetcher,
      keeper: begun.keeper,
      signal,
      onNeed(need) {
        if (need.kind !== 'entries') return
        onEvent?.({ kind: 'history', from: need.from, to: need.to, size: need.size })
        relieveMemory?.()
      },
    })
  }

  /** The bundle in hand, or those of the feeds that the application names; null: the anchor's feeds are asked in their turn. */
  async #offers(fetcher: NeedFetcher | null): Promise<readonly Uint8Array[] | null> {
    const { bundle = null, feeds = null, channel } = this.#options
    if (bundle !== null) this.#gossip?.sawBundle(bundle)
    if (bundle !== null) return [bundle]
    if (feeds === null || fetcher === null) return null
    const answer = await fetcher.answer({ kind: 'offers', channel, feeds })
    return answer.kind === 'offers' ? answer.bundles : []
  }

  /** What was staged before is restated under a tree that moved, also by a refused run; where that fails it stays as it was. */
  async #renew(begun: Begun, driven: Driven<unknown>, fetcher: NeedFetcher | null, signal: AbortSignal | undefined) {
    const { outcome, material } = driven
    if (outcome.state.staged === null) return outcome.state
    const { run, keeper } = begun
    const renewed = await drive({
      step: (state, now) => renew(run, state, now),
      state: outcome.state,
      material,
      fetcher,
      keeper,
      signal,
    })
    return renewed.outcome.state
  }

  /** A refusal with its evidence in a file. */
  async #refused(refusal: Refusal, notices: readonly Notice[]): Promise<Stopped> {
    const { stateDir, uid } = this.#options
    if (refusal.evidence !== null) this.#gossip?.sawEvidence(refusal.evidence)
    const evidencePath =
      refusal.evidence === null
        ? null
        : await writeEvidence(join(stateDir, 'evidence'), fromUtf8(formatEvidence(refusal.evidence)), { uid })
    return { kind: 'stopped', refusal, notices, evidencePath }
  }

  #http(forFeeds: boolean) {
    const { fetch, random, retry, sleep, idleTimeoutMs, totalTimeoutMs, feedHeaders } = this.#options
    return createHttpClient({
      fetch,
      random,
      ...(retry === undefined ? {} : { retry }),
      ...(sleep === undefined ? {} : { sleep }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(totalTimeoutMs === undefined ? {} : { totalTimeoutMs }),
      ...(forFeeds && feedHeaders !== undefined ? { headers: feedHeaders } : {}),
    })
  }

  #fetcher(signal: AbortSignal | undefined): NeedFetcher | null {
    const { online = true, crypto: hasher, stateDir, stopwatch, historyBudgetMs = 120_000 } = this.#options
    if (!online) return null
    const end = stopwatch() + historyBudgetMs
    const fetcher = createNeedFetcher({
      http: this.#http(false),
      feedHttp: this.#http(true),
      hasher,
      store: createTileCache(join(stateDir, 'tiles')),
      mayReadOn: () => stopwatch() < end,
      signal,
    })
    return this.#gossip?.watching(fetcher) ?? fetcher
  }

  /** Where files wait: in the install folder's workspace, so that the swap is a rename, or beside the state. */
  async #stagingFolder(): Promise<string> {
    const { installDir, stateDir, uid } = this.#options
    if (installDir === null) return await openStaging(await openFolder(stateDir, { uid }, privateMode))
    await openFolder(installDir, { uid })
    return await openStaging(await openFolder(join(installDir, workspaceName), { uid }, privateMode))
  }
}

function gossipOf({ gossip = [], online = true, fetch, crypto, trust, onEvent }: UpdaterOptions): Gossip | null {
  if (gossip.length === 0 || !online) return null
  const made = new Gossip({ monitors: gossip, fetch, crypto, onEvent })
  made.believe(trust)
  return made
}
