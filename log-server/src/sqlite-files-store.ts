/**
 * The two files of a SQLite database, and who writes them.
 *
 * A transaction only ever appends to the write-ahead log; the main file changes when pages are moved into it. SQLite would do
 * that within some COMMIT. Here it is done by itself, after a COMMIT, so that everywhere else the main file must be untouched:
 * before a transaction begins, and once more before anybody hears that it was committed. The write-ahead log must be
 * untouched between transactions and the same file all the time: one that was deleted takes what was committed with it.
 *
 * What is left: a program that ignores the database's locks and overwrites the main file in place within the milliseconds in which
 * pages are moved (once for about 32 MiB written). Its bytes look like ours then; they are found by what is read back before the
 * next signature, or at the next start, where everything is held against the marker.
 */
import type Database from 'better-sqlite3'
import { FileWatch } from './file-watch.ts'
import { StorageError } from './store.ts'

/** Pages in the write-ahead log from which on they are moved. */
const checkpointPages = 4000

export class DatabaseFiles {
  readonly #main: FileWatch
  readonly #writeAhead: FileWatch
  readonly #waiting: Database.Statement<[], { log: number }>
  readonly #move: Database.Statement<[]>

  /** @param writer the only connection that writes, in WAL mode, without automatic checkpoints, after its first write */
  constructor(path: string, writer: Database.Database) {
    this.#main = new FileWatch(path)
    this.#writeAhead = new FileWatch(`${path}-wal`)
    this.#waiting = writer.prepare('PRAGMA wal_checkpoint(NOOP)')
    this.#move = writer.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  }

  /** Between transactions. @throws StorageError */
  demandUntouched(): void {
    if (!this.#main.isUntouched || !this.#writeAhead.isUntouched) throw changedUnder()
  }

  /** The end of a transaction, committed or not: what it wrote is ours. False where somebody else wrote meanwhile. */
  settle(): boolean {
    return this.#writeAhead.settle() && this.#main.isUntouched
  }

  /** Before anybody hears of a commit. @throws StorageError */
  afterCommit(): void {
    if (!this.settle()) throw changedUnder()
  }

  /** Moves pages to the main file where enough of them wait. @throws StorageError, SqliteError */
  checkpoint(): void {
    if ((this.#waiting.get()?.log ?? 0) < checkpointPages) return
    let isOurs = false
    try {
      this.#move.run()
    } finally {
      isOurs = this.#main.settle()
    }
    if (!isOurs) throw changedUnder()
  }
}

function changedUnder(): StorageError {
  return new StorageError('STORAGE_FAILED', 'another program has replaced or changed the database under this one')
}
