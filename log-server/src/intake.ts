/**
 * When a batch closes: once what clients have already sent was read, or soon.
 *
 * Node accepts one connection and reads each socket once in a turn of its loop, and a commit holds the loop for as long as the disk takes. A
 * batch that began after a single turn would let new connections in at one a commit: with hundreds of them, or a slow disk, the last would
 * wait for seconds, whatever they want. So turns are given until one brings nothing new. A lone submitter waits for none.
 */

/** Most turns that a batch is kept open for entries: they also arrive while it is committed. */
const turnsForEntries = 4
/** For connections it is more, because a turn takes only one, and a client that is let in adds one entry at most. */
const turnsForConnections = 256

export class Intake {
  /** Runs `work` in the next turn of the loop, after its input was read. */
  readonly #defer: (work: () => void) => void
  #connections = 0
  #entries = 0

  constructor(defer: (work: () => void) => void) {
    this.#defer = defer
  }

  connectionCame(): void {
    this.#connections++
  }

  entryCame(): void {
    this.#entries++
  }

  /** Runs `work` once a turn brought nothing, or there were enough of them. */
  whenRead(work: () => void): void {
    let [turns, connections, entries] = [0, this.#connections, this.#entries]
    const turn = () => {
      turns++
      const isMore =
        (this.#connections !== connections && turns < turnsForConnections) ||
        (this.#entries !== entries && turns < turnsForEntries)
      if (!isMore) return work()
      connections = this.#connections
      entries = this.#entries
      this.#defer(turn)
    }
    this.#defer(turn)
  }
}
