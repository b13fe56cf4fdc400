/**
 * Looks at everything that the log's promises rest on and that no single part checks while it works. Nothing is written, and it
 * may run beside the server.
 */
import { parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { dataDir, exists } from '../data-dir.ts'
import { type Marked, readMarker } from '../marker.ts'
import type { LogServerOptions } from '../options.ts'
import { postgresFacts } from '../postgres-facts-store.ts'
import { openPostgresReader } from '../postgres-store.ts'
import { type HeadSigner, headSigner, type LogKey } from '../signer.ts'
import { openSqliteReader } from '../sqlite-store.ts'
import type { LogReader } from '../store.ts'
import { copiesBeforeInit, loadLogPolicy } from '../witnesses/open-witnesses.ts'
import { checkPostgres } from './database.ts'
import { type Finding, fail } from './finding.ts'
import { checkFileSystem, checkPrivate, checkRoom } from './folder.ts'
import { checkFrozen } from './frozen.ts'
import { checkSignedTrees } from './signed.ts'
import { checkTokens } from './tokens.ts'
import { checkTransport, type TransportDeps } from './transport.ts'
import { checkWitnesses } from './witnessed.ts'

export interface DoctorDeps extends TransportDeps {
  readonly keys: readonly LogKey[]
  /** Where they are, with their folder; empty where they are in no file that this program guards. */
  readonly keyFiles: readonly string[]
  readonly fetch: typeof globalThis.fetch
  /** Ask nobody outside this machine but the database. */
  readonly offline: boolean
}

/** In the order in which a person would look. @throws ProgramError where options contradict each other */
export async function examineLog(options: LogServerOptions, deps: DoctorDeps): Promise<Finding[]> {
  const paths = dataDir(options.dataDir)
  if (!(await exists(paths.marker)))
    return [
      fail(
        'marker',
        `${paths.marker} is missing: nothing here tells what this log has signed`,
        'Name the folder of a log; where the marker is lost, samebits-log restore --without-marker.',
      ),
    ]
  const marked = await readMarker(paths.marker)
  const { origin } = parseSignedCheckpoint(marked.checkpoint).checkpoint
  const signer = headSigner(nodeCrypto, origin, deps.keys)
  return [
    ...(await checkFiles(options, deps.keyFiles)),
    ...(await checkTokens(deps.keys)),
    ...(await checkTransport(options.host, deps)),
    ...(await checkDatabase(options, deps, { signer, marked })),
    ...(await checkPolicy(options, deps, signer)),
  ]
}

async function checkFiles(
  { dataDir: folder, database }: LogServerOptions,
  keyFiles: readonly string[],
): Promise<Finding[]> {
  const paths = dataDir(folder)
  const files = [paths.marker, ...(database === '' ? [paths.database] : [])]
  return [
    ...(await checkPrivate('data-folder', folder)),
    ...(await Promise.all(files.map((path) => checkPrivate('data-files', path)))).flat(),
    ...(await Promise.all(keyFiles.map((path) => checkPrivate('keys', path)))).flat(),
    await checkFileSystem(folder),
    await checkRoom(folder),
  ]
}

async function checkDatabase(
  options: LogServerOptions,
  { now }: DoctorDeps,
  { signer, marked }: { readonly signer: HeadSigner; readonly marked: Marked },
): Promise<Finding[]> {
  const { database: url, databaseTimeoutMs: timeoutMs } = options
  const unreadable = (error: unknown): Finding[] => [
    fail(
      'database',
      error instanceof Error ? error.message : String(error),
      'Check --database or the files of the log.',
    ),
  ]
  try {
    const facts = url === '' ? [] : checkPostgres(await postgresFacts({ url, timeoutMs }), url, now())
    const store = openReader(options)
    const trees = await checkSignedTrees({ store, hasher: nodeCrypto, signer, marked, now: now() }).catch(unreadable)
    const ending = await checkFrozen(store, dataDir(options.dataDir).frozen, signer.origin)
    await store.close()
    return [...facts, ...trees, ...ending]
  } catch (error) {
    return unreadable(error)
  }
}

function openReader({ database: url, databaseTimeoutMs: timeoutMs, dataDir: folder }: LogServerOptions): LogReader {
  return url === '' ? openSqliteReader(dataDir(folder).database) : openPostgresReader({ url, timeoutMs })
}

async function checkPolicy(options: LogServerOptions, deps: DoctorDeps, signer: HeadSigner): Promise<Finding[]> {
  const policy = options.policy === '' ? null : await loadLogPolicy(options, options.policy, signer)
  const copies = policy === null || deps.offline ? null : await copiesBeforeInit(options, { signer, fetch: deps.fetch })
  return checkWitnesses(policy, options.publishedUrl, copies)
}
