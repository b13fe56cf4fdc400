/**
 * A product with its log, witnesses, rebuilders and feed, all real except that they live in this process: entries, tiles,
 * checkpoints, bundles and anchors are made by core, and served over HTTP on loopback.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Artifact,
  cosignatureSigner,
  entryMessage,
  formatAnchor,
  formatEntry,
  formatSpkiPem,
  formatStatement,
  formatUpdateBundle,
  formatVkey,
  keyHint,
  logSigner,
  memoryTileSource,
  merkleRoot,
  parseTilePath,
  type SignedCheckpoint,
  SourceError,
  type Statement,
  signCheckpoint,
  statementId,
  treeReader,
  utf8,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey } from '@samebits/core/node'
import { type Loopback, serve } from './loopback.ts'

export const product = 'example.com/notes'
export const origin = 'example.com/log'
export const day = 86_400
/** When the story begins. */
export const dawn = 1_795_000_000

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

export interface Member {
  readonly id: string
  readonly key: SigningKey
}
const member = (id: string): Member => ({ id, key: generateSigningKey('ed25519') })

export interface PublisherOptions {
  readonly rebuilders?: number
  readonly history?: object
  readonly freshness?: object
}

export interface Release {
  readonly id: string
  readonly sequence: number
  readonly version: string
  readonly artifact: Artifact
  readonly bytes: Buffer
}

export interface Publisher extends AsyncDisposable {
  readonly url: string
  readonly feed: string
  readonly server: Loopback
  readonly members: { readonly authority: Member; readonly publisher: Member; readonly rebuilders: readonly Member[] }
  readonly entries: Uint8Array[]
  /** Unix seconds: what witnesses will sign. */
  now: number
  /** Answers before the publisher does: return true to have answered. */
  hostile: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  trust(change?: object): Uint8Array
  anchor(): Promise<Uint8Array>
  /** Logs a statement signed by a member. @returns its index */
  log(statement: Statement, by: Member): number
  /** Logs the next release with its rebuilds, and puts it on the feed. */
  release(
    version: string,
    more?: {
      readonly bytes?: Buffer
      /** Of an artifact that `hostile` serves, too large for a buffer. */
      readonly file?: { readonly size: number; readonly sha256: string }
      readonly votes?: number
      readonly channel?: string
      readonly name?: string
      /** A second file, which the installer runs. */
      readonly part?: { readonly name: string; readonly bytes: Buffer }
    },
  ): Promise<Release>
  /** Logs a revocation. */
  revoke(id: string, by?: Member): number
  /** Signs and cosigns the tree as it is. */
  publish(): SignedCheckpoint
  /** A bundle of the release under the newest checkpoint. */
  bundle(release: Release): Promise<Uint8Array>
  put(path: string, bytes: Uint8Array): void
  /** Signs any entries as this log's tree: a fork. */
  signTree(entries: readonly Uint8Array[]): SignedCheckpoint
}

