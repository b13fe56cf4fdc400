/**
 * electron-updater behind the gate: it finds what samebits accepted, gets files that samebits verified, and installs them
 * when samebits says so, once more hashed in the turn in which they are run.
 *
 *     import { autoUpdater } from 'electron-updater'
 *     const gate = gateElectronUpdater(autoUpdater, { trust, anchor, stateDir, channel, platform, fetch, clock, … })
 *     await autoUpdater.checkForUpdates()        // its events and downloads as ever
 *     await gate.install()                       // or autoUpdater.quitAndInstall()
 *
 * What is fixed on the updater from then on: it has no network and no cache of its own, takes no feed, block map or second
 * payload that the statement does not name, and nothing starts by itself when the application quits.
 */
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accepted } from '@samebits/core'
import { type IoCode, IoFailure, isFailure } from '../failure.ts'
import type { UpdaterEvent, UpdaterOptions } from '../options.ts'
import { openFolder, privateMode } from '../paths.ts'
import { type CheckResult, type Stopped, stoppedBy } from '../results.ts'
import { duplicate } from '../swap-files.ts'
import { type CallOptions, createUpdater, type Updater } from '../updater.ts'
import { FileExecutor, type ReleaseFile, ReleaseProvider, type Source, type Watch } from './file-source.ts'
import {
  type FileInsides,
  fix,
  fixSwitch,
  type Insides,
  openInsides,
  type PackageInsides,
  type SquirrelInsides,
} from './insides.ts'
import { PendingUpdate } from './pending-update.ts'
import { hashInThisTurn, type PlacedFile, placedFile } from './placed-file.ts'
import { RefusedUpdate } from './refused-update.ts'
import { rootHelper, rootRunner } from './run-as-root.ts'
import { serveToSquirrel } from './squirrel-server.ts'

export interface ElectronGateOptions
  extends Omit<UpdaterOptions, 'installDir' | 'healthCheck' | 'executable' | 'installed'> {
  /** Default: the channel, and the version that electron-updater has from the application. */
  readonly installed?: UpdaterOptions['installed']
  /** Shown by the system when it asks for a password (deb, rpm, pacman). */
  readonly appName: string
  /** Windows: the installer asks for administrator rights (`perMachine`). */
  readonly adminRights?: boolean
  /** Windows: releases are `nsis-web` installers, with the package that they run as a part in the statement. */
  readonly webInstaller?: boolean
  /** Every result of a check, also where electron-updater has no event for it (the installed release was revoked). */
  readonly onCheck?: (result: CheckResult) => void
}

export interface InstallOptions extends CallOptions {
  /** Windows: without windows of its own. */
  readonly silent?: boolean
  /** Run the application afterwards, where that is not the default of the platform. */
  readonly runAfter?: boolean
}

export type InstallResult =
  /** electron-updater has begun, and the application is about to quit. */
  | { readonly kind: 'installing'; readonly release: Accepted }
  | { readonly kind: 'nothing-downloaded' }
  /** Refused, undecided, or the file is not the one that was verified: nothing was installed. */
  | Stopped

export interface ElectronGate {
  /** The updater below: `status()`, for a settings page. */
  readonly updater: Updater
  /** Decides again about what electron-updater downloaded, and lets it install that. */
  install(options?: InstallOptions): Promise<InstallResult>
}

/**
 * Gates an updater of electron-updater 6.8, before anything else is done with it.
 * @throws Error where it was used already, or is of a version whose insides differ
 */
export function gateElectronUpdater(autoUpdater: object, options: ElectronGateOptions): ElectronGate {
  return new Gate(autoUpdater, options)
}

/** One installation, from the decision to the moment at which electron-updater was told. */
export interface Installation {
  readonly release: Accepted
  /** Where electron-updater takes them from: the artifact, and the part that it runs. */
  readonly files: readonly PlacedFile[]
  begun: boolean
  failure: unknown
}

class Gate implements ElectronGate, Source {
  readonly updater: Updater
  readonly #options: ElectronGateOptions
  readonly #insides: Insides
  readonly #pending: PendingUpdate
  readonly #quitAndInstall: (silent: boolean, runAfter: boolean) => void
  #isPrepared = false
  /** What the last check accepted. */
  #found: Accepted | null = null
  #download: Promise<string> | null = null
  /** The release whose files were put where electron-updater takes them from. */
  #placed: Accepted | null = null
  /** Open only while electron-updater is told to install what was just decided about. */
  #open: Installation | null = null
  #onProgress: Watch['onProgress']

