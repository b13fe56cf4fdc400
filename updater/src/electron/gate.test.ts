import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeCrypto } from '@samebits/core/node'
import type { AppUpdater } from 'electron-updater'
import { afterEach, describe, expect, test } from 'vitest'
import {
  App,
  AppImageUpdater,
  asSquirrel,
  CancellationToken,
  DebUpdater,
  MacUpdater,
  NsisUpdater,
  PacmanUpdater,
  RpmUpdater,
  silence,
} from '../../test-support/electron.ts'
import { me, temporaryFolder } from '../../test-support/folders.ts'
import { createPublisher, type Publisher, type Release } from '../../test-support/publisher.ts'
import { type CheckResult, type ElectronGateOptions, gateElectronUpdater, type InstallResult } from './index.ts'

/** An installer that says where it was run, with which arguments, and which bytes it is. */
const installer = (version: string, log: string) =>
  Buffer.from(`#!/bin/sh\n# notes ${version}\necho "ran ${version} $*" >> ${log}\n`)

const kinds = {
  exe: NsisUpdater,
  AppImage: AppImageUpdater,
  zip: MacUpdater,
  deb: DebUpdater,
  rpm: RpmUpdater,
  pacman: PacmanUpdater,
} as const
type Extension = keyof typeof kinds

interface Desk extends AsyncDisposable {
  readonly folder: string
  readonly publisher: Publisher
  readonly first: Release
  readonly app: App
  readonly updater: AppUpdater
  readonly gate: ReturnType<typeof gateElectronUpdater>
  readonly said: readonly string[]
  /** Events of electron-updater, with the code of errors. */
  readonly events: string[]
  readonly checks: CheckResult[]
  release(version: string, more?: Parameters<Publisher['release']>[1]): Promise<Release>
  /** What installers wrote. */
  ran(): Promise<string>
  /** Where electron-updater has what it downloaded. */
  pending(): string
}

const environment = { ...process.env }
afterEach(() => {
  for (const name of ['APPIMAGE', 'PATH', 'ELECTRON_BUILDER_LINUX_PACKAGE_MANAGER']) {
    if (environment[name] === undefined) delete process.env[name]
    else process.env[name] = environment[name]
  }
})