export async function createPublisher(options: PublisherOptions = {}): Promise<Publisher> {
  const logKey = generateSigningKey('ml-dsa-44')
  const logKeys = [logKey, generateSigningKey('ed25519')].map((key) => logSigner(nodeCrypto, origin, key))
  const witnesses = ['alpha', 'beta', 'gamma'].map((name) =>
    cosignatureSigner(nodeCrypto, `${name}.example`, generateSigningKey(name === 'beta' ? 'ml-dsa-44' : 'ed25519')),
  )
  const rebuilders = Array.from({ length: options.rebuilders ?? 2 }, (_, at) => member(`rebuilder-${at + 1}`))
  const members = { authority: member('authority'), publisher: member('publisher'), rebuilders }
  const entries: Uint8Array[] = []
  const files = new Map<string, Uint8Array>()
  const releases: Release[] = []
  const known = new Map<string, number[]>()
  let head: SignedCheckpoint | null = null

  const server = await serve((request, response) => {
    void answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (self.hostile?.(request, response)) return
    const path = decodeURI(request.url ?? '/').slice(1)
    const bytes = files.get(path) ?? (await logFile(path))
    if (bytes === null) response.writeHead(404, { 'cache-control': 'no-store' }).end()
    else response.writeHead(200, { 'content-length': bytes.length, etag: `"${sha256(bytes)}"` }).end(bytes)
  }
  async function logFile(path: string): Promise<Uint8Array | null> {
    if (!path.startsWith('log/')) return null
    const source = memoryTileSource(nodeCrypto, entries.slice(0, head?.checkpoint.size ?? 0), utf8(head?.text ?? ''))
    const rest = path.slice(4)
    try {
      if (rest === 'checkpoint') return await source.checkpoint()
      const match = /^tile\/entries\/(.*)$/.exec(rest)
      if (match === null) return await source.tile(parseTilePath(rest))
      const { index, width } = parseTilePath(`tile/0/${match[1]}`)
      return await source.entries(index, width)
    } catch (error) {
      if (error instanceof SourceError) return null
      throw error
    }
  }

  const policy = () =>
    [
      `log ${formatVkey(logKeys[0]?.key as never)} ${server.url}/log`,
      ...witnesses.map(({ key }) => `witness ${key.name.split('.')[0]} ${formatVkey(key)}`),
      'group all 2 alpha beta gamma',
      'quorum all',
      '',
    ].join('\n')
  const role = (threshold: number, list: readonly Member[]) => ({
    threshold,
    members: list.map(({ id, key }) => ({ id, publicKey: formatSpkiPem(key) })),
  })
  const signEntry = (statement: Statement, { key }: Member) => {
    const payload = formatStatement(statement)
    const signature = key.sign(entryMessage(payload))
    return {
      leaf: formatEntry(nodeCrypto, { payload, signer: { kind: 'key', hint: keyHint(nodeCrypto, key) }, signature }),
      id: statementId(nodeCrypto, payload),
    }
  }
  const signTree = (list: readonly Uint8Array[]): SignedCheckpoint => {
    const root = merkleRoot(nodeCrypto, nodeCrypto.leafHashes([...list]))
    return signCheckpoint({ origin, size: list.length, root, extensions: [] }, [...logKeys, ...witnesses], self.now)
  }
  const reader = (signed: SignedCheckpoint) => {
    const { size, root } = signed.checkpoint
    return treeReader({ hasher: nodeCrypto, source: memoryTileSource(nodeCrypto, entries.slice(0, size)), size, root })
  }
  const view = async (signed: SignedCheckpoint, indices: readonly number[]) => {
    const tree = reader(signed)
    const sizes = Array.from({ length: Math.min(signed.checkpoint.size - 1, 300) }, (_, at) => at + 1)
    return {
      checkpoint: signed.text,
      consistency: await Promise.all(sizes.map(async (from) => ({ from, proof: await tree.proveConsistency(from) }))),
      entries: await Promise.all(
        indices.map(async (index) => ({
          index,
          inclusion: await tree.proveInclusion(index),
          leaf: entries[index] as Uint8Array,
        })),
      ),
    }
  }

  const self: Publisher = {
    url: server.url,
    feed: `${server.url}/feed`,
    server,
    members,
    entries,
    now: dawn,
    hostile: null,
    trust: (change = {}) =>
      utf8(
        JSON.stringify({
          format: 1,
          version: 1,
          product,
          channels: ['stable'],
          tlogPolicy: policy(),
          authority: role(1, [members.authority]),
          publishers: role(1, [members.publisher]),
          rebuilders: { ...role(rebuilders.length, rebuilders), onMismatch: 'refuse' },
          freshness: options.freshness ?? { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' },
          history: options.history ?? { mode: 'complete' },
          heads: {},
          ...change,
        }),
      ),
    async anchor() {
      const signed = head ?? self.publish()
      const last = releases.at(-1)
      const heads = new Map(last === undefined ? [] : [['stable', { sequence: last.sequence, id: last.id }] as const])
      const indices = last === undefined ? [] : (known.get(last.id) ?? []).slice(0, 1)
      const { entries: shown } = await view(signed, indices)
      return formatAnchor({ product, checkpoint: signed.text, heads, entries: shown, feeds: [self.feed] })
    },
    log(statement, by) {
      const { leaf, id } = signEntry(statement, by)
      const index = entries.push(leaf) - 1
      known.set(id, [...(known.get(id) ?? []), index])
      return index
    },
    async release(
      version,
      {
        bytes = Buffer.from(`notes ${version}\n`),
        file,
        votes = rebuilders.length,
        channel = 'stable',
        name = 'notes',
        part,
      } = {},
    ) {
      const describe = (name: string, { size, sha256 }: { size: number; sha256: string }): Artifact => ({
        name,
        platform: 'any',
        size,
        mediaType: 'application/octet-stream',
        sha256,
      })
      const measure = (bytes: Buffer) => ({ size: bytes.length, sha256: sha256(bytes) })
      const artifact = describe(name, file ?? measure(bytes))
      const parts = part === undefined ? [] : [{ ...describe(part.name, measure(part.bytes)), partOf: name }]
      const artifacts = [artifact, ...parts]
      const source = {
        uri: 'https://example.com/notes.git',
        gitCommit: 'a'.repeat(40),
        sha256: sha256(`source ${version}`),
      }
      const build = {
        artifacts: artifacts.map(({ name }) => name),
        source,
        recipeDigest: sha256('recipe'),
        imageDigest: sha256('image'),
        sourceDateEpoch: dawn,
      }
      const sequence = releases.length + 1
      const previous = releases.at(-1)?.id ?? null
      const statement: Statement = {
        kind: 'release',
        product,
        channel,
        version,
        sequence,
        previous,
        artifacts,
        builds: [build],
      }
      const id = statementId(nodeCrypto, formatStatement(statement))
      const indices = [self.log(statement, members.publisher)]
      for (const by of rebuilders.slice(0, votes))
        indices.push(
          self.log(
            {
              kind: 'rebuild',
              product,
              subjects: artifacts.map(({ name, sha256 }) => ({ name, sha256 })),
              buildType: 'https://samebits.dev/container-build/v1',
              source,
              recipeDigest: build.recipeDigest,
              imageDigest: build.imageDigest,
              release: id,
              dependencies: { sha256: sha256('dependencies') },
              builder: { id: `https://${by.id}.example/` },
            },
            by,
          ),
        )
      known.set(id, indices)
      const release: Release = { id, sequence, version, artifact, bytes }
      releases.push(release)
      self.publish()
      self.put(`feed/${channel}.samebits.json`, await self.bundle(release))
      self.put(`feed/${id}/${name}`, bytes)
      if (part !== undefined) self.put(`feed/${id}/${part.name}`, part.bytes)
      return release
    },
    revoke: (id, by = members.publisher) =>
      self.log({ kind: 'revocation', product, ids: [id], reason: 'a hole', severity: 'high' }, by),
    publish() {
      head = signTree(entries)
      return head
    },
    async bundle(release) {
      const signed = head ?? self.publish()
      return formatUpdateBundle({ views: [await view(signed, known.get(release.id) ?? [])], trust: [] })
    },
    put: (path, bytes) => void files.set(path, bytes),
    signTree,
    [Symbol.asyncDispose]: () => server.close(),
  }
  return self
}
