/** Which database a log is in, and how the processes that serve it agree on who leads. */
import { randomUUID } from 'node:crypto'
import { ProgramError } from '@samebits/host'
import { alone, type Election } from './election.ts'
import type { Timing } from './log.ts'
import type { LogServerOptions } from './options.ts'
import { PostgresElection } from './postgres-election-store.ts'
import { lie, postgresFacts } from './postgres-facts-store.ts'
import { openPostgresStore, type PostgresStoreOptions } from './postgres-store.ts'
import type { StoreExtension } from './sql.ts'
import { openSqliteStore } from './sqlite-store.ts'
import { type OpenStore, StorageError } from './store.ts'

export interface OpenDatabaseOptions<Tables> {
  /** A PostgreSQL URL; empty for SQLite at `path`. */
  readonly database: string
  readonly path: string
  readonly timeoutMs: number
  readonly extension: StoreExtension<Tables>
  /** For `init` alone. */
  readonly create: boolean
}

/** @throws ProgramError DATABASE_UNREACHABLE; StorageError */
export async function openStore<Tables>(options: OpenDatabaseOptions<Tables>): Promise<OpenStore<Tables>> {
  const { database: url, path, timeoutMs, extension, create } = options
  if (url === '') return openSqliteStore({ path, extension, mustExist: !create })
  return openHonest({ url, timeoutMs, extension, create }).catch((cause: unknown) => {
    if (!(cause instanceof StorageError) || cause.code !== 'STORAGE_UNREACHABLE') throw cause
    throw new ProgramError({
      code: 'DATABASE_UNREACHABLE',
      detail: cause.message,
      remedy: 'Check --database, the password (PGPASSWORD or the password file) and that the server runs.',
      cause,
    })
  })
}

/** A log may not be kept where COMMIT means nothing. */
async function openHonest<Tables>(options: PostgresStoreOptions<Tables>): Promise<OpenStore<Tables>> {
  const untrue = lie(await postgresFacts(options))
  if (untrue === null) return openPostgresStore(options)
  throw new ProgramError({
    code: 'DATABASE_UNSAFE',
    detail: `the database has ${untrue}`,
    remedy: 'Set fsync and full_page_writes to on in its configuration.',
  })
}

/** How this process takes part, and how it stops doing so. */
export interface OpenElection {
  readonly election: Election
  close(): Promise<void>
}

/** @param address URL at which the other processes reach this one */
export function openElection(
  options: Pick<LogServerOptions, 'database' | 'leaderTimeoutMs'>,
  address: () => string,
  timing: Timing,
): OpenElection {
  if (options.database === '') return { election: alone, close: async () => undefined }
  const election = new PostgresElection({
    ...timing,
    url: options.database,
    address,
    node: randomUUID(),
    leaderTimeoutMs: options.leaderTimeoutMs,
    timeoutMs: options.leaderTimeoutMs,
  })
  return { election, close: () => election.close() }
}