  constructor(autoUpdater: object, options: ElectronGateOptions) {
    const { kind, insides } = openInsides(autoUpdater)
    this.#options = options
    this.#insides = insides
    this.#pending = new PendingUpdate(join(options.stateDir, 'electron'))
    this.updater = createUpdater({
      ...options,
      installDir: null,
      installed: options.installed ?? { channel: options.channel, version: insides.currentVersion.version },
      onEvent: (event) => this.#hear(event),
    })
    this.#quitAndInstall = insides.quitAndInstall.bind(insides)
    this.#fixCommon()
    if (kind === 'squirrel') fixSquirrel(insides as SquirrelInsides)
    else this.#fixInstall(insides as FileInsides)
    if (kind === 'package') this.#fixPackages(insides as PackageInsides)
  }

  async newest(): Promise<Accepted | null> {
    this.#found = null
    this.#download = null
    await this.#prepare()
    const result = await this.updater.check()
    this.#options.onCheck?.(result)
    if (result.kind === 'stopped') throw new RefusedUpdate(result)
    if (result.kind === 'current') return null
    this.#checkParts(result.release)
    this.#found = result.release
    // The order is decided: electron-updater's own comparison would refuse a step back that a person asked for.
    this.#insides.allowDowngrade = true
    return result.release
  }

