/**
 * Where a client's state lies, so that no crash and no second process can lose or mix it (docs/decision.md, *State*).
 *
 * Two files take turns, so a torn write spoils only itself; their bytes are core's (`formatStateFile`). Writing is
 * compare-and-swap by the `generation` inside, under a lock that dies with its holder.
 */
import { constants } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  FormatError,
  formatStateFile,
  type Hasher,
  MAX_STATE_FILE_SIZE,
  NoteError,
  type OpenedState,
  openState,
  parseStateFile,
  STATE_TOO_LARGE,
  type State,
  stateFileName,
} from '@samebits/core'
import { isCode, type Lock, syncDirectory, writeFileDurably } from '@samebits/host'
import { type Sleep, sleep } from './backoff.ts'
import { IoFailure, reasonOf } from './failure.ts'
import { lockFolder } from './lock-folder.ts'
import { type Identity, openFolder, openPlainFile, privateMode } from './paths.ts'

export interface StateStoreOptions {
  readonly directory: string
  readonly hasher: Hasher
  readonly identity: Identity
  /** How long a writer waits for another one before it gives way. */
  readonly lockTimeoutMs?: number
  readonly sleep?: Sleep
}

export interface StateStore {
  /** docs/decision.md step 2. @throws IoFailure STATE_INVALID where the files cannot be read at all */
  load(about: { readonly product: string; readonly hasInstallRecord: boolean }): Promise<OpenedState>
  /**
   * Stores `next` as the generation after `after` (0: the first) and returns it as stored.
   * @throws IoFailure STATE_BUSY where the stored generation is no longer `after`, or another writer does not end;
   *   STATE_FULL where it does not fit
   */
  save(next: State, after: number): Promise<State>
  /** Forgets everything: `samebits state reset`. @throws IoFailure STATE_BUSY */
  reset(): Promise<void>
}

const fileNames = [stateFileName(0), stateFileName(1)] as const

export function createStateStore(options: StateStoreOptions): StateStore {
  const { directory, hasher } = options
  return {
    async load(about) {
      return openState({ hasher, files: await readFiles(directory), ...about })
    },
    async save(next, after) {
      const stored = { ...next, generation: after + 1 }
      const bytes = formatOrRefuse(hasher, stored)
      await withLock(options, async () => {
        const now = newestGeneration(hasher, await readFiles(directory))
        if (now !== after)
          throw new IoFailure('STATE_BUSY', `another run stored generation ${now} while this one was at work`)
        await writeFileDurably(join(directory, stateFileName(stored.generation)), bytes, { mode: 0o600 })
      })
      return stored
    },
    async reset() {
      await withLock(options, async () => {
        for (const name of fileNames) await rm(join(directory, name), { force: true })
        await syncDirectory(directory)
      })
    },
  }
}

/**
 * The newest state in a folder, of whatever product; null where there is none.
 * @throws IoFailure STATE_INVALID
 */
export async function readState(directory: string, hasher: Hasher): Promise<State | null> {
  const files = await readFiles(directory)
  const product = files
    .map((bytes) => (bytes === null ? null : productIn(hasher, bytes)))
    .find((found) => found !== null)
  if (product === undefined && files.every((bytes) => bytes === null)) return null
  const opened = openState({ hasher, files, product: product ?? '', hasInstallRecord: false })
  if (opened.kind === 'stopped') throw new IoFailure('STATE_INVALID', opened.refusal.detail)
  return opened.state
}

function productIn(hasher: Hasher, bytes: Uint8Array): string | null {
  try {
    return parseStateFile(hasher, bytes).product
  } catch (error) {
    if (error instanceof FormatError || error instanceof NoteError) return null
    throw error
  }
}

/** @throws IoFailure STATE_FULL for a state that is larger than one may be, STATE_INVALID for any other that cannot be stored */
function formatOrRefuse(hasher: Hasher, state: State): Uint8Array {
  try {
    return formatStateFile(hasher, state)
  } catch (error) {
    const { releases, statements, votes } = state.known
    if (error instanceof FormatError && error.detail === STATE_TOO_LARGE) {
      const known = `${releases.length} releases, ${statements.length} other statements, ${votes.length} votes`
      throw new IoFailure('STATE_FULL', `${known} are more than a state can hold`, { cause: error })
    }
    throw new IoFailure('STATE_INVALID', `the state cannot be stored: ${reasonOf(error)}`, { cause: error })
  }
}

function newestGeneration(hasher: Hasher, files: readonly (Uint8Array | null)[]): number {
  let newest = 0
  for (const bytes of files) {
    if (bytes === null) continue
    try {
      newest = Math.max(newest, parseStateFile(hasher, bytes).generation)
    } catch (error) {
      if (!(error instanceof FormatError) && !(error instanceof NoteError)) throw error
    }
  }
  return newest
}

async function readFiles(directory: string): Promise<[Uint8Array | null, Uint8Array | null]> {
  return [await readCapped(join(directory, fileNames[0])), await readCapped(join(directory, fileNames[1]))]
}

/** At most one byte more than a state file may have: the parser then says that it is too large. */
async function readCapped(path: string): Promise<Uint8Array | null> {
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw new IoFailure('STATE_INVALID', `cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  })
  if (handle === null) return null
  try {
    const size = Math.min((await handle.stat()).size, MAX_STATE_FILE_SIZE + 1)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0)
    return new Uint8Array(buffer.subarray(0, bytesRead))
  } finally {
    await handle.close()
  }
}

const pollMs = 25

async function withLock(options: StateStoreOptions, work: () => Promise<void>): Promise<void> {
  const { directory, identity, lockTimeoutMs = 2_000, sleep: wait = sleep } = options
  const folder = await openFolder(directory, identity, privateMode)
  const lock = await takeLock(directory, lockTimeoutMs, wait)
  if (lock === null) throw new IoFailure('STATE_BUSY', `another run is writing to ${directory}`)
  try {
    await folder.assertSame()
    await work()
  } finally {
    lock.release()
  }
}

async function takeLock(directory: string, timeoutMs: number, wait: Sleep): Promise<Lock | null> {
  for (let waited = 0; ; waited += pollMs) {
    const lock = lockFolder(directory)
    if (lock !== null || waited >= timeoutMs) return lock
    await wait(pollMs)
  }
}
