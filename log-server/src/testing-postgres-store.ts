/** A real PostgreSQL server for tests: in a folder of its own, reached through a socket in it, gone afterwards. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)

/** Folder of `initdb` and `postgres`, the newest version; null where there are none. */
function programs(): string | null {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    '/usr/local/bin',
    '/usr/bin',
    '/opt/homebrew/bin',
  ]
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) ?? null
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return {} as never
  try {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' })))
    return uid === undefined || gid === undefined ? null : { uid, gid }
  } catch {
    return null
  }
}

/** Why there is no PostgreSQL for tests; null where there is one. */
export function postgresMissing(): string | null {
  if (process.platform === 'win32') return 'PostgreSQL is started on Unix only'
  if (programs() === null) return 'PostgreSQL is not installed'
  return unprivileged() === null ? 'as root, PostgreSQL needs the user postgres' : null
}

export interface TestPostgres {
  /** Folder of its socket, which is `.s.PGSQL.5432`. */
  readonly socket: string
  /** An empty schema under a new name; returns the URL of a database that holds nothing else. */
  createDatabase(name: string): Promise<string>
  /** Runs statements as the superuser, in the named schema. */
  query<Row extends pg.QueryResultRow>(text: string, schema?: string): Promise<Row[]>
  /** What its own `pg_dump` keeps of a schema. */
  dump(schema: string): Promise<string>
  /** Puts a schema back as it was dumped; empty: an empty one. */
  load(schema: string, dump: string): Promise<void>
  /** SIGKILL to the server and all its processes; `start` brings it back. */
  kill(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

/** @param settings such as `fsync=off` */
export async function startPostgres(settings: readonly string[] = []): Promise<TestPostgres> {
  const bin = programs()
  const who = unprivileged()
  if (bin === null || who === null) throw new Error(postgresMissing() ?? '')
  const folder = mkdtempSync(join(tmpdir(), 'samebits-postgres-'))
  chmodSync(folder, 0o755)
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid)
  const data = join(folder, 'data')
  const options = { ...who, cwd: folder }
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'samebits', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    options,
  )
  const flags = [
    `unix_socket_directories=${folder}`,
    'listen_addresses=',
    'shared_buffers=32MB',
    'max_connections=60',
    ...settings,
  ]
  let child: ChildProcess | null = null
  const urlOf = (schema: string, host = folder) =>
    `postgres:///postgres?host=${encodeURIComponent(host)}&user=samebits&options=${encodeURIComponent(`-c search_path=${schema}`)}`
  const query = async <Row extends pg.QueryResultRow>(text: string, schema = 'public'): Promise<Row[]> => {
    const client = new pg.Client(urlOf(schema))
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }
  const start = async () => {
    const started = spawn(join(bin, 'postgres'), ['-D', data, ...flags.flatMap((flag) => ['-c', flag])], {
      ...options,
      stdio: 'ignore',
      detached: true,
    })
    child = started
    for (;;) {
      if (started.exitCode !== null) throw new Error(`postgres ended with ${started.exitCode}`)
      if (existsSync(join(folder, '.s.PGSQL.5432')) && (await query('SELECT 1').then(Boolean, () => false))) return
      await sleep(20)
    }
  }
  const kill = async () => {
    const running = child
    child = null
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = once(running, 'exit')
    for (const pid of [running.pid, ...childrenOf(running.pid)]) killProcess(pid)
    await ended
    rmSync(join(data, 'postmaster.pid'), { force: true })
  }
  await start()
  return {
    socket: folder,
    query,
    start,
    kill,
    async dump(schema) {
      const flags = ['-h', folder, '-U', 'samebits', '-n', schema, '--inserts', 'postgres']
      return (await run(join(bin, 'pg_dump'), flags, { ...options, maxBuffer: 1 << 28 })).stdout
    },
    async load(schema, dump) {
      await query(`DROP SCHEMA ${schema} CASCADE`)
      const statements = dump.replaceAll(/^\\.*$/gm, '') // lines for psql
      await query(statements === '' ? `CREATE SCHEMA ${schema}` : statements)
    },
    async createDatabase(name) {
      await query(`CREATE SCHEMA ${name}`)
      return urlOf(name)
    },
    async remove() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it ended by itself
  }
}

/** The processes that a server has forked: they would outlive it for a moment and keep its memory in use. */
function childrenOf(pid: number): number[] {
  if (!existsSync('/proc') || !statSync('/proc').isDirectory()) return []
  const path = `/proc/${pid}/task/${pid}/children`
  return existsSync(path) ? execFileSync('cat', [path]).toString().trim().split(' ').filter(Boolean).map(Number) : []
}
