/**
 * What a client knows, kept so that no crash and no second process can lose or mix it (docs/decision.md, *State*).
 *
 * Two files take turns, so the newer write can be torn without harm:
 *
 *     state.0, state.1:   <64 hex digits: SHA-256 of the rest>\n<state as JSON>
 *
 * Writing is compare-and-swap by the `generation` inside, under a lock that dies with its holder.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { acquireLock, isCode, type Lock, syncDirectory, writeFileDurably } from '@samebits/host'
import { type Sleep, sleep } from './backoff.ts'
import { IoFailure, reasonOf } from './failure.ts'
import { type Identity, openFolder, openPlainFile } from './paths.ts'

/** docs/decision.md, *State*: at most 4 MiB. */
const maxStateBytes = 4 * 1024 * 1024
const headBytes = 65
const slots = [0, 1] as const

/** How a state is written down. `parse` throws on anything it does not know. */
export interface StateCodec<S> {
  parse(bytes: Uint8Array): S
  format(state: S): Uint8Array
}

export interface StateStoreOptions<S> {
  readonly directory: string
  readonly codec: StateCodec<S>
  readonly identity: Identity
  /** How long a writer waits for another one before it gives way. */
  readonly lockTimeoutMs?: number
  readonly sleep?: Sleep
}

export interface LoadedState<S> {
  /** Null: nothing was ever stored here. */
  readonly state: S | null
  /** One of the two files was unreadable and the other was used. */
  readonly notice: string | null
}

export interface StateStore<S> {
  /** @throws IoFailure STATE_INVALID where something is stored and nothing of it can be used */
  load(): Promise<LoadedState<S>>
  /**
   * Stores `next`, whose generation is one above `after`'s.
   * @throws IoFailure STATE_BUSY where the stored generation is no longer `after`, or another writer does not end
   */
  save(next: S, after: S | null): Promise<void>
  /** Forgets everything: `samebits state reset`. @throws IoFailure STATE_BUSY */
  reset(): Promise<void>
}

interface Slot<S> {
  readonly number: 0 | 1
  readonly state: S
}

interface Slots<S> {
  readonly newest: Slot<S> | null
  readonly torn: readonly string[]
}

export function createStateStore<S extends { readonly generation: number }>(
  options: StateStoreOptions<S>,
): StateStore<S> {
  const { directory, codec } = options
  return {
    async load() {
      const { newest, torn } = await readSlots(directory, codec)
      if (newest === null && torn.length > 0) throw new IoFailure('STATE_INVALID', torn.join('; '))
      return { state: newest?.state ?? null, notice: newest !== null && torn.length > 0 ? torn.join('; ') : null }
    },
    async save(next, after) {
      await withLock(options, async () => {
        const { newest } = await readSlots(directory, codec)
        const stored = newest?.state.generation ?? 0
        if (stored !== (after?.generation ?? 0) || next.generation !== stored + 1)
          throw new IoFailure('STATE_BUSY', `another run stored generation ${stored} while this one was at work`)
        const body = codec.format(next)
        if (body.length > maxStateBytes)
          throw new IoFailure('STATE_INVALID', `the state would take ${body.length} bytes`)
        const number = newest?.number === 0 ? 1 : 0
        await writeFileDurably(slotPath(directory, number), Buffer.concat([checksumLine(body), body]), { mode: 0o600 })
      })
    },
    async reset() {
      await withLock(options, async () => {
        for (const number of slots) await rm(slotPath(directory, number), { force: true })
        await syncDirectory(directory)
      })
    },
  }
}

function slotPath(directory: string, number: 0 | 1): string {
  return join(directory, `state.${number}`)
}

function checksumLine(body: Uint8Array): Buffer {
  return Buffer.from(`${createHash('sha256').update(body).digest('hex')}\n`)
}

async function readSlots<S extends { readonly generation: number }>(
  directory: string,
  codec: StateCodec<S>,
): Promise<Slots<S>> {
  let newest: Slot<S> | null = null
  const torn: string[] = []
  for (const number of slots) {
    const path = slotPath(directory, number)
    const bytes = await readSlot(path)
    if (bytes === null) continue
    const body = bytes.subarray(headBytes)
    if (bytes.length < headBytes || !bytes.subarray(0, headBytes).equals(checksumLine(body))) {
      torn.push(`${path} does not match its checksum`)
      continue
    }
    const state = parseSlot(path, body, codec)
    if (newest === null || state.generation > newest.state.generation) newest = { number, state }
  }
  return { newest, torn }
}

/** A file that is whole and not understood is another program's, or a newer one's: the older generation does not replace it. */
function parseSlot<S>(path: string, body: Uint8Array, codec: StateCodec<S>): S {
  try {
    return codec.parse(body)
  } catch (error) {
    throw new IoFailure('STATE_INVALID', `${path}: ${reasonOf(error)}`, { cause: error })
  }
}

async function readSlot(path: string): Promise<Buffer | null> {
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw new IoFailure('STATE_INVALID', `cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  })
  if (handle === null) return null
  try {
    if ((await handle.stat()).size > maxStateBytes + headBytes)
      throw new IoFailure('STATE_INVALID', `${path} is too large`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

const pollMs = 25

async function withLock<S>(options: StateStoreOptions<S>, work: () => Promise<void>): Promise<void> {
  const { directory, identity, lockTimeoutMs = 2_000, sleep: wait = sleep } = options
  const folder = await openFolder(directory, identity, 0o700)
  const lock = await takeLock(join(directory, 'lock'), lockTimeoutMs, wait)
  if (lock === null) throw new IoFailure('STATE_BUSY', `another run is writing to ${directory}`)
  try {
    await folder.assertSame()
    await work()
  } finally {
    lock.release()
  }
}

async function takeLock(path: string, timeoutMs: number, wait: Sleep): Promise<Lock | null> {
  for (let waited = 0; ; waited += pollMs) {
    const lock = acquireLock(path)
    if (lock !== null || waited >= timeoutMs) return lock
    await wait(pollMs)
  }
}
