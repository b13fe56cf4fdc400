/** What the program knows of updates: it looks, it downloads, it installs, and it says in one line how that went. */

// Electron's cryptography has no ML-DSA, with which logs and witnesses may sign: the portable one has.
import { portableCrypto } from '@samebits/core/portable'
import { gateElectronUpdater, type InstallOptions, RefusedUpdate } from '@samebits/updater/electron'
import type { AppUpdater } from 'electron-updater'

export interface UpdatesOptions {
  readonly trust: Uint8Array
  readonly anchor: Uint8Array
  readonly stateDir: string
  readonly appName: string
  /** A line for the person. */
  readonly tell: (line: string) => void
}

export interface Updates {
  look(): Promise<void>
  /** Whether an update was downloaded and waits for its installation. */
  isWaiting(): boolean
  install(options?: InstallOptions): Promise<void>
}

export function createUpdates(
  autoUpdater: AppUpdater,
  { trust, anchor, stateDir, appName, tell }: UpdatesOptions,
): Updates {
  const gate = gateElectronUpdater(autoUpdater, {
    trust,
    anchor,
    stateDir,
    appName,
    channel: 'stable',
    platform: `${process.platform}-${process.arch}`,
    // Where a platform has several artifacts, its media type says which: a deb updates a deb.
    mediaType: mediaTypes[process.platform] ?? null,
    fetch,
    clock: () => Math.floor(Date.now() / 1000),
    stopwatch: () => performance.now(),
    random: Math.random,
    os: process.platform,
    uid: process.getuid?.(),
    crypto: portableCrypto,
    onCheck(result) {
      if (result.kind === 'current' && result.current.flaw !== null)
        tell(`The version that is installed was ${result.current.flaw}, and nothing newer is there yet.`)
    },
  })
  let waits = false
  autoUpdater.on('update-available', ({ version }) => tell(`Version ${version} is there.`))
  autoUpdater.on('update-not-available', () => tell('This is the newest version.'))
  autoUpdater.on('download-progress', ({ percent }) => tell(`Downloading: ${Math.round(percent)} %`))
  autoUpdater.on('update-downloaded', ({ version }) => {
    waits = true
    tell(`Version ${version} is ready, and is installed when you quit.`)
  })
  autoUpdater.on('error', (error) => tell(lineOf(error)))
  return {
    isWaiting: () => waits,
    async look() {
      // What stops it is told by the event `error`.
      await autoUpdater.checkForUpdates().catch(() => null)
    },
    async install(options) {
      waits = false
      const result = await gate.install(options)
      if (result.kind === 'stopped') tell(lineOf(new RefusedUpdate(result)))
    },
  }
}

const mediaTypes: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'application/vnd.appimage',
}

/** "No answer" is not "up to date", and a refusal says what to do. */
function lineOf(error: Error): string {
  if (!(error instanceof RefusedUpdate)) return `No update: ${error.message}`
  const { kind, detail, remedy } = error.refusal
  const asked = kind === 'undecided' ? 'It cannot be told yet whether there is an update' : 'The update was refused'
  return `${asked} (${error.code}): ${detail}. ${remedy}`
}
