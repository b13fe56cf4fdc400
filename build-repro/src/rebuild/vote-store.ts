/**
 * Signed votes, kept before anybody else sees them:
 *
 *     votes/<statement id>/request.json     which job it settles, what it says
 *                          entry.json       the signed leaf bytes: made once, sent as often as it takes
 *                          bodies/<sha256>  the dependency list, the build log
 *                          logged.json      the end: the index that was verified
 *
 * A build that runs again has other times and another log, so it signs another statement: a rebuilder that died between signing
 * and logging would vote twice if it built anew. The folder appears whole, before the first request; what it holds is sent.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import { z } from 'zod'
import { createFolderDurably, readFolder } from '../durable-folder.ts'

export interface VoteRequest {
  readonly format: 1
  readonly job: string
  readonly product: string
  /** Of the release; null where the statement names none. */
  readonly release: string | null
  readonly says: 'positive' | 'negative'
  /** Artifacts that came out with other bytes. */
  readonly different: readonly string[]
}

export interface KeptVote {
  /** Of the statement. */
  readonly id: string
  readonly request: VoteRequest
  readonly entry: Uint8Array
  readonly bodies: ReadonlyMap<string, Uint8Array>
  /** Index of its entry; null until it was seen in the verified tree. */
  readonly index: number | null
}

export interface VoteStore {
  /** @throws ProgramError STATE_INVALID */
  list(): Promise<readonly KeptVote[]>
  /** Keeps a new one, durably and all at once. */
  keep(vote: Omit<KeptVote, 'index'>): Promise<KeptVote>
  markLogged(id: string, index: number): Promise<void>
}

const hex = z.string().regex(/^[0-9a-f]{64}$/)
const requestSchema = z.strictObject({
  format: z.literal(1),
  job: z.string().min(1),
  product: z.string(),
  release: hex.nullable(),
  says: z.enum(['positive', 'negative']),
  different: z.array(z.string()),
})
const loggedSchema = z.strictObject({ index: z.int().min(0) })

export function voteStore(folder: string): VoteStore {
  return {
    async list() {
      const names = await readFolder(folder)
      return Promise.all(names.map((id) => readVote(folder, id)))
    },
    async keep(vote) {
      const files = [
        { path: 'request.json', content: `${JSON.stringify(vote.request)}\n` },
        { path: 'entry.json', content: vote.entry },
        ...[...vote.bodies].map(([sha256, content]) => ({ path: `bodies/${sha256}`, content })),
      ]
      await createFolderDurably(folder, vote.id, files)
      return { ...vote, index: null }
    },
    markLogged: (id, index) => writeFileDurably(join(folder, id, 'logged.json'), `${JSON.stringify({ index })}\n`),
  }
}

async function readVote(folder: string, id: string): Promise<KeptVote> {
  const at = join(folder, id)
  try {
    hex.parse(id)
    const request = requestSchema.parse(JSON.parse(await readFile(join(at, 'request.json'), 'utf8')))
    const entry = await readFile(join(at, 'entry.json'))
    const names = await readdir(join(at, 'bodies'))
    const bodies = await Promise.all(
      names.map(async (name) => [name, await readFile(join(at, 'bodies', name))] as const),
    )
    const logged = await readFile(join(at, 'logged.json'), 'utf8').catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return null
      throw error
    })
    const index = logged === null ? null : loggedSchema.parse(JSON.parse(logged)).index
    return { id, request, entry, bodies: new Map(bodies), index }
  } catch (error) {
    throw new ProgramError({
      code: 'STATE_INVALID',
      detail: `${at} is not what was written there`,
      remedy: 'Restore it from a backup; delete it only if its statement is in the log or was never sent.',
      exitCode: 10,
      cause: error,
    })
  }
}
