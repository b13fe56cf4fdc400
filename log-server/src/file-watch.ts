/**
 * Whether a file is still the one that was opened, as this process left it. A database that is replaced or overwritten under a
 * running server (a backup that is put back) must be noticed before anything is acknowledged upon it: what would be
 * written went to a file that nobody can open any more, or into another one's pages. A change in the very moment in which this
 * process writes looks like its own.
 */
import { statSync } from 'node:fs'

export class FileWatch {
  readonly #path: string
  #seen: string

  constructor(path: string) {
    this.#path = path
    this.#seen = this.#look()
  }

  /** Device, inode, length and time of the last change; empty where there is no file. */
  #look(): string {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? '' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`
  }

  /** This process has just written: what is there now is its own. */
  settle(): void {
    this.#seen = this.#look()
  }

  get isUntouched(): boolean {
    return this.#look() === this.#seen
  }
}
