/**
 * Putting verified files in place so that a crash at any moment leaves the old version or the new one, whole.
 *
 *     <folder>/<artifact …>           what runs
 *     <folder>/current -> versions/…  or an unpacked version (`tree-place.ts`)
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
import { syncDirectory, writeFileDurably } from '@samebits/host'
import { IoFailure, isFailure, reasonOf } from './failure.ts'
import { hashHandle } from './file-hash.ts'
import { runHealthCheck } from './health-check.ts'
import {
  type InstallerOptions,
  InstallFailure,
  type InstallJob,
  type InstallStep,
  type RecoverJob,
  type Recovery,
} from './install-job.ts'
import { installRecordName } from './install-record.ts'
import {
  type FormerSet,
  type InstalledFile,
  type Journal,
  type JournalStep,
  placedFiles,
  readJournal,
  removeJournal,
  writeJournal,
} from './journal.ts'
import { lockFolder } from './lock-folder.ts'
import { readManifest, writeManifest } from './manifest.ts'
import { artifactPath, type Folder, openPlainFile } from './paths.ts'
import { assertUnchanged, digestOf, duplicate, fileAt, keep, moveInto, type OpenFile } from './swap-files.ts'
import { currentName, TreePlace, type TreeRef } from './tree-place.ts'

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
  readonly #trees: TreePlace

  constructor(options: InstallerOptions) {
    this.#options = options
    this.#folder = options.folder.path
    this.#workspace = options.workspace.path
    this.#keeping = join(this.#workspace, 'keeping')
    this.#trees = new TreePlace(this.#folder, this.#workspace, options.platform)
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = lockFolder(this.#workspace)
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
      const next = { ...job.next, tree: await this.#unpack(job, handles) }
      const previous = await this.#survey(next, job.installed)
      journal = { step: 'prepared', next, previous, healthCheck: this.#options.healthCheck !== undefined }
      await writeJournal(this.#workspace, journal)
      this.#reached('prepared')
      await this.#admit(next.tree)
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
    const wrong = await this.#misplaced(journal)
    if (wrong !== null) return await this.#goBack(journal, false, `${wrong} is not what was installed`)
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

  /** What of the new version is not in place as it should be; null where all is. */
  async #misplaced({ next }: Journal): Promise<string | null> {
    for (const { name, sha256 } of placedFiles(next))
      if ((await digestOf(artifactPath(this.#folder, name))) !== sha256) return name
    const { tree } = next
    if (tree === null) return null
    return (await this.#trees.current()) === tree.folder && (await this.#trees.isIntact(tree)) ? null : currentName
  }

  async #goForward(journal: Journal, job: Pick<InstallJob, 'commit'>): Promise<Recovery> {
    await this.#finish(journal, job)
    return { kind: 'finished', journal }
  }

  async #goBack(journal: Journal, hold: boolean, detail: string): Promise<Recovery> {
    if (journal.step !== 'prepared') await this.#restore(journal)
    await this.#giveUp(journal)
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

  /** @returns the version that was unpacked, still in a folder of ours; null where there is nothing to unpack */
  async #unpack(job: InstallJob, handles: ReadonlyMap<string, OpenFile>): Promise<TreeRef | null> {
    const { unpack: kind, next, signal } = job
    const [archive] = next.files
    const open = archive === undefined ? undefined : handles.get(archive.name)
    if (kind === null || archive === undefined || open === undefined) return null
    await this.#trees.assertFree(next.files)
    // Loaded on demand: who installs a file, or only verifies, does not pay for readers of archives.
    const { unpack } = await import('./unpack.ts')
    const { platform, unpackLimits: limits } = this.#options
    const sha256 = await unpack({
      ...{ archive: open.handle, kind, name: archive.name, size: archive.size, into: this.#trees.unpacking },
      ...{ platform, signal, ...(limits === undefined ? {} : { limits }) },
    })
    await assertUnchanged(open, archive.name)
    this.#reached('unpacked')
    return { folder: await this.#trees.freeName(next.record.id), sha256 }
  }

  async #admit(tree: TreeRef | null): Promise<void> {
    if (tree === null) return
    await this.#trees.admit(tree)
    this.#reached('admitted')
  }

  /** What the swap will replace or remove: the files of the installed release, and whatever bears a new file's name. */
  async #survey(next: Journal['next'], installed: FormerSet['record']): Promise<FormerSet> {
    const manifest = await readManifest(this.#workspace)
    const names = new Set(placedFiles(next).map(({ name }) => name))
    if (installed !== null && manifest?.id === installed.id) for (const name of manifest.names) names.add(name)
    const files: InstalledFile[] = []
    for (const name of names) {
      const seen = await fileAt(artifactPath(this.#folder, name))
      if (seen !== null) files.push({ name, ...seen })
    }
    return { record: installed, files, tree: await this.#formerTree(manifest?.tree ?? null) }
  }

  /** The version that runs: as it was unpacked, where that is known. */
  async #formerTree(recorded: TreeRef | null): Promise<TreeRef | null> {
    const folder = await this.#trees.current()
    if (folder === null) return null
    if (recorded?.folder === folder) return recorded
    const sha256 = await this.#trees.digest(folder)
    return sha256 === null ? null : { folder, sha256 }
  }

  async #swap(journal: Journal, handles: ReadonlyMap<string, OpenFile>): Promise<void> {
    await this.#assertSame()
    for (const file of placedFiles(journal.next)) {
      const target = artifactPath(this.#folder, file.name)
      const open = handles.get(file.name)
      if (open === undefined) throw new Error(`${file.name} was not verified`)
      await open.handle.chmod(await this.#modeFor(target))
      await open.handle.sync()
      await moveInto(open, join(stagingPath(this.#workspace), file.sha256), target)
      this.#reached(`placed ${file.name}`)
    }
    const kept = new Set(placedFiles(journal.next).map(({ name }) => name))
    for (const { name } of journal.previous.files)
      if (!kept.has(name)) await rm(artifactPath(this.#folder, name), { force: true })
    await this.#trees.switchTo(journal.next.tree)
    if (journal.next.tree !== null) this.#reached(`placed ${currentName}`)
    await this.#record({ ...journal.next, files: placedFiles(journal.next) })
  }

  async #modeFor(target: string): Promise<number> {
    const former = await lstat(target).catch(() => undefined)
    return this.#options.executable || (former !== undefined && (former.mode & 0o100) !== 0) ? 0o755 : 0o644
  }

  async #record({ record, files, tree }: FormerSet): Promise<void> {
    const path = join(this.#folder, installRecordName)
    if (record === null) await rm(path, { force: true })
    else {
      await writeManifest(this.#workspace, { id: record.id, names: files.map(({ name }) => name), tree })
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
    const file = journal.next.tree === null ? artifactPath(this.#folder, first.name) : this.#trees.currentPath
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
      if (journal !== null) await this.#giveUp(journal)
      else await this.#trees.tidy()
      return isFailure(error) || isAbort(error)
        ? error
        : new InstallFailure(reasonOf(error), { swapBegan: false, cause: error })
    }
    try {
      await this.#restore(journal)
      await this.#giveUp(journal)
    } catch (second) {
      const detail = `${reasonOf(error)}; the former version could not be put back: ${reasonOf(second)}`
      return new InstallFailure(detail, { swapBegan: true, hold: true, cause: error })
    }
    if (isAbort(error)) return error
    const hold = error instanceof InstallFailure && error.hold
    return new InstallFailure(`${reasonOf(error)}; the former version is back`, { swapBegan: true, hold, cause: error })
  }

  /** Puts the former files and record back. Everything kept is hashed before the first of it is touched; safe to repeat. */
  async #restore({ next, previous }: Journal): Promise<void> {
    for (const { name, sha256 } of previous.files)
      if ((await digestOf(join(this.#keeping, name))) !== sha256) throw alteredSince(name)
    const { tree } = previous
    const switched = (await this.#trees.current()) !== (tree?.folder ?? null)
    if (tree !== null && switched && !(await this.#trees.isIntact(tree))) throw alteredSince(tree.folder)
    const former = new Set(previous.files.map(({ name }) => name))
    for (const { name, sha256 } of placedFiles(next)) {
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
    if (switched) await this.#trees.switchTo(tree)
    await this.#record(previous)
  }

  async #finish(journal: Journal, job: Pick<InstallJob, 'commit'>): Promise<void> {
    await job.commit(journal)
    this.#reached('committed')
    await this.#trees.keepOnly([journal.next.tree, journal.previous.tree])
    await this.#tidy(journal.previous)
    this.#reached('tidied')
  }

  /** Removes what an installation leaves that ended in the version before. */
  async #giveUp({ next }: Journal): Promise<void> {
    if (next.tree !== null) await this.#trees.discard(next.tree.folder)
    await this.#tidy(null)
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
    await this.#trees.tidy()
    await removeJournal(this.#workspace)
  }
}

function alteredSince(name: string): InstallFailure {
  return new InstallFailure(`the kept ${name} was altered and is not restored`, { swapBegan: true })
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
