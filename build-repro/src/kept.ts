/**
 * Signed statements, kept before anybody else sees them.
 *
 *     .samebits/publish/<id>/request.json    what was asked for: product, channel, version, sequence, the files
 *                            entry.json      the signed leaf bytes: made once, sent as often as it takes
 *                            bodies/<sha256>  detached bodies that the statement names, for a log that asks for them
 *                            published.json  the end: bundle written (and whether the feed moved)
 *                            withdrawn.json  the other end: never to be sent again, and why
 *
 * A signature is not repeatable (ECDSA and keyless signing are random), so a second run that signed anew would log a second
 * entry. Therefore the folder appears whole, by one rename, before the first request, and a later run sends its bytes.
 *
 * Files of the workspace are kept by their place in it: with `dist/` beside it, the folder can go on in another clone, as in CI.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { isCode, ProgramError, syncDirectory, writeFileDurably } from '@samebits/host'
import { z } from 'zod'
import type { Measured } from './artifacts.ts'
import { createFolderDurably, readFolder } from './durable-folder.ts'

export interface KeptRequest {
  readonly format: 1
  /** `cosign`: the statement was another publisher's, this entry adds a signature. */
  readonly kind: 'publish' | 'cosign'
  readonly product: string
  readonly channel: string
  readonly version: string
  readonly sequence: number
  readonly artifacts: readonly Measured[]
}

interface Published {
  /** Size of the checkpoint in the bundle that was written last. */
  readonly size: number
  /** Whether the feed shows this release. */
  readonly fed: boolean
}

export interface Kept {
  readonly id: string
  readonly request: KeptRequest
  /** The exact leaf bytes. */
  readonly entry: Uint8Array
  /** Detached bodies by their SHA-256. */
  readonly bodies: ReadonlyMap<string, Uint8Array>
  readonly published: Published | null
  readonly withdrawn: string | null
}

const hex = z.string().regex(/^[0-9a-f]{64}$/)
const requestSchema = z.strictObject({
  format: z.literal(1),
  kind: z.enum(['publish', 'cosign']),
  product: z.string(),
  channel: z.string(),
  version: z.string(),
  sequence: z.int().min(1),
  artifacts: z.array(z.strictObject({ name: z.string(), path: z.string(), size: z.int().min(0), sha256: hex })).min(1),
})
const publishedSchema = z.strictObject({ size: z.int().min(1), fed: z.boolean() })
const withdrawnSchema = z.strictObject({ reason: z.string() })

/** The kept statements of one workspace. Call under its lock. */
export interface KeptStatements {
  /** All of them, in no order. @throws ProgramError STATE_INVALID */
  list(): Promise<readonly Kept[]>
  /** Keeps a new one, durably and all at once. */
  keep(id: string, request: KeptRequest, entry: Uint8Array, bodies?: ReadonlyMap<string, Uint8Array>): Promise<Kept>
  markPublished(id: string, published: Published): Promise<void>
  withdraw(id: string, reason: string): Promise<void>
  /** Takes a withdrawal back. */
  restore(id: string): Promise<void>
}

/**
 * @param folder `.samebits/publish`
 * @param workspace the recipe's folder, absolute
 */
export function keptStatements(folder: string, workspace: string): KeptStatements {
  return {
    async list() {
      const names = await readFolder(folder)
      return Promise.all(names.map((id) => readKept(folder, workspace, id)))
    },
    async keep(id, request, entry, bodies = new Map()) {
      await createFolderDurably(folder, id, [
        {
          path: 'request.json',
          content: `${JSON.stringify(
            withPaths(request, (path) => placeIn(workspace, path)),
            null,
            2,
          )}\n`,
        },
        { path: 'entry.json', content: entry },
        ...[...bodies].map(([sha256, content]) => ({ path: `bodies/${sha256}`, content })),
      ])
      return { id, request, entry, bodies, published: null, withdrawn: null }
    },
    markPublished: (id, published) =>
      writeFileDurably(join(folder, id, 'published.json'), `${JSON.stringify(published)}\n`),
    withdraw: (id, reason) => writeFileDurably(join(folder, id, 'withdrawn.json'), `${JSON.stringify({ reason })}\n`),
    async restore(id) {
      await rm(join(folder, id, 'withdrawn.json'), { force: true })
      await syncDirectory(join(folder, id))
    },
  }
}

function withPaths(request: KeptRequest, change: (path: string) => string): KeptRequest {
  return { ...request, artifacts: request.artifacts.map((each) => ({ ...each, path: change(each.path) })) }
}

/** Relative and with `/` where it lies in the workspace; else as it is. */
function placeIn(workspace: string, path: string): string {
  const place = relative(workspace, path)
  return isAbsolute(place) || place.split(sep)[0] === '..' ? path : place.split(sep).join('/')
}

async function readKept(folder: string, workspace: string, id: string): Promise<Kept> {
  const at = join(folder, id)
  if (!hex.safeParse(id).success) throw damaged(at, 'its name is no statement id')
  const [request, entry, published, withdrawn] = await Promise.all([
    readJson(join(at, 'request.json'), requestSchema),
    readOptional(join(at, 'entry.json')),
    readJson(join(at, 'published.json'), publishedSchema),
    readJson(join(at, 'withdrawn.json'), withdrawnSchema),
  ])
  if (request === null || entry === null) throw damaged(at, 'a file is missing')
  const bodies = await readBodies(join(at, 'bodies'))
  const placed = withPaths(request, (path) => resolve(workspace, path))
  return { id, request: placed, entry, bodies, published, withdrawn: withdrawn?.reason ?? null }
}

async function readBodies(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return []
    throw error
  })
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)))
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const bytes = await readOptional(path)
  if (bytes === null) return null
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    throw damaged(path, 'it is not what was written there', error)
  }
}

async function readOptional(path: string): Promise<Buffer | null> {
  return readFile(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
}

function damaged(path: string, why: string, cause?: unknown): ProgramError {
  return new ProgramError({
    code: 'STATE_INVALID',
    detail: `${path} cannot be used: ${why}`,
    remedy: 'Restore it from a backup; delete it only if its statement is in the log or was never sent.',
    exitCode: 10,
    cause,
  })
}
