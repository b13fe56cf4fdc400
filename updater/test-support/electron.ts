/**
 * Real classes of electron-updater in a program that is not Electron: only the module `electron` is stood in for, and the
 * application, as electron-updater's own tests do. Squirrel.Mac is played as its source says: asks the feed, fetches what the
 * answer names, and installs it when the application quits.
 */
import { EventEmitter } from 'node:events'
import { registerHooks } from 'node:module'
import type { AppUpdater } from 'electron-updater'

const key = Symbol.for('samebits.test.electron')
const stub: { autoUpdater: Squirrel | EventEmitter } = { autoUpdater: new EventEmitter() }
;(globalThis as unknown as Record<symbol, unknown>)[key] = stub
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron'
      ? { url: 'stub:electron', format: 'commonjs', shortCircuit: true }
      : next(specifier, context),
  load: (url, context, next) =>
    url === 'stub:electron'
      ? {
          format: 'commonjs',
          source: `module.exports = globalThis[Symbol.for('${key.description}')]`,
          shortCircuit: true,
        }
      : next(url, context),
})

export const { AppImageUpdater, CancellationToken, DebUpdater, MacUpdater, NsisUpdater, PacmanUpdater, RpmUpdater } =
  await import('electron-updater').then((module) => module.default)

/** electron-updater's AppAdapter. */
export class App {
  readonly name = "it's notes"
  readonly isPackaged = true
  readonly version: string
  readonly appUpdateConfigPath: string
  readonly userDataPath: string
  readonly baseCachePath: string
  readonly #handlers: ((exitCode: number) => void)[] = []
  hasQuit = false
  hasRelaunched = false

  constructor(folder: string, version: string) {
    this.version = version
    this.appUpdateConfigPath = `${folder}/app-update.yml`
    this.userDataPath = `${folder}/user-data`
    this.baseCachePath = `${folder}/cache`
  }
  async whenReady(): Promise<void> {}
  quit(): void {
    this.hasQuit = true
    for (const handler of this.#handlers) handler(0)
  }
  relaunch(): void {
    this.hasRelaunched = true
  }
  onQuit(handler: (exitCode: number) => void): void {
    this.#handlers.push(handler)
  }
}

/** Electron's `autoUpdater` on macOS, over Squirrel.Mac. */
export class Squirrel extends EventEmitter {
  #feed: { url: string; headers: Record<string, string> } | null = null
  /** What it has fetched whole, and would install. */
  fetched: Buffer | null = null
  asked = 0
  installed: Buffer | null = null
  /** Before the file is fetched. */
  beforeFetch: (() => Promise<void>) | null = null
  #done: Promise<void> = Promise.resolve()

  setFeedURL(feed: { url: string; headers: Record<string, string> }): void {
    this.#feed = feed
  }
  checkForUpdates(): void {
    this.asked++
    this.#done = this.#fetch().catch((error: unknown) => void this.emit('error', error))
  }
  settled(): Promise<void> {
    return this.#done
  }
  quitAndInstall(): void {
    this.installed = this.fetched
  }
  async #fetch(): Promise<void> {
    if (this.#feed === null) throw new Error('no feed')
    const answer = await fetch(this.#feed.url, { headers: this.#feed.headers })
    if (!answer.ok) throw new Error(`the feed says ${answer.status}`)
    const { url } = (await answer.json()) as { url: string }
    await this.beforeFetch?.()
    const file = await fetch(url)
    if (!file.ok) throw new Error(`the file says ${file.status}`)
    this.fetched = Buffer.from(await file.arrayBuffer())
    this.emit('update-downloaded')
  }
}

export function asSquirrel(): Squirrel {
  const squirrel = new Squirrel()
  stub.autoUpdater = squirrel
  return squirrel
}

/** The quiet of a program that logs elsewhere; what was said can be looked at. */
export function silence(updater: AppUpdater): string[] {
  const said: string[] = []
  const say = (text: unknown) => void said.push(String(text))
  updater.logger = { info: say, warn: say, error: say, debug: say }
  return said
}
