/** The program: a window, and updates that come through samebits. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { app, BrowserWindow, ipcMain } from 'electron'
import electronUpdater from 'electron-updater'
import { createUpdates, type Updates } from './updates.ts'

/** Clients ask the log this often. */
const everyMs = 6 * 3_600_000

function openWindow(): BrowserWindow {
  const window = new BrowserWindow({
    width: 640,
    height: 480,
    webPreferences: { preload: join(import.meta.dirname, 'preload.cjs'), sandbox: true, contextIsolation: true },
  })
  void window.loadFile(fileURLToPath(new URL('../page.html', import.meta.url)))
  return window
}

async function start(): Promise<void> {
  await app.whenReady()
  const resources = app.isPackaged ? process.resourcesPath : app.getAppPath()
  const [trust, anchor] = await Promise.all(
    ['trust.json', 'anchor.json'].map((name) => readFile(join(resources, name))),
  )
  if (trust === undefined || anchor === undefined) throw new Error('the application is not whole')
  const window = openWindow()
  const updates = createUpdates(electronUpdater.autoUpdater, {
    trust,
    anchor,
    stateDir: join(app.getPath('userData'), 'updates'),
    appName: app.getName(),
    tell: (line) => {
      if (!window.isDestroyed()) window.webContents.send('updates', line)
    },
  })
  ipcMain.handle('updates:look', () => updates.look())
  ipcMain.handle('updates:install', () => updates.install())
  installOnQuit(updates)
  await updates.look()
  setInterval(() => void updates.look(), everyMs)
}

/**
 * `autoInstallOnAppQuit` is off, because Electron does not wait there for a decision. Here it waits: the update that was
 * downloaded is judged once more, and installed or left.
 */
function installOnQuit(updates: Updates): void {
  let isDone = false
  app.on('before-quit', (event) => {
    if (isDone || !updates.isWaiting()) return
    event.preventDefault()
    isDone = true
    void updates.install({ silent: true }).finally(() => app.quit())
  })
}

app.on('window-all-closed', () => app.quit())
await start()
