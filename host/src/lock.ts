/**
 * A lock that one process holds and that its death frees at once.
 *
 * It is an exclusive transaction on an empty SQLite file: the operating system releases it when the process ends, however
 * it ends, so there is no stale lock to guess about. The file itself stays and means nothing.
 */

/** A lock that is held until it is released or the process ends. */
export interface Lock {
  /** Frees the lock. Calling it again does nothing. */
  release(): void
}

/**
 * Takes the lock kept at `path`, creating the file where it is missing. Does not wait.
 *
 * @returns the lock, or null where somebody else holds it
 * @throws the system's or SQLite's error where the file cannot be created or is not a lock file
 */
export function acquireLock(path: string): Lock | null {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) return null
    throw error
  }
  let held = true
  return {
    release() {
      if (!held) return
      held = false
      database.close()
    },
  }
}

/** SQLITE_BUSY, sqlite.org/rescode.html#busy */
const sqliteBusy = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === sqliteBusy
}

/** Loaded on demand: programs that never lock do not pay for it. Node 24 announces the module as experimental on loading. */
function loadSqlite(): typeof import('node:sqlite') {
  const emit = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}