/** An application of version 1.0.0, with 1.1.0 on the feed. */
async function desk(extension: Extension, more: Partial<ElectronGateOptions> = {}): Promise<Desk> {
  const temporary = await temporaryFolder()
  const folder = join(temporary.path, "it's a home")
  await mkdir(folder)
  const log = join(temporary.path, 'ran')
  const publisher = await createPublisher()
  const release: Desk['release'] = (version, { bytes = installer(version, log), ...rest } = {}) =>
    publisher.release(version, { name: `notes-${version}.${extension}`, bytes, ...rest })
  const first = await release('1.0.0')
  const anchor = await publisher.anchor()
  await release('1.1.0')
  const app = new App(folder, '1.0.0')
  const updater: AppUpdater = new kinds[extension](undefined, app)
  updater.autoDownload = false
  const said = silence(updater)
  const checks: CheckResult[] = []
  const gate = gateElectronUpdater(updater, {
    trust: publisher.trust(),
    anchor,
    stateDir: join(folder, 'state'),
    channel: 'stable',
    platform: 'linux-x64',
    appName: 'notes',
    fetch,
    clock: () => publisher.now + 60,
    stopwatch: () => performance.now(),
    random: Math.random,
    os: process.platform,
    uid: me.uid,
    crypto: nodeCrypto,
    retry: { attempts: 1, baseDelayMs: 1, maxDelayMs: 2 },
    onCheck: (result) => void checks.push(result),
    ...more,
  })
  const events: string[] = []
  for (const name of ['update-available', 'update-not-available', 'update-downloaded', 'update-cancelled'] as const)
    updater.on(name, () => void events.push(name))
  updater.on('error', (error: Error & { code?: string }) => void events.push(`error ${error.code ?? error.message}`))
  return {
    folder,
    publisher,
    first,
    app,
    updater,
    gate,
    said,
    events,
    checks,
    release,
    ran: () => readFile(log, 'utf8').catch(() => ''),
    pending: () => join(folder, 'state', 'electron', 'pending', `notes-1.1.0.${extension}`),
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

/** As applications do it: look, download. */
async function fetched({ updater }: Desk): Promise<void> {
  await updater.checkForUpdates()
  await updater.downloadUpdate()
}

const unavailable: Publisher['hostile'] = (_, response) => {
  response.writeHead(503).end()
  return true
}

const outcome = (result: InstallResult) => (result.kind === 'stopped' ? result.refusal.code : result.kind)

/** Until what was spawned has written its line. */
async function awaitRun(it: Desk): Promise<string> {
  await expect.poll(() => it.ran(), { timeout: 30_000 }).not.toBe('')
  return await it.ran()
}

/** Programs of the system, as shell scripts first in PATH. */
async function programs(it: Desk, scripts: Readonly<Record<string, string>>): Promise<void> {
  const folder = join(it.folder, 'bin')
  await mkdir(folder)
  for (const [name, script] of Object.entries(scripts))
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  process.env['PATH'] = `${folder}:${environment['PATH']}`
}

/** A package manager that says what it was given, and the digest of the file. */
const manager = (log: string) =>
  `for last; do :; done; echo "$(basename "$0") $(sha256sum < "$last" | cut -c1-64)" >> ${log}`

/** Where the AppImage that runs lies. */
async function appImage(it: Desk): Promise<string> {
  const path = join(it.folder, 'notes.AppImage')
  await writeFile(path, 'the version that runs')
  process.env['APPIMAGE'] = path
  return path
}

/** Everything that ends with a file being run on this machine. */
async function ready(it: Desk, extension: Extension): Promise<void> {
  if (extension === 'AppImage') await appImage(it)
}

describe('an update goes through electron-updater', () => {
  test('NSIS: the installer is run with what electron-updater gives it', async () => {
    await using it = await desk('exe')
    await fetched(it)
    expect(it.events).toEqual(['update-available', 'update-downloaded'])
    expect(await it.ran()).toBe('')
    expect(outcome(await it.gate.install({ silent: true, runAfter: true }))).toBe('installing')
    expect(await awaitRun(it)).toBe('ran 1.1.0 --updated /S --force-run\n')
    await expect.poll(() => it.app.hasQuit).toBe(true)
  })

  test('NSIS, web installer: its package is the part that the statement names', async () => {
    await using it = await desk('exe', { webInstaller: true })
    await it.release('1.2.0', { part: { name: 'notes-1.2.0.nsis.7z', bytes: Buffer.from('the package') } })
    await fetched(it)
    expect(outcome(await it.gate.install())).toBe('installing')
    const line = await awaitRun(it)
    const [, path = ''] = /--package-file=(.*)\n/.exec(line) ?? []
    expect(await readFile(path, 'utf8')).toBe('the package')
  })

  test.each([true, false])('AppImage: replaced and run, autoRunAppAfterInstall %s', async (runs) => {
    await using it = await desk('AppImage')
    const path = await appImage(it)
    await fetched(it)
    it.updater.autoRunAppAfterInstall = runs
    expect(outcome(await it.gate.install())).toBe('installing')
    expect(await awaitRun(it)).toBe('ran 1.1.0 \n')
    expect(await readFile(path, 'utf8')).toContain('# notes 1.1.0')
    expect((await stat(path)).mode & 0o100).toBe(0o100)
  })

  test.each([
    ['deb', 'dpkg'],
    ['rpm', 'dnf'],
    ['pacman', 'pacman'],
  ] as const)('%s: root hashes its own copy and gives it to %s', async (extension, name) => {
    await using it = await desk(extension)
    await programs(it, { [name]: manager(join(it.folder, '..', 'ran')) })
    process.env['ELECTRON_BUILDER_LINUX_PACKAGE_MANAGER'] = name
    const release = await it.release('1.2.0')
    await fetched(it)
    expect(outcome(await it.gate.install())).toBe('installing')
    expect(await it.ran()).toBe(`${name} ${release.artifact.sha256}\n`)
    expect(it.app.hasRelaunched).toBe(true)
  })

  test('deb, not as root: the question for the password comes first', async () => {
    await using it = await desk('deb')
    const log = join(it.folder, '..', 'ran')
    await programs(it, { dpkg: manager(log), pkexec: `echo asked >> ${log}; shift; exec "$@"` })
    Object.assign(it.updater, { isRunningAsRoot: () => false })
    await fetched(it)
    expect(outcome(await it.gate.install())).toBe('installing')
    expect((await it.ran()).split('\n').map((line) => line.split(' ')[0])).toEqual(['asked', 'dpkg', ''])
  })

  test('macOS: Squirrel.Mac gets the verified bytes, when told to, and not before', async () => {
    const squirrel = asSquirrel()
    await using it = await desk('zip')
    await fetched(it)
    expect(it.events).toEqual(['update-available', 'update-downloaded'])
    expect(squirrel.asked).toBe(0)
    it.app.quit()
    expect(squirrel.asked).toBe(0)
    expect(outcome(await it.gate.install())).toBe('installing')
    await squirrel.settled()
    expect(squirrel.installed?.toString()).toContain('# notes 1.1.0')
  })

  test('quitAndInstall of electron-updater does the same', async () => {
    await using it = await desk('exe')
    await fetched(it)
    it.updater.quitAndInstall(true)
    expect(await awaitRun(it)).toBe('ran 1.1.0 --updated /S\n')
  })

  test('says its progress, and that nothing is newer', async () => {
    await using it = await desk('exe')
    const seen: number[] = []
    it.updater.on('download-progress', ({ percent }) => void seen.push(percent))
    await fetched(it)
    expect(seen.at(-1)).toBe(100)
    await using same = await desk('exe', { installed: { channel: 'stable', version: '1.1.0' } })
    await same.updater.checkForUpdates()
    expect(same.events).toEqual(['update-not-available'])
    expect(same.checks.map(({ kind }) => kind)).toEqual(['current'])
  })

  test('downloads by itself where autoDownload is on, and nothing is asked of anybody but the feed and the log', async () => {
    await using it = await desk('exe')
    it.updater.autoDownload = true
    await (await it.updater.checkForUpdates())?.downloadPromise
    expect(it.events).toEqual(['update-available', 'update-downloaded'])
    expect(it.publisher.server.requests.filter(({ path }) => !/^\/(feed|log)\//.test(path))).toEqual([])
    expect(it.publisher.server.requests.filter(({ path }) => /yml|blockmap/.test(path))).toEqual([])
  })
})

describe('nothing is installed that was not accepted', () => {
  test.each(['exe', 'AppImage', 'deb', 'zip'] as const)('%s: what samebits refuses is not found', async (extension) => {
    if (extension === 'zip') asSquirrel()
    await using it = await desk(extension)
    await ready(it, extension)
    await it.release('1.2.0', { votes: 0 })
    it.publisher.now += 30 * 86_400
    it.publisher.publish()
    await expect(it.updater.checkForUpdates()).rejects.toMatchObject({ code: 'REBUILD_QUORUM' })
    expect(it.events).toEqual(['error REBUILD_QUORUM'])
    await expect(it.updater.downloadUpdate()).rejects.toThrow('check update first')
    expect(outcome(await it.gate.install())).toBe('nothing-downloaded')
    expect(await it.ran()).toBe('')
  })

  test('no answer is an error, and not "up to date"', async () => {
    await using it = await desk('exe')
    it.publisher.hostile = unavailable
    await expect(it.updater.checkForUpdates()).rejects.toMatchObject({ code: 'TRANSPORT' })
    expect(it.events).toEqual(['error TRANSPORT'])
  })

  test('a download of what an earlier check accepted, and the last one did not', async () => {
    await using it = await desk('exe')
    await it.updater.checkForUpdates()
    it.publisher.hostile = unavailable
    await it.updater.checkForUpdates().catch(() => undefined)
    await expect(it.updater.downloadUpdate()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    expect(outcome(await it.gate.install())).toBe('nothing-downloaded')
  })

  test('other bytes than those that were logged', async () => {
    await using it = await desk('exe')
    const release = await it.release('1.2.0')
    it.publisher.put(`feed/${release.id}/${release.artifact.name}`, Buffer.alloc(release.artifact.size, 'x'))
    await it.updater.checkForUpdates()
    await expect(it.updater.downloadUpdate()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    expect(it.events).toEqual(['update-available', 'error DIGEST_MISMATCH'])
    expect(outcome(await it.gate.install())).toBe('nothing-downloaded')
  })

  test('revoked between download and installation', async () => {
    await using it = await desk('exe')
    const release = await it.release('1.2.0')
    await fetched(it)
    it.publisher.revoke(release.id)
    it.publisher.publish()
    await it.updater.checkForUpdates().catch(() => undefined)
    expect(outcome(await it.gate.install())).not.toBe('installing')
    expect(await it.ran()).toBe('')
  })

  test('no longer fresh at installation', async () => {
    await using it = await desk('exe')
    await fetched(it)
    it.publisher.now += 60 * 86_400
    expect(outcome(await it.gate.install())).toBe('STALE')
    expect(await it.ran()).toBe('')
  })

  test('an installer that runs a second file which the statement does not name, or the reverse', async () => {
    await using web = await desk('exe', { webInstaller: true })
    await expect(web.updater.checkForUpdates()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    await using plain = await desk('exe')
    await plain.release('1.2.0', { part: { name: 'notes.7z', bytes: Buffer.from('the package') } })
    await expect(plain.updater.checkForUpdates()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })
})

describe('the file is exchanged after it was verified', () => {
  const evil = (it: Desk) => `#!/bin/sh\necho evil >> ${join(it.folder, '..', 'ran')}\n`

  test.each(['exe', 'AppImage', 'deb', 'zip'] as const)('%s: before installation', async (extension) => {
    const squirrel = asSquirrel()
    await using it = await desk(extension)
    await ready(it, extension)
    await fetched(it)
    const planted = join(it.folder, 'planted')
    await writeFile(planted, evil(it), { mode: 0o755 })
    await rename(planted, it.pending())
    expect(outcome(await it.gate.install())).toBe('DIGEST_MISMATCH')
    expect(await it.ran()).toBe('')
    expect([it.app.hasQuit, squirrel.asked]).toEqual([false, 0])
    if (extension === 'AppImage')
      expect(await readFile(join(it.folder, 'notes.AppImage'), 'utf8')).toBe('the version that runs')
  })

  test.each(['exe', 'AppImage', 'zip'] as const)('%s: changed in place, its length kept', async (extension) => {
    asSquirrel()
    await using it = await desk(extension)
    await ready(it, extension)
    await fetched(it)
    const { size } = await stat(it.pending())
    await writeFile(it.pending(), evil(it).padEnd(size, '#'))
    expect(outcome(await it.gate.install())).toBe('DIGEST_MISMATCH')
    expect(await it.ran()).toBe('')
  })

  test('web installer: its package', async () => {
    await using it = await desk('exe', { webInstaller: true })
    await it.release('1.2.0', { part: { name: 'notes.7z', bytes: Buffer.from('the package') } })
    const files = await it.updater.checkForUpdates().then(() => it.updater.downloadUpdate())
    await writeFile(files[1] ?? '', 'other bytes')
    expect(outcome(await it.gate.install())).toBe('DIGEST_MISMATCH')
    expect(await it.ran()).toBe('')
  })

  test('in update-downloaded, by a listener that installs at once', async () => {
    await using it = await desk('exe')
    it.updater.once('update-downloaded', async ({ downloadedFile }) => {
      await writeFile(downloadedFile, evil(it))
      it.updater.quitAndInstall()
    })
    await fetched(it)
    await expect.poll(() => it.events.at(-1)).toBe('error DIGEST_MISMATCH')
    expect(await it.ran()).toBe('')
  })

  test('deb: while the password is asked for, and no other command is tried then', async () => {
    await using it = await desk('deb')
    const log = join(it.folder, '..', 'ran')
    await programs(it, {
      dpkg: manager(log),
      'apt-get': `echo apt-get >> ${log}`,
      pkexec: `echo evil > "$SWAP"; shift; exec "$@"`,
    })
    Object.assign(it.updater, { isRunningAsRoot: () => false })
    process.env['SWAP'] = it.pending()
    await fetched(it)
    expect(outcome(await it.gate.install())).toBe('DIGEST_MISMATCH')
    expect(await it.ran()).toBe('')
    expect(it.app.hasQuit).toBe(false)
  })

  test('macOS: while Squirrel.Mac asks; it never has a whole file', async () => {
    const squirrel = asSquirrel()
    await using it = await desk('zip')
    await fetched(it)
    squirrel.beforeFetch = async () => {
      const { size } = await stat(it.pending())
      await writeFile(it.pending(), 'x'.repeat(size))
    }
    await it.gate.install()
    await squirrel.settled()
    expect(squirrel.fetched).toBeNull()
    expect(squirrel.installed).toBeNull()
    expect(it.events.filter((event) => event.startsWith('error'))).not.toEqual([])
  })
})

describe('electron-updater has no other way', () => {
  test('nothing happens when the application quits: before, during and after the download', async () => {
    await using it = await desk('exe')
    await it.updater.checkForUpdates()
    const release = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    it.publisher.hostile = (request, response) => {
      if (request.url?.endsWith('.exe') !== true) return false
      asked.resolve()
      void release.promise.then(() => response.destroy())
      return true
    }
    const download = it.updater.downloadUpdate()
    await asked.promise
    it.app.quit()
    release.resolve()
    await download.catch(() => undefined)
    it.app.quit()
    it.publisher.hostile = null
    await fetched(it)
    it.app.quit()
    expect(await it.ran()).toBe('')
    expect(it.said.filter((line) => line.includes('Auto install'))).toEqual([])
  })

  test('install() and doInstall() without a decision', async () => {
    await using it = await desk('exe')
    await fetched(it)
    const insides = it.updater as unknown as { install(): boolean; doInstall(options: object): boolean }
    expect(insides.install()).toBe(false)
    expect(() => insides.doInstall({})).toThrow('nothing is installed that was not just decided')
    expect(await it.ran()).toBe('')
  })

  test('switches that would open it', async () => {
    await using it = await desk('exe')
    expect(() => {
      it.updater.autoInstallOnAppQuit = true
    }).toThrow('install() of the gate')
    expect(() => {
      it.updater.disableDifferentialDownload = false
    }).toThrow('verified whole')
    expect(() => {
      it.updater.disableWebInstaller = false
    }).toThrow('webInstaller')
    expect(() => it.updater.setFeedURL('http://evil.example')).toThrow('samebits alone')
    for (const name of ['httpExecutor', 'downloadedUpdateHelper', 'quitAndInstall', 'doInstall'])
      expect(() => Object.assign(it.updater, { [name]: null })).toThrow(TypeError)
    it.updater.autoInstallOnAppQuit = false
    it.updater.disableDifferentialDownload = true
  })

  test('a latest.yml that lies, from a configuration that is set afterwards', async () => {
    await using it = await desk('exe')
    const url = `${it.publisher.url}/evil`
    it.publisher.put('evil/latest.yml', Buffer.from('version: 9.9.9\npath: evil.exe\nsha512: AAAA\n'))
    await writeFile(join(it.folder, 'evil.yml'), `provider: generic\nurl: ${url}\n`)
    it.updater.updateConfigPath = join(it.folder, 'evil.yml')
    await expect(it.updater.checkForUpdates()).rejects.toThrow('samebits alone')
    expect(it.publisher.server.requests.filter(({ path }) => path.startsWith('/evil'))).toEqual([])
  })

  test('allowDowngrade and a changed channel do not step back', async () => {
    await using it = await desk('exe', { installed: { channel: 'stable', version: '1.1.0' } })
    it.publisher.put('feed/stable.samebits.json', await it.publisher.bundle(it.first))
    it.updater.channel = 'beta'
    it.updater.allowDowngrade = true
    await expect(it.updater.checkForUpdates()).rejects.toMatchObject({ code: 'DOWNGRADE' })
    expect(it.events).toEqual(['error DOWNGRADE'])
  })

  test('a step back that a person asked for', async () => {
    await using it = await desk('exe', { installed: { channel: 'stable', version: '1.1.0' }, downgradeTo: '1.0.0' })
    it.publisher.put('feed/stable.samebits.json', await it.publisher.bundle(it.first))
    await it.updater.checkForUpdates()
    expect(it.checks).toMatchObject([{ kind: 'accepted', release: { version: '1.0.0', downgrade: true } }])
  })

  test("an older update that waits in its cache folder, and one that waits in the gate's", async () => {
    await using it = await desk('exe')
    const planted = Buffer.from(`#!/bin/sh\necho cached >> ${join(it.folder, '..', 'ran')}\n`)
    for (const folder of [
      join(it.folder, 'cache', "it's notes", 'pending'),
      join(it.folder, 'state', 'electron', 'pending'),
    ]) {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'notes-1.1.0.exe'), planted, { mode: 0o755 })
      await writeFile(join(folder, 'update-info.json'), JSON.stringify({ fileName: 'notes-1.1.0.exe', sha512: '' }))
    }
    expect(outcome(await it.gate.install())).toBe('nothing-downloaded')
    await fetched(it)
    expect(outcome(await it.gate.install())).toBe('installing')
    expect(await awaitRun(it)).toContain('ran 1.1.0')
  })

  test('a download that is cancelled leaves nothing to install', async () => {
    await using it = await desk('exe')
    await it.updater.checkForUpdates()
    const token = new CancellationToken()
    it.publisher.hostile = (request, response) => {
      if (request.url?.endsWith('.exe') !== true) return false
      token.cancel()
      response.socket?.pause()
      return true
    }
    await expect(it.updater.downloadUpdate(token)).rejects.toThrow()
    expect(it.events).toEqual(['update-available', 'update-cancelled'])
    expect(outcome(await it.gate.install())).toBe('nothing-downloaded')
  })

  test('the loopback server answers nobody but Squirrel.Mac', async () => {
    const squirrel = asSquirrel()
    await using it = await desk('zip')
    await fetched(it)
    let status = 0
    squirrel.setFeedURL = async ({ url }) => {
      status = (await fetch(url)).status
    }
    await it.gate.install()
    await expect.poll(() => status).toBe(401)
  })

  test('an updater that was used before, or that has other insides, is not gated', async () => {
    await using it = await desk('exe')
    const options = {} as ElectronGateOptions
    expect(() => gateElectronUpdater(it.updater, options)).toThrow('used before it was gated')
    const other = new NsisUpdater(undefined, new App(it.folder, '1.0.0'))
    Object.assign(other, { doInstall: undefined })
    expect(() => gateElectronUpdater(other, options)).toThrow('has no doInstall')
  })

  test('two files of one name do not meet: the folder is ours alone', async () => {
    await using it = await desk('exe')
    await fetched(it)
    expect((await stat(join(it.folder, 'state', 'electron'))).mode & 0o777).toBe(0o700)
  })
})
