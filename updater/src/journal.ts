/**
 * The note that an installation leaves to whoever comes after its crash.
 *
 *     { "format": 1, "step": "prepared" | "kept" | "swapped" | "checked", "healthCheck": true,
 *       "next":     { "record": <install record>, "files": [ { "name", "sha256", "size" } ], "tree": <unpacked version> | null },
 *       "previous": { "record": <install record> | null, "files": [ … ], "tree": … } }
 *
 * An unpacked version is `{ "folder", "sha256" }`: its folder in `versions/` and the digest of the tree.
 *
 * It says what was under way, never what to believe or to run: whoever reads it hashes every file again.
 */
import { constants } from 'node:fs'
import { lstat, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson, type InstallRecord, parseInstallRecord } from '@samebits/core'
import { isCode, syncDirectory, writeFileDurably } from '@samebits/host'
import { IoFailure } from './failure.ts'
import { artifactPath, openPlainFile } from './paths.ts'
import { isTreeRef, type TreeRef } from './tree-place.ts'

/** One installed file. */
export interface InstalledFile {
  readonly name: string
  readonly sha256: string
  readonly size: number
}

export interface InstalledSet {
  readonly record: InstallRecord
  readonly files: readonly InstalledFile[]
  /** What the first file was unpacked to; null: it is put in place itself. */
  readonly tree: TreeRef | null
}

export interface FormerSet {
  /** Null where what was there was not installed by an updater, or nothing was. */
  readonly record: InstallRecord | null
  /** The files in the install folder; an archive is none of them. */
  readonly files: readonly InstalledFile[]
  readonly tree: TreeRef | null
}

/** The files that are put in place themselves: all, but for an archive that was unpacked. */
export function placedFiles({ files, tree }: InstalledSet): readonly InstalledFile[] {
  return tree === null ? files : files.slice(1)
}

/**
 * prepared: nothing has been touched. kept: the former files have second names; the swap may have begun.
 * swapped: new files and record are in place, their health unknown. checked: only tidying is left.
 */
export type JournalStep = 'prepared' | 'kept' | 'swapped' | 'checked'

export interface Journal {
  readonly step: JournalStep
  readonly next: InstalledSet
  readonly previous: FormerSet
  readonly healthCheck: boolean
}

const journalName = 'journal.json'
const maxJournalBytes = 1 << 20
const maxFiles = 1024

export async function writeJournal(folder: string, journal: Journal): Promise<void> {
  await writeFileDurably(join(folder, journalName), JSON.stringify({ format: 1, ...journal }), { mode: 0o600 })
}

export async function removeJournal(folder: string): Promise<void> {
  await rm(join(folder, journalName), { force: true })
  await syncDirectory(folder)
}

/** Whether anything bears the journal's name. */
export async function hasJournal(folder: string): Promise<boolean> {
  return await lstat(join(folder, journalName)).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return false
      throw error
    },
  )
}

/** @returns null where there is none. @throws IoFailure INSTALL_FAILED for a file that no updater wrote */
export async function readJournal(folder: string): Promise<Journal | null> {
  const path = join(folder, journalName)
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (handle === null) return null
  try {
    if ((await handle.stat()).size > maxJournalBytes) throw new IoFailure('INSTALL_FAILED', `${path} is too large`)
    return parseJournal(await handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

/** @throws IoFailure INSTALL_FAILED */
function parseJournal(text: string): Journal {
  try {
    const { format, step, next, previous, healthCheck } = strictObject(JSON.parse(text), [
      'format',
      'healthCheck',
      'next',
      'previous',
      'step',
    ])
    if (format !== 1 || !isStep(step) || typeof healthCheck !== 'boolean') throw new TypeError('an unknown step')
    const set = strictObject(next, ['files', 'record', 'tree'])
    const former = strictObject(previous, ['files', 'record', 'tree'])
    return {
      step,
      healthCheck,
      next: { record: parseRecord(set['record']), files: parseFiles(set['files']), tree: parseTree(set['tree']) },
      previous: {
        record: former['record'] === null ? null : parseRecord(former['record']),
        files: parseFiles(former['files']),
        tree: parseTree(former['tree']),
      },
    }
  } catch (error) {
    throw new IoFailure('INSTALL_FAILED', 'the install journal is not one that an updater wrote', { cause: error })
  }
}

/** The record as the install folder would hold it: core's form is canonical, whatever ours here. */
function parseRecord(value: unknown): InstallRecord {
  if (typeof value !== 'object' || value === null) throw new TypeError('no install record')
  return parseInstallRecord(canonicalJson(value))
}

function isStep(value: unknown): value is JournalStep {
  return value === 'prepared' || value === 'kept' || value === 'swapped' || value === 'checked'
}

function parseFiles(value: unknown): InstalledFile[] {
  if (!Array.isArray(value) || value.length > maxFiles) throw new TypeError('no list of files')
  return value.map((item: unknown) => {
    const { name, sha256, size } = strictObject(item, ['name', 'sha256', 'size'])
    if (typeof name !== 'string' || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
      throw new TypeError('no file')
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new TypeError('no size')
    artifactPath('', name)
    return { name, sha256, size }
  })
}

function parseTree(value: unknown): TreeRef | null {
  if (value === null) return null
  const tree = strictObject(value, ['folder', 'sha256'])
  if (!isTreeRef(tree)) throw new TypeError('no unpacked version')
  return { folder: tree.folder, sha256: tree.sha256 }
}

function strictObject(value: unknown, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no object')
  if (Object.keys(value).sort().join() !== keys.join()) throw new TypeError('other fields')
  return { ...value }
}