  async place(wanted: ReleaseFile, path: string, { signal, onProgress }: Watch): Promise<void> {
    const release = this.#found
    const file = release?.files.find(({ name }) => name === wanted.name)
    if (release === null || release.id !== wanted.id || file === undefined)
      throw refused('DIGEST_MISMATCH', `${wanted.name} is not what the last check accepted`)
    if (!this.#pending.holds(path)) throw refused('PATH_REFUSED', `${path} is not where an update is expected`)
    this.#onProgress = onProgress
    this.#download ??= this.#fetch(release, signal)
    const directory = await this.#download.catch((error: unknown) => {
      this.#download = null
      throw error
    })
    await duplicate(join(directory, file.sha256), path)
    await chmod(path, privateMode)
    this.#placed = release
  }

  async install({ silent = false, runAfter = false, signal }: InstallOptions = {}): Promise<InstallResult> {
    const { file, packageFile } = this.#pending
    const placed = this.#placed
    if (file === null || placed === null) return { kind: 'nothing-downloaded' }
    const result = await this.updater.handOver(signal === undefined ? {} : { signal })
    if (result.kind === 'stopped') return result
    if (result.kind !== 'handed-over') return { kind: 'nothing-downloaded' }
    await result[Symbol.asyncDispose]()
    const { release } = result
    if (release.id !== placed.id || this.#pending.file !== file) return { kind: 'nothing-downloaded' }
    const paths = [file, packageFile].filter((path) => path !== null)
    const files = paths.map((path, at) => placedFile(path, release.files[at]))
    try {
      const squirrel = asSquirrel(this.#insides)
      if (squirrel !== null) await openToSquirrel(squirrel, files)
      return this.#begin({ release, files, begun: squirrel !== null, failure: null }, silent, runAfter)
    } catch (error) {
      if (isFailure(error)) return stoppedBy(error)
      throw error
    }
  }

  #begin(installation: Installation, silent: boolean, runAfter: boolean): InstallResult {
    this.#open = installation
    try {
      this.#quitAndInstall(silent, runAfter)
    } finally {
      this.#open = null
    }
    const { release, begun, failure } = installation
    if (isFailure(failure)) return stoppedBy(failure)
    if (begun) return { kind: 'installing', release }
    return stoppedBy(new IoFailure('INSTALL_FAILED', 'electron-updater could not start the installation'))
  }

  async #fetch(release: Accepted, signal: AbortSignal): Promise<string> {
    const result = await this.updater.download({ signal })
    if (result.kind === 'stopped') throw new RefusedUpdate(result)
    const wanted = new Set(release.files.map(({ sha256 }) => sha256))
    for (const name of await readdir(result.directory))
      if (!wanted.has(name)) await rm(join(result.directory, name), { force: true })
    return result.directory
  }

  /** A folder of ours alone, without what an earlier run left there. */
  async #prepare(): Promise<void> {
    if (this.#isPrepared) return
    const { stateDir, uid } = this.#options
    await openFolder(stateDir, { uid }, privateMode)
    await openFolder(this.#pending.cacheDir, { uid }, privateMode)
    await this.#pending.clear()
    this.#isPrepared = true
  }

  /** An installer that gets a second file from elsewhere would run what nobody logged. */
  #checkParts({ version, files }: Accepted): void {
    const wanted = this.#options.webInstaller === true ? 1 : 0
    const parts = files.length - 1
    if (parts !== wanted)
      throw refused('DIGEST_MISMATCH', `release ${version} names ${parts} parts of its installer, which runs ${wanted}`)
  }

  #hear(event: UpdaterEvent): void {
    if (event.kind === 'download') this.#onProgress?.(event.received, event.total)
    this.#options.onEvent?.(event)
  }

  #fixCommon(): void {
    const { stopwatch, adminRights = false, webInstaller = false } = this.#options
    const insides = this.#insides
    const provider = { source: this, currentVersion: insides.currentVersion.version, adminRights }
    insides.setFeedURL({
      provider: 'custom',
      updateProvider: class extends ReleaseProvider {
        constructor() {
          super(provider)
        }
      },
    })
    fix(insides, 'httpExecutor', new FileExecutor(this, stopwatch))
    fix(insides, 'downloadedUpdateHelper', this.#pending)
    fix(insides, 'setFeedURL', () => {
      throw new Error('updates come through samebits alone: name its feeds in the options of the gate')
    })
    fixSwitch(insides, 'autoInstallOnAppQuit', false, 'call install() of the gate before the application quits')
    fixSwitch(insides, 'disableDifferentialDownload', true, 'files are verified whole')
    fixSwitch(insides, 'disableWebInstaller', !webInstaller, 'the option webInstaller of the gate says it')
    fix(insides, 'quitAndInstall', (silent?: boolean, runAfter?: boolean) => {
      void this.install({ silent: silent ?? false, runAfter: runAfter ?? false }).then(
        (result) => this.#report(result),
        (error: unknown) => insides.emit('error', error),
      )
    })
  }

  /** electron-updater's own way to say that nothing happens. */
  #report(result: InstallResult): void {
    if (result.kind === 'stopped') this.#insides.emit('error', new RefusedUpdate(result))
    if (result.kind === 'nothing-downloaded') this.#insides.emit('error', new Error('there is no update to install'))
  }

  /** Windows and Linux: whatever leads there, the files are hashed in the turn in which they are run. */
  #fixInstall(insides: FileInsides): void {
    const doInstall = insides.doInstall.bind(insides)
    fix(insides, 'doInstall', (options: unknown) => {
      const installation = this.#current()
      try {
        for (const file of installation.files) hashInThisTurn(file)
        installation.begun = doInstall(options)
        return installation.begun
      } catch (error) {
        installation.failure = error
        throw error
      }
    })
  }

  #fixPackages(insides: PackageInsides): void {
    const { appName } = this.#options
    fix(insides, 'determineSudoCommand', () => rootHelper(insides))
    fix(insides, 'runCommandWithSudoIfNeeded', rootRunner({ insides, appName, current: () => this.#current() }))
  }

  #current(): Installation {
    if (this.#open === null)
      throw new Error('nothing is installed that was not just decided: call install() of the gate')
    return this.#open
  }
}

function refused(code: IoCode, detail: string): RefusedUpdate {
  return new RefusedUpdate(stoppedBy(new IoFailure(code, detail)))
}

function asSquirrel(insides: Insides): SquirrelInsides | null {
  return 'nativeUpdater' in insides ? (insides as SquirrelInsides) : null
}

/** Squirrel.Mac installs whatever it has fetched, so before `install` it is told of nothing. */
function fixSquirrel(insides: SquirrelInsides): void {
  fix(insides, 'updateDownloaded', async (_file: unknown, event: unknown) => {
    insides.dispatchUpdateDownloaded(event)
    return []
  })
}

async function openToSquirrel(insides: SquirrelInsides, [file]: readonly PlacedFile[]): Promise<void> {
  if (file === undefined) throw new IoFailure('INSTALL_FAILED', 'nothing was downloaded')
  hashInThisTurn(file)
  const { server, feed } = await serveToSquirrel(file, (detail) => insides.emit('error', new Error(detail)))
  insides.server?.close()
  insides.server = server
  insides.nativeUpdater.setFeedURL(feed)
}
