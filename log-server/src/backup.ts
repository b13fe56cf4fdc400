/**
 * A backup of a log in SQLite: a folder with a copy of the database, taken beside the running server, and what it holds:
 *
 *     log.db          the database, at one moment
 *     backup.json     {"format": 1, "origin", "size", "root" (base64), "checkpoint", "takenAt" (Unix seconds)}
 *
 * Neither keys nor the marker are in it: the marker is what notices that a backup was restored (docs/log.md rule 3).
 */
import { constants } from 'node:fs'
import { copyFile, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, ProgramError, syncDirectory, writeFileDurably } from '@samebits/host'
import { dataDir, exists, lockDataDir } from './data-dir.ts'
import { backupSqlite } from './sqlite-store.ts'

export interface BackupManifest {
  readonly format: 1
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly checkpoint: string
  readonly takenAt: number
}

const manifestName = 'backup.json'

/** What a check of the copy found. */
export type CheckCopy = (database: string) => Promise<Pick<BackupManifest, 'origin' | 'size' | 'root' | 'checkpoint'>>

export interface TakeBackupOptions {
  readonly dataDir: string
  /** A new folder, or an empty one. */
  readonly to: string
  /** Reads the whole copy; throws where it is not whole, and then there is no backup. */
  readonly check: CheckCopy
  /** Unix seconds. */
  readonly now: () => number
  /** Pages of the database. */
  readonly onProgress: (done: number, total: number) => void
}

/** The backup is complete, checked and on the disk once `backup.json` is there. @throws ProgramError BACKUP_PLACE */
export async function takeBackup(options: TakeBackupOptions): Promise<BackupManifest> {
  const { to, check, now, onProgress } = options
  await mkdir(to, { recursive: true, mode: 0o700 })
  if ((await readdir(to)).length > 0)
    throw place(`${to} is not empty`, 'Name a new folder: a backup never replaces another one.')
  const copy = join(to, 'log.db')
  const partial = `${copy}.partial`
  try {
    await backupSqlite(dataDir(options.dataDir).database, partial, onProgress)
    const found = await check(partial)
    for (const left of ['-wal', '-shm']) await rm(`${partial}${left}`, { force: true })
    await syncFile(partial)
    await rename(partial, copy)
    await syncDirectory(to)
    const manifest: BackupManifest = { format: 1, ...found, takenAt: now() }
    await writeFileDurably(join(to, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
    return manifest
  } catch (error) {
    for (const left of ['', '-wal', '-shm']) await rm(`${partial}${left}`, { force: true })
    throw error
  }
}

/** Puts the database of a backup into a data folder that has none, once the whole of it was checked. @throws ProgramError */
export async function putBack(backup: string, folder: string, check: CheckCopy): Promise<BackupManifest> {
  const lock = await lockDataDir(folder)
  try {
    return await putBackLocked(backup, folder, check)
  } finally {
    lock.release()
  }
}

async function putBackLocked(backup: string, folder: string, check: CheckCopy): Promise<BackupManifest> {
  const manifest = await readManifest(backup)
  const { database } = dataDir(folder)
  if (await exists(database))
    throw place(`${database} is there`, 'Stop the server and move log.db, log.db-wal and log.db-shm away first.')
  const partial = `${database}.partial`
  await rm(partial, { force: true })
  await copyFile(join(backup, 'log.db'), partial, constants.COPYFILE_EXCL)
  const found = await check(partial)
  if (found.size < manifest.size || (found.size === manifest.size && found.root !== manifest.root))
    throw place(`the database in ${backup} is not the one that its backup.json names`, 'Take another backup.')
  for (const left of ['-wal', '-shm']) await rm(`${partial}${left}`, { force: true })
  await syncFile(partial)
  await rename(partial, database)
  await syncDirectory(folder)
  return manifest
}

async function readManifest(backup: string): Promise<BackupManifest> {
  const remedy = 'Name a folder that samebits-log backup wrote to its end.'
  const refuse = (cause: unknown) =>
    new ProgramError({ code: 'BACKUP_PLACE', detail: `${backup} holds no complete backup`, remedy, cause })
  let manifest: unknown
  try {
    manifest = JSON.parse(await readFile(join(backup, manifestName), 'utf8'))
  } catch (cause) {
    if (isCode(cause, 'ENOENT') || cause instanceof SyntaxError) throw refuse(cause)
    throw cause
  }
  if (!isManifest(manifest)) throw refuse(null)
  return manifest
}

function isManifest(value: unknown): value is BackupManifest {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 1) return false
  const { size, root, origin } = value as Partial<Record<keyof BackupManifest, unknown>>
  return Number.isSafeInteger(size) && typeof root === 'string' && typeof origin === 'string'
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function place(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'BACKUP_PLACE', detail, remedy })
}
