/**
 * Putting verified files in place so that a crash at any moment leaves the old version or the new one, whole.
 *
 *     <folder>/<artifact …>           what runs
 *     <folder>/installed.json         what it is
 *     <folder>/.samebits/journal.json what was under way
 *                        manifest.json  the names that the installed release brought
 *                        staged/      verified files on their way in
 *                        keeping/     second names of the files that are being replaced
 *                        previous/    the version before, for a way back
 *
 * Up to journal step `kept` nothing of the old version is touched; from `kept` to `swapped` the way is back; from `swapped`
 * on it is forward, or back if the new version does not run.
 */
import { constants } from 'node:fs'
import { chmod, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { formatInstallRecord } from '@samebits/core'
import { acquireLock, isCode, syncDirectory, writeFileDurably } from '@samebits/host'
import { IoFailure, isFailure, reasonOf } from './failure.ts'
import { hashHandle } from './file-hash.ts'
import { type HealthCheck, runHealthCheck } from './health-check.ts'
import { installRecordName } from './install-record.ts'
import {
  type FormerSet,
  type InstalledFile,
  type InstalledSet,
  type Journal,
  type JournalStep,
  readJournal,
  removeJournal,
  writeJournal,
} from './journal.ts'
import { readManifest, writeManifest } from './manifest.ts'
import { artifactPath, type Folder, openPlainFile } from './paths.ts'
import { digestOf, duplicate, keep, moveInto, type OpenFile } from './swap-files.ts'

/** An installation that did not come to its end. */
export class InstallFailure extends IoFailure {
  /** False: nothing of the installed version was touched. True: it was touched, and put back as far as `detail` says. */
  readonly swapBegan: boolean
  /** The new version is at fault: do not try it again. */
  readonly hold: boolean
  constructor(
    detail: string,
    init: { readonly swapBegan: boolean; readonly hold?: boolean; readonly cause?: unknown },
  ) {
    super('INSTALL_FAILED', detail, { cause: init.cause })
    this.swapBegan = init.swapBegan
    this.hold = init.hold ?? false
  }
}

/** Each is reached after its effect is on the disk. */
export type InstallStep =
  | 'verified'
  | JournalStep
  | `placed ${string}`
  | 'recorded'
  | 'healthy'
  | 'committed'
  | 'tidied'

export interface InstallerOptions {
  /** Where the application lives. */
  readonly folder: Folder
  /** `.samebits` in it. */
  readonly workspace: Folder
  readonly platform: NodeJS.Platform
  readonly healthCheck?: HealthCheck | undefined
  /** Give new files the right to be run; else they get it only where the file of that name had it. */
  readonly executable?: boolean
  readonly onStep?: ((step: InstallStep) => void) | undefined
}

export interface InstallJob {
  /** The first file is the artifact, the others are its parts; each lies in `staged/` under its digest. */
  readonly next: InstalledSet
  /** What the install folder said before. */
  readonly installed: FormerSet['record']
  /** Stores the state of after: called once the new version is in place and healthy; may be called again after a crash. */
  readonly commit: (journal: Journal) => Promise<void>
  readonly signal?: AbortSignal | undefined
}

export interface RecoverJob {
  /**
   * What today's state says of this installation. unknown: no updater with this state began it, so the journal is removed and
   * nothing else done. refused: it may not be finished any more.
   */
  readonly judge: (journal: Journal) => Promise<'approved' | 'refused' | 'unknown'>
  readonly commit: InstallJob['commit']
  readonly signal?: AbortSignal | undefined
}

/** none: nothing was under way. rejected: a journal of unknown origin was removed. restored: the old version stands. finished: the new one. */
export type Recovery =
  | { readonly kind: 'none' }
  | { readonly kind: 'rejected'; readonly detail: string }
  | { readonly kind: 'restored'; readonly journal: Journal; readonly hold: boolean; readonly detail: string }
  | { readonly kind: 'finished'; readonly journal: Journal }

export interface Installer {
  /** @throws InstallFailure, or IoFailure STATE_BUSY, PATH_REFUSED */
  install(job: InstallJob): Promise<void>
  /** Ends what a crash interrupted. @throws InstallFailure where neither version can be made whole */
  recover(job: RecoverJob): Promise<Recovery>
}

export function createInstaller(options: InstallerOptions): Installer {
  const installation = new Installation(options)
  return {
    install: (job) => installation.exclusively(() => installation.install(job)),
    recover: (job) => installation.exclusively(() => installation.recover(job)),
  }
}

/** `staged/` of a workspace: where downloads end. */
function stagingPath(workspace: string): string {
  return join(workspace, 'staged')
}

class Installation {
  readonly #options: InstallerOptions
  readonly #folder: string
  readonly #workspace: string
  readonly #keeping: string

  constructor(options: InstallerOptions) {
    this.#options = options
    this.#folder = options.folder.path
    this.#workspace = options.workspace.path
    this.#keeping = join(this.#workspace, 'keeping')
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = acquireLock(join(this.#workspace, 'lock'))
    if (lock === null) throw new IoFailure('STATE_BUSY', `another run is installing into ${this.#folder}`)
    try {
      await this.#assertSame()
      return await work()
    } finally {
      lock.release()
    }
  }

  /** @throws IoFailure PATH_REFUSED */
  async #assertSame(): Promise<void> {
    await this.#options.folder.assertSame()
    await this.#options.workspace.assertSame()
  }

  async install(job: InstallJob): Promise<void> {
    const handles = new Map<string, OpenFile>()
    let journal: Journal | null = null
    try {
      await this.#verify(job, handles)
      const previous = await this.#survey(job)
      journal = { step: 'prepared', next: job.next, previous, healthCheck: this.#options.healthCheck !== undefined }
      await writeJournal(this.#workspace, journal)
      this.#reached('prepared')
      await keep(previous.files, this.#folder, this.#keeping)
      journal = await this.#advance(journal, 'kept')
      await this.#swap(journal, handles)
      journal = await this.#advance(journal, 'swapped')
      await this.#checkHealth(journal, job.signal)
    } catch (error) {
      throw await this.#undo(error, journal)
    } finally {
      for (const { handle } of handles.values()) await handle.close()
    }
    await this.#finish(await this.#advance(journal, 'checked'), job)
  }

  async recover(job: RecoverJob): Promise<Recovery> {
    let journal: Journal | null
    try {
      journal = await readJournal(this.#workspace)
    } catch (error) {
      if (!isFailure(error, 'INSTALL_FAILED', 'PATH_REFUSED')) throw error
      await removeJournal(this.#workspace)
      return { kind: 'rejected', detail: error.detail }
    }
    if (journal === null) return { kind: 'none' }
    const opinion = await job.judge(journal)
    if (opinion === 'unknown') {
      await removeJournal(this.#workspace)
      return { kind: 'rejected', detail: 'the install journal names an installation that the state does not know' }
    }
    if (journal.step === 'prepared' || journal.step === 'kept')
      return await this.#goBack(journal, false, 'the installation was interrupted')
    if (opinion === 'refused')
      return await this.#goBack(journal, false, 'the interrupted installation is refused by now')
    if (journal.step === 'checked') return await this.#goForward(journal, job)
    return await this.#judgeSwapped(journal, job)
  }

  /** All new files were in place when the run ended; whether they run was not known. */
  async #judgeSwapped(journal: Journal, job: RecoverJob): Promise<Recovery> {
    for (const { name, sha256 } of journal.next.files)
      if ((await digestOf(artifactPath(this.#folder, name))) !== sha256)
        return await this.#goBack(journal, false, `${name} is not what was installed`)
    if (journal.healthCheck && this.#options.healthCheck === undefined)
      return await this.#goBack(journal, false, 'the health check that was under way is not known to this run')
    try {
      await this.#checkHealth(journal, job.signal)
    } catch (error) {
      if (!(error instanceof InstallFailure)) throw error
      return await this.#goBack(journal, true, error.detail)
    }
    return await this.#goForward(await this.#advance(journal, 'checked'), job)
  }

  async #goForward(journal: Journal, job: Pick<InstallJob, 'commit'>): Promise<Recovery> {
    await this.#finish(journal, job)
    return { kind: 'finished', journal }
  }

  async #goBack(journal: Journal, hold: boolean, detail: string): Promise<Recovery> {
    if (journal.step !== 'prepared') await this.#restore(journal)
    await this.#tidy(null)
    return { kind: 'restored', journal, hold, detail }
  }

  #reached(step: InstallStep): void {
    this.#options.onStep?.(step)
  }

  async #advance(journal: Journal | null, step: JournalStep): Promise<Journal> {
    if (journal === null) throw new Error('no installation is under way')
    const next = { ...journal, step }
    await writeJournal(this.#workspace, next)
    this.#reached(step)
    return next
  }

  /** Hashes every staged file through the handle that stays open until the file is in place. */
  async #verify({ next, signal }: InstallJob, handles: Map<string, OpenFile>): Promise<void> {
    for (const file of next.files) {
      artifactPath(this.#folder, file.name)
      const path = join(stagingPath(this.#workspace), file.sha256)
      const handle = await openPlainFile(path, constants.O_RDWR)
      handles.set(file.name, { handle, hashed: await handle.stat({ bigint: true }) })
      const seen = await hashHandle(handle, signal)
      if (seen.sha256 !== file.sha256 || seen.size !== file.size)
        throw new IoFailure(
          'DIGEST_MISMATCH',
          `the staged ${file.name} has SHA-256 ${seen.sha256}, and ${file.sha256} was accepted`,
        )
    }
    signal?.throwIfAborted()
    this.#reached('verified')
  }

  /** What the swap will replace or remove: the files of the installed release, and whatever bears a new file's name. */
  async #survey({ next, installed }: InstallJob): Promise<FormerSet> {
    const manifest = await readManifest(this.#workspace)
    const names = new Set(next.files.map(({ name }) => name))
    if (installed !== null && manifest?.id === installed.id) for (const name of manifest.names) names.add(name)
    const files: InstalledFile[] = []
    for (const name of names) {
      const handle = await openPlainFile(artifactPath(this.#folder, name), constants.O_RDONLY).catch(
        (error: unknown) => {
          if (isCode(error, 'ENOENT')) return null
          throw error
        },
      )
      if (handle === null) continue
      try {
        files.push({ name, ...(await hashHandle(handle)) })
      } finally {
        await handle.close()
      }
    }
    return { record: installed, files }
  }

  async #swap(journal: Journal, handles: ReadonlyMap<string, OpenFile>): Promise<void> {
    await this.#assertSame()
    for (const file of journal.next.files) {
      const target = artifactPath(this.#folder, file.name)
      const open = handles.get(file.name)
      if (open === undefined) throw new Error(`${file.name} was not verified`)
      await open.handle.chmod(await this.#modeFor(target))
      await open.handle.sync()
      await moveInto(open, join(stagingPath(this.#workspace), file.sha256), target)
      this.#reached(`placed ${file.name}`)
    }
    const kept = new Set(journal.next.files.map(({ name }) => name))
    for (const { name } of journal.previous.files)
      if (!kept.has(name)) await rm(artifactPath(this.#folder, name), { force: true })
    await this.#record(journal.next)
  }

  async #modeFor(target: string): Promise<number> {
    const former = await lstat(target).catch(() => undefined)
    return this.#options.executable || (former !== undefined && (former.mode & 0o100) !== 0) ? 0o755 : 0o644
  }

  async #record({ record, files }: FormerSet): Promise<void> {
    const path = join(this.#folder, installRecordName)
    if (record === null) await rm(path, { force: true })
    else {
      await writeManifest(this.#workspace, { id: record.id, names: files.map(({ name }) => name) })
      await writeFileDurably(path, formatInstallRecord(record))
    }
    await syncDirectory(this.#folder)
    this.#reached('recorded')
  }

  /** @throws InstallFailure with `hold` where the new version does not run */
  async #checkHealth(journal: Journal, signal: AbortSignal | undefined): Promise<void> {
    const { healthCheck, platform } = this.#options
    const first = journal.next.files[0]
    if (healthCheck === undefined || first === undefined) return
    const directory = join(this.#workspace, 'health')
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const file = artifactPath(this.#folder, first.name)
    const seen = await runHealthCheck(healthCheck, { file, directory, platform, signal })
    await rm(directory, { recursive: true, force: true })
    if (seen !== null) throw new InstallFailure(seen, { swapBegan: true, hold: true })
    this.#reached('healthy')
  }

  /** Turns whatever stopped an installation into its account, after putting the old version back. */
  async #undo(error: unknown, journal: Journal | null): Promise<unknown> {
    const replaced = await this.#assertSame().catch((failure: unknown) => failure)
    if (replaced !== undefined) return replaced // nothing is written through a name that leads elsewhere now
    if (journal === null || journal.step === 'prepared') {
      if (journal !== null) await this.#tidy(null)
      return isFailure(error) || isAbort(error)
        ? error
        : new InstallFailure(reasonOf(error), { swapBegan: false, cause: error })
    }
    try {
      await this.#restore(journal)
      await this.#tidy(null)
    } catch (second) {
      const detail = `${reasonOf(error)}; the former version could not be put back: ${reasonOf(second)}`
      return new InstallFailure(detail, { swapBegan: true, hold: true, cause: error })
    }
    if (isAbort(error)) return error
    const hold = error instanceof InstallFailure && error.hold
    return new InstallFailure(`${reasonOf(error)}; the former version is back`, { swapBegan: true, hold, cause: error })
  }

  /** Puts the former files and record back. Every kept file is hashed before the first one is touched; safe to repeat. */
  async #restore({ next, previous }: Journal): Promise<void> {
    for (const { name, sha256 } of previous.files)
      if ((await digestOf(join(this.#keeping, name))) !== sha256)
        throw new InstallFailure(`the kept ${name} was altered and is not restored`, { swapBegan: true })
    const former = new Set(previous.files.map(({ name }) => name))
    for (const { name, sha256 } of next.files) {
      const target = artifactPath(this.#folder, name)
      if ((await digestOf(target)) !== sha256) continue
      await duplicate(target, join(stagingPath(this.#workspace), sha256))
      if (!former.has(name)) await rm(target, { force: true })
    }
    for (const { name } of previous.files) {
      const between = join(this.#workspace, 'restoring')
      await duplicate(join(this.#keeping, name), between)
      await rename(between, artifactPath(this.#folder, name))
      await rm(between, { force: true })
    }
    await this.#record(previous)
  }

  async #finish(journal: Journal, job: Pick<InstallJob, 'commit'>): Promise<void> {
    await job.commit(journal)
    this.#reached('committed')
    await this.#tidy(journal.previous)
    this.#reached('tidied')
  }

  /** Removes what an installation leaves, the journal last; `previous` becomes the way back. */
  async #tidy(previous: FormerSet | null): Promise<void> {
    if (previous !== null && (await lstat(this.#keeping).catch(() => undefined)) !== undefined) {
      await rm(join(this.#workspace, 'previous'), { recursive: true, force: true })
      await rename(this.#keeping, join(this.#workspace, 'previous'))
      for (const name of await readdir(stagingPath(this.#workspace)))
        await rm(join(stagingPath(this.#workspace), name), { recursive: true, force: true })
    }
    await rm(this.#keeping, { recursive: true, force: true })
    await rm(join(this.#workspace, 'restoring'), { force: true })
    await removeJournal(this.#workspace)
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

/** `staged/`, private, ready for downloads. */
export async function openStaging(workspace: Folder): Promise<string> {
  const path = stagingPath(workspace.path)
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  return path
}
