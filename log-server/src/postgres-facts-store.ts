/** What a PostgreSQL server says about itself that the log's promises rest on. */
import { type PostgresOptions, PostgresSession } from './postgres-session-store.ts'

export interface PostgresFacts {
  /** By name, those that the server has: a compatible database has not all of them. */
  readonly settings: Readonly<Record<string, string>>
  /** Unix seconds. */
  readonly time: number
  readonly encrypted: boolean
}

const questions = `SELECT name, setting FROM pg_settings
  WHERE name IN ('fsync', 'full_page_writes', 'synchronous_standby_names', 'server_version')`

/** @throws StorageError */
export async function postgresFacts(options: PostgresOptions): Promise<PostgresFacts> {
  const session = await PostgresSession.connect(options)
  try {
    const rows = await session.sql.all<{ name: string; setting: string }>(questions)
    const [clock] = await session.sql.all<{ time: number }>('SELECT CAST(extract(epoch FROM now()) AS bigint) AS time')
    return {
      settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
      time: clock?.time ?? 0,
      encrypted: session.encrypted,
    }
  } finally {
    await session.close()
  }
}

/** Settings under which COMMIT answers before anything is durable; null where there are none. */
export function lie({ settings }: PostgresFacts): string | null {
  const off = ['fsync', 'full_page_writes'].filter((name) => settings[name] === 'off')
  return off.length === 0 ? null : `${off.join(' and ')} off: what it says was committed may be lost or torn`
}
