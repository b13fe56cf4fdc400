/**
 * What of electron-updater the gate holds on to. Much of it is protected there: it was read in 6.8, and every member is
 * looked for before anything is changed, so that a version with other insides is refused and not half gated.
 */
import type { EventEmitter } from 'node:events'
import type { Server } from 'node:http'

/** How a kind of updater installs: it spawns or moves a file, has a package manager do it as root, or hands it to Squirrel.Mac. */
export type Kind = 'file' | 'package' | 'squirrel'

/** `AppUpdater` of electron-updater. */
export interface Insides extends EventEmitter {
  readonly currentVersion: { readonly version: string }
  allowDowngrade: boolean
  readonly downloadPromise: unknown
  readonly checkForUpdatesPromise: unknown
  downloadedUpdateHelper: unknown
  setFeedURL(options: unknown): void
  quitAndInstall(isSilent?: boolean, isForceRunAfter?: boolean): void
}

/** `BaseUpdater`: Windows and Linux. */
export interface FileInsides extends Insides {
  readonly quitHandlerAdded: boolean
  doInstall(options: unknown): boolean
}

/** `LinuxUpdater`: deb, rpm, pacman. */
export interface PackageInsides extends FileInsides {
  /** As the command line of a shell takes it. */
  readonly installerPath: string | null
  runCommandWithSudoIfNeeded(command: readonly string[]): string
  determineSudoCommand(): string
  sudoWithArgs(comment: string): string[]
  isRunningAsRoot(): boolean
  hasCommand(name: string): boolean
  /** Runs a line that a shell reads: arguments are joined by spaces. */
  spawnSyncLog(command: string, args?: readonly string[]): string
}

/** `MacUpdater`. */
export interface SquirrelInsides extends Insides {
  readonly nativeUpdater: { setFeedURL(options: { url: string; headers: Record<string, string> }): void }
  readonly squirrelDownloadedUpdate: boolean
  /** What it closes by itself once Squirrel.Mac has everything. */
  server?: Server
  updateDownloaded(file: unknown, event: unknown): Promise<unknown>
  dispatchUpdateDownloaded(event: unknown): void
}

const common: readonly string[] = [
  'setFeedURL',
  'quitAndInstall',
  'checkForUpdates',
  'downloadUpdate',
  'executeDownload',
]
const own: Readonly<Record<Kind, readonly string[]>> = {
  squirrel: ['updateDownloaded', 'dispatchUpdateDownloaded', 'closeServerIfExists'],
  package: ['runCommandWithSudoIfNeeded', 'determineSudoCommand', 'sudoWithArgs', 'isRunningAsRoot', 'spawnSyncLog'],
  file: ['doInstall', 'install', 'addQuitHandler'],
}
/** Set by its constructor: what is absent there would be read by nobody when the gate sets it. */
const fields: readonly string[] = [
  'httpExecutor',
  'downloadedUpdateHelper',
  'autoInstallOnAppQuit',
  'disableDifferentialDownload',
  'disableWebInstaller',
  'allowDowngrade',
  'downloadPromise',
  'checkForUpdatesPromise',
]

/** @throws Error where this is not an updater of electron-updater as the gate knows it, or it has been used already */
export function openInsides(updater: object): { readonly kind: Kind; readonly insides: Insides } {
  const members: Readonly<Record<string, unknown>> = updater as never
  const has = (name: string) => typeof members[name] === 'function'
  const kind: Kind = has('updateDownloaded') ? 'squirrel' : has('runCommandWithSudoIfNeeded') ? 'package' : 'file'
  const wanted = [...common, ...own[kind], ...(kind === 'package' ? own.file : [])]
  const missing = [...wanted.filter((name) => !has(name)), ...fields.filter((name) => !(name in members))]
  if (kind === 'squirrel' && typeof members['nativeUpdater'] !== 'object') missing.push('nativeUpdater')
  if (missing.length > 0)
    throw new Error(`this is not the electron-updater that the gate knows (6.8): it has no ${missing.join(', ')}`)
  const insides = updater as Insides
  const used =
    insides.downloadPromise !== null ||
    insides.checkForUpdatesPromise !== null ||
    insides.downloadedUpdateHelper !== null ||
    members['quitHandlerAdded'] === true ||
    members['squirrelDownloadedUpdate'] === true
  if (used) throw new Error('electron-updater was used before it was gated: gate it before anything else')
  return { kind, insides }
}

/** Sets a member so that a careless assignment later fails instead of opening the gate. */
export function fix(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false, enumerable: true })
}

/** As {@link fix}, for a switch that programs like to set: setting it to what it is stays allowed. */
export function fixSwitch(target: object, name: string, value: boolean, reason: string): void {
  Object.defineProperty(target, name, {
    get: () => value,
    set(wanted: unknown) {
      if (wanted !== value) throw new Error(`${name} stays ${value}: ${reason}`)
    },
    configurable: false,
    enumerable: true,
  })
}
