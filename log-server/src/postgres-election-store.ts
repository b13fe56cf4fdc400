/**
 * {@link Election} by a row in the log's database:
 *
 *     leader(one, epoch, node, url, beat, time)
 *
 * The leader raises `beat` all the time; a process that sees the row unchanged for a while, by its own monotonic clock, tries to
 * take the lease. `beat` is -1 once the leader stepped down. `time` is reserved: the leader's signatures state no later one
 * until a beat has raised it, and its successor's no earlier one.
 */
import type { Election, Outlook } from './election.ts'
import { type PostgresOptions, PostgresSession } from './postgres-session-store.ts'
import { HeadMovedError } from './store.ts'

export interface ElectionOptions extends PostgresOptions {
  /** Identifies this process among all, for as long as it runs. */
  readonly node: string
  /** URL at which the others reach this process. */
  readonly address: () => string
  /** A leader that is silent for so long is replaced. */
  readonly leaderTimeoutMs: number
  /** Unix seconds. */
  readonly now: () => number
  /** Milliseconds that only go up. */
  readonly clock: () => number
  readonly after: (milliseconds: number, work: () => void) => () => void
}

/** Seconds that are reserved beyond the clock's. */
const reserveSeconds = 2
const steppedDown = -1

interface Leading {
  readonly epoch: number
  readonly lost: (error: unknown) => void
}

interface LeaderRow {
  headEpoch: number
  epoch: number | null
  node: string | null
  url: string | null
  beat: number | null
}

export class PostgresElection implements Election {
  readonly lookEveryMs: number
  readonly #options: ElectionOptions
  readonly #beatEveryMs: number
  #session: PostgresSession | null = null
  #connecting: Promise<PostgresSession> | null = null
  /** What was last seen of the leader, and since when. */
  #seen = { row: '', since: 0 }
  #latest = 0
  #leading: Leading | null = null
  #cancelBeat: () => void = () => undefined

  constructor(options: ElectionOptions) {
    this.#options = options
    this.lookEveryMs = options.leaderTimeoutMs / 8
    this.#beatEveryMs = options.leaderTimeoutMs / 8
  }

  async look(): Promise<Outlook> {
    const { sql } = await this.#connected()
    const [row] = await sql.all<LeaderRow>(statements.look)
    if (row === undefined) throw new HeadMovedError(null)
    const { clock, leaderTimeoutMs, node } = this.#options
    const seen = JSON.stringify(row)
    if (seen !== this.#seen.row) this.#seen = { row: seen, since: clock() }
    const free = row.epoch === null || row.beat === steppedDown || row.node === node
    const silent = clock() - this.#seen.since >= leaderTimeoutMs
    if ((free && row.headEpoch === (row.epoch ?? row.headEpoch)) || silent) return { kind: 'try', epoch: row.headEpoch }
    return { kind: 'follow', url: row.url ?? '' }
  }

  async begin(epoch: number, lost: (error: unknown) => void): Promise<number> {
    const { node, address, now } = this.#options
    const session = await this.#connected()
    await session.script('BEGIN')
    const [before] = await session.sql.all<{ time: number }>('SELECT time FROM leader FOR UPDATE')
    const time = Math.max(before?.time ?? 0, now() + reserveSeconds)
    const set = await session.sql.all(statements.begin, epoch, node, address(), time)
    await session.commit()
    if (set.length === 0) throw new HeadMovedError(null)
    this.#latest = time
    this.#leading = { epoch, lost }
    this.#beatLater(this.#leading)
    return before?.time ?? 0
  }

  latestTime(): number {
    return this.#latest
  }

  async end(): Promise<void> {
    const leading = this.#leading
    this.#leading = null
    this.#cancelBeat()
    if (leading === null) return
    const say = async () => (await this.#connected()).sql.run(statements.stepDown, leading.epoch)
    await say().catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.end()
    await this.#session?.close()
  }

  #beatLater(leading: Leading): void {
    this.#cancelBeat = this.#options.after(this.#beatEveryMs, () => void this.#beat(leading))
  }

  async #beat(leading: Leading): Promise<void> {
    const time = Math.max(this.#latest, this.#options.now() + reserveSeconds)
    try {
      const { sql } = await this.#connected()
      const done = await sql.all(statements.beat, time, leading.epoch, leading.epoch)
      if (this.#leading !== leading) return
      if (done.length === 0) {
        this.#leading = null
        leading.lost(new HeadMovedError(null))
        return
      }
      this.#latest = time
    } catch {
      // The next beat tries again. Whoever took the lease meanwhile shows at the next commit, or at the next beat that arrives.
    }
    if (this.#leading === leading) this.#beatLater(leading)
  }

  #connected(): Promise<PostgresSession> {
    if (this.#session !== null && !this.#session.broken) return Promise.resolve(this.#session)
    this.#connecting ??= PostgresSession.connect(this.#options).then(
      (session) => {
        this.#session = session
        this.#connecting = null
        return session
      },
      (error: unknown) => {
        this.#connecting = null
        throw error
      },
    )
    return this.#connecting
  }
}

const statements = {
  look: `SELECT head.epoch AS "headEpoch", leader.epoch AS epoch, leader.node AS node, leader.url AS url, leader.beat AS beat
     FROM head LEFT JOIN leader ON leader.one = 1`,
  begin: `INSERT INTO leader VALUES (1, ?, ?, ?, 0, ?) ON CONFLICT (one)
     DO UPDATE SET epoch = excluded.epoch, node = excluded.node, url = excluded.url, beat = 0, time = excluded.time
     WHERE leader.epoch < excluded.epoch RETURNING beat`,
  beat: `UPDATE leader SET beat = beat + 1, time = ? WHERE epoch = ? AND (SELECT epoch FROM head) = ? RETURNING beat`,
  stepDown: `UPDATE leader SET beat = ${steppedDown} WHERE epoch = ?`,
}
