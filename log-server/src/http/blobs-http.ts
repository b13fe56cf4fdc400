/**
 * Detached bodies over HTTP (docs/formats.md §1, "Detached bodies"):
 *
 *     PUT /v1/blob/<sha256>    201 stored, 200 stored before; 403 `blob-not-expected`, 400 `blob-digest`, 413 `blob-too-large`
 *     GET /v1/blob/<sha256>    application/octet-stream, nosniff, attachment: never shown by a browser
 *
 * A body is taken only while an entry of an admitted signer waits for it, and only if it hashes to its address.
 */
import type { IncomingMessage } from 'node:http'
import { type Hasher, isDigest, MAX_BODY_BYTES, toHex } from '@samebits/core'
import type { Router } from 'express'
import type { ProductTables } from '../admission/tables.ts'
import type { ProductReader } from '../products/product-reader.ts'
import type { LogStore } from '../store.ts'
import { notFound, type Problem, ProblemError } from './problem.ts'

export interface BlobsParts {
  readonly reader: ProductReader
  readonly store: Pick<LogStore<ProductTables>, 'update'>
  readonly hasher: Hasher
  /** Unix seconds. */
  readonly now: () => number
}

/** Uploads at one time, each of which may hold its whole body in memory. */
const MAX_UPLOADS = 16
/** How long an upload waits for its entry, in seconds. */
const UNUSED_SECONDS = 7_200

const problems = {
  address: { status: 400, code: 'parameter', detail: 'the address ends in 64 lower-case hex digits' },
  notExpected: {
    status: 403,
    code: 'blob-not-expected',
    detail: 'no admitted entry waits for this file: post the entry first',
  },
  busy: { status: 503, code: 'busy', detail: 'too many files are being uploaded', retryAfterSeconds: 1 },
  digest: { status: 400, code: 'blob-digest', detail: 'the body does not hash to its address' },
  tooLarge: { status: 413, code: 'blob-too-large', detail: `a file has at most ${MAX_BODY_BYTES} bytes` },
  incomplete: { status: 400, code: 'blob-incomplete', detail: 'the body ended early' },
  encoding: { status: 415, code: 'encoding-unsupported', detail: 'files are sent as they are' },
} as const satisfies Record<string, Problem>

export function mountBlobs(router: Router, parts: BlobsParts): void {
  router.get('/blob/:sha256', async (req, res) => {
    const body = await parts.reader.blob(digestOf(req.params.sha256))
    if (body === null) throw new ProblemError(notFound)
    res.setHeader('Content-Type', 'application/octet-stream')
    res.setHeader('X-Content-Type-Options', 'nosniff')
    res.setHeader('Content-Disposition', 'attachment')
    res.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
    res.setHeader('Content-Length', body.length)
    res.end(body)
  })
  let uploads = 0
  router.put('/blob/:sha256', async (req, res) => {
    const sha256 = digestOf(req.params.sha256)
    if (uploads >= MAX_UPLOADS) throw new ProblemError(problems.busy)
    uploads++
    try {
      const { status } = await takeBlob(parts, sha256, req)
      res.statusCode = status
      res.end()
    } finally {
      uploads--
    }
  })
}

function digestOf(value: string): string {
  if (!isDigest(value)) throw new ProblemError(problems.address)
  return value
}

async function takeBlob(
  { reader, store, hasher, now }: BlobsParts,
  sha256: string,
  req: IncomingMessage,
): Promise<{ status: 200 | 201 }> {
  if ((await reader.blobSize(sha256)) !== null) return { status: 200 }
  if (!(await reader.isOpen(sha256, now()))) throw new ProblemError(problems.notExpected)
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw new ProblemError(problems.encoding)
  const body = await readBody(req)
  if (body === null) throw new ProblemError(problems.tooLarge)
  if (toHex(hasher.sha256(body)) !== sha256) throw new ProblemError(problems.digest)
  await store.update(async (tables) => {
    await tables.sweepBlobs(now() - UNUSED_SECONDS)
    await tables.putBlob(sha256, body, now())
  })
  return { status: 201 }
}

/**
 * The body; null where it is longer than a file may be, as soon as that shows. What is left is then read past by Node, for as
 * long as a request may take: a connection that was cut would take the answer with it.
 */
async function readBody(req: IncomingMessage): Promise<Uint8Array | null> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return null
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      length += chunk.length
      if (length > MAX_BODY_BYTES) return null
      chunks.push(chunk)
    }
  } catch (cause) {
    if (req.complete) throw cause
    throw new ProblemError(problems.incomplete)
  }
  return Buffer.concat(chunks)
}
