/** A {@link MemoryLog} over real HTTP: checkpoint, tiles, bundles and bodies. What it shows can be changed at any time. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  FormatError,
  memoryTileSource,
  parseEntriesPath,
  parseTilePath,
  SourceError,
  toHex,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { MemoryLog, SignOptions } from './world.ts'

export class ServedLog {
  readonly url: string
  /** The tree whose tiles are served. */
  log: MemoryLog
  /** The checkpoint that is served; null: 503. */
  checkpoint: string | null
  /** Detached bodies. */
  readonly bodies: Uint8Array[] = []
  /** Answers in place of a path's own. */
  readonly instead = new Map<string, string | Uint8Array | null>()
  /** How often each path was asked for. */
  readonly asked = new Map<string, number>()
  readonly #close: () => Promise<void>
  #source: { size: number; log: MemoryLog; tiles: ReturnType<typeof memoryTileSource> } | null = null

  private constructor(log: MemoryLog, url: string, close: () => Promise<void>) {
    this.log = log
    this.url = url
    this.checkpoint = null
    this.#close = close
  }

  static async start(log: MemoryLog, host = '127.0.0.1'): Promise<ServedLog> {
    const server = createServer((req, res) => {
      void served.#answer((req.url ?? '').slice(1)).then((body) => {
        res.statusCode = body === null ? 404 : 200
        res.end(body ?? 'not here')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, host, resolve))
    const url = `http://${host}:${(server.address() as AddressInfo).port}`
    const served = new ServedLog(log, url, async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return served
  }

  /** Signs the tree as it is, or as asked, and shows it. */
  publish(options: SignOptions = {}): string {
    this.checkpoint = this.log.checkpoint(options)
    return this.checkpoint
  }

  close(): Promise<void> {
    return this.#close()
  }

  get #tiles() {
    if (this.#source?.log !== this.log || this.#source.size !== this.log.size) {
      const tiles = memoryTileSource(nodeCrypto, this.log.leaves)
      this.#source = { size: this.log.size, log: this.log, tiles }
    }
    return this.#source.tiles
  }

  async #answer(path: string): Promise<Uint8Array | string | null> {
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1)
    const other = this.instead.get(path)
    if (other !== undefined) return other
    if (path === 'checkpoint') return this.checkpoint
    if (path.startsWith('v1/blob/')) return this.bodies.find((body) => path.endsWith(hexOf(body))) ?? null
    try {
      if (path.startsWith('tile/entries/')) {
        const { index, width } = parseEntriesPath(path)
        return await this.#tiles.entries(index, width)
      }
      return await this.#tiles.tile(parseTilePath(path))
    } catch (error) {
      if (error instanceof SourceError || error instanceof FormatError) return null
      throw error
    }
  }
}

/** The name of a body. */
function hexOf(body: Uint8Array): string {
  return toHex(nodeCrypto.sha256(body))
}

export function originHash(origin: string): string {
  return hexOf(utf8(origin))
}
