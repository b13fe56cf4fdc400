/**
 * A further machine for a log that several servers share: it gets a folder with a marker of its own (docs/log.md rule 3), which
 * begins with the checkpoint that is published in the database.
 */

import { parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { dataDir, exists, lockDataDir } from './data-dir.ts'
import { createMarker } from './marker.ts'
import { openStore } from './open-store.ts'
import type { LogServerOptions } from './options.ts'
import { headSigner, type LogKey, openOwn } from './signer.ts'
import { noExtension } from './sql.ts'

export interface JoinLogOptions extends Pick<LogServerOptions, 'dataDir' | 'database' | 'databaseTimeoutMs'> {
  readonly keys: readonly LogKey[]
}

export interface JoinedLog {
  readonly origin: string
  readonly size: number
}

/** @throws ProgramError CONFIG_INVALID, LOG_EXISTS, NOT_INITIALISED, WRONG_KEYS */
export async function joinLog(options: JoinLogOptions): Promise<JoinedLog> {
  const { database, databaseTimeoutMs: timeoutMs } = options
  if (database === '')
    throw refuse('CONFIG_INVALID', 'join is for logs in PostgreSQL', 'Name the database with --database.')
  const paths = dataDir(options.dataDir)
  const lock = await lockDataDir(options.dataDir)
  try {
    if (await exists(paths.marker))
      throw refuse(
        'LOG_EXISTS',
        `${options.dataDir} has a marker`,
        'This machine serves a log: run samebits-log serve.',
      )
    const store = await openStore({ database, path: '', timeoutMs, extension: noExtension, create: false })
    try {
      const [head, published] = [await store.head(), await store.published()]
      if (head === null || published === null)
        throw refuse('NOT_INITIALISED', 'the database holds no published checkpoint', 'Run samebits-log init first.')
      const { origin, size } = parseSignedCheckpoint(published.checkpoint).checkpoint
      if (openOwn(headSigner(nodeCrypto, origin, options.keys), published.checkpoint) === null)
        throw refuse(
          'WRONG_KEYS',
          `the log ${origin} is not signed by these keys`,
          'Copy the keys that init was given.',
        )
      await createMarker(paths.marker, { checkpoint: published.checkpoint, epoch: head.epoch })
      return { origin, size }
    } finally {
      await store.close()
    }
  } finally {
    lock.release()
  }
}

function refuse(code: string, detail: string, remedy: string): ProgramError {
  return new ProgramError({ code, detail, remedy })
}
