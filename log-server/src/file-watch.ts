/**
 * Whether a file is still the one that was opened, as this process left it. A database that is replaced or overwritten under a
 * running server (a backup that is put back) must be noticed before anything is acknowledged upon it: what would be
 * written went to a file that nobody can open any more, or into another one's pages.
 */
import { statSync } from 'node:fs'

export class FileWatch {
  readonly #path: string
  #identity: string
  #state: string

  constructor(path: string) {
    this.#path = path
    ;[this.#identity, this.#state] = this.#look()
  }

  /** Device and inode; length and time of the last change. Empty where there is no file. */
  #look(): [identity: string, state: string] {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? ['', ''] : [`${found.dev} ${found.ino}`, `${found.size} ${found.mtimeNs}`]
  }

  get isUntouched(): boolean {
    const [identity, state] = this.#look()
    return identity === this.#identity && state === this.#state
  }

  /** This process has just written: what is there now is its own, if it is the same file still. False where it is not. */
  settle(): boolean {
    const [identity, state] = this.#look()
    this.#state = state
    return identity === this.#identity
  }
}
