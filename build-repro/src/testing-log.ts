/** A log in memory behind a `fetch`, for unit tests of how a log is read, and for logs that lie. */
import {
  formatVkey,
  logSigner,
  memoryTileSource,
  merkleRoot,
  type NoteSigner,
  parseEntriesPath,
  parseTilePath,
  SourceError,
  signCheckpoint,
  utf8,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import type { Fetch } from './machine.ts'

export interface TestLog {
  readonly origin: string
  readonly url: string
  /** `log <vkey> <url>\nquorum none\n` */
  readonly policyText: string
  readonly entries: Uint8Array[]
  readonly signer: NoteSigner
  checkpointText(): string
  /** Serves checkpoint and tiles of `entries` as they are now; anything else is 404. */
  readonly fetch: Fetch
}

export function testLog(origin = 'example.com/log', entries: Uint8Array[] = []): TestLog {
  const url = 'https://log.example.com'
  const signer = logSigner(nodeCrypto, origin, generateSigningKey('ed25519'))
  const checkpointText = () => {
    const root = merkleRoot(nodeCrypto, nodeCrypto.leafHashes(entries))
    return signCheckpoint({ origin, size: entries.length, root, extensions: [] }, [signer], 1_795_000_000).text
  }
  const fetch: Fetch = async (target) => {
    const path = target.slice(url.length + 1)
    try {
      const source = memoryTileSource(nodeCrypto, entries, utf8(checkpointText()))
      return new Response(Buffer.from(await resource(source, path)))
    } catch (error) {
      if (error instanceof SourceError) return new Response('no such page', { status: 404 })
      throw error
    }
  }
  const policyText = `log ${formatVkey(signer.key)} ${url}\nquorum none\n`
  return { origin, url, policyText, entries, signer, checkpointText, fetch }
}

function resource(source: ReturnType<typeof memoryTileSource>, path: string): Promise<Uint8Array> {
  if (path === 'checkpoint') return source.checkpoint()
  if (!path.startsWith('tile/')) throw new SourceError('missing', path, 'no such page')
  if (!path.startsWith('tile/entries/')) return source.tile(parseTilePath(path))
  const { index, width } = parseEntriesPath(path)
  return source.entries(index, width)
}
