/**
 * A client that comes back after a long time, against a real log on loopback.
 *
 *     node --conditions=samebits-source bench/catch-up.ts [--entries 1000000] [--backlog 10000]
 *
 * offered: it holds a tree that is `--entries` behind, and checks consistency from tiles. complete: it reads and judges
 * `--backlog` signed entries of many products, then as many of its own, then two and ten times as many of strangers, for the memory.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type BundleView,
  formatAnchor,
  formatUpdateBundle,
  fromUtf8,
  httpTileSource,
  parseSignedCheckpoint,
  treeReader,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { build } from 'esbuild'
import { createLogFolder, startLog } from '../test/support/log-process.ts'
import { serve } from '../updater/test-support/loopback.ts'
import { fillStore } from './fill-store.ts'
import { chain, type SignedRelease, trustFile } from './product.ts'
import { number, report } from './report.ts'

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, backlog: { type: 'string', default: '10000' } },
})
const entries = Number(values.entries)
const backlog = Number(values.backlog)
const product = 'bench.example/app'
const offered = { mode: 'offered', expires: '2099-01-01' }
const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-'))
const program = join(folder, 'client.mjs')

interface Asked {
  readonly kind: string
  readonly said: string
  readonly ms: number
  readonly cpuMs: number
  readonly peakMb: number
  /** What is left once all garbage is collected. */
  readonly heldMb: number
  readonly tiles: number
  readonly bundles: number
}

/** Asks in a process of its own. */
async function ask(home: string): Promise<Asked> {
  const child = spawn(process.execPath, [program, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`the client ended with ${status}`)
  const asked = JSON.parse(stdout) as Asked
  if (asked.kind !== 'accepted') throw new Error(`${asked.kind}: ${asked.said}`)
  return asked
}

interface Scene {
  /** The home of a client that has asked once, when the log was small. */
  readonly home: string
  /** How the client fares after the log has grown by `leaves`, of which one is the release that is offered then. */
  later(leaves: Iterable<Uint8Array>, count: number, offer: SignedRelease): Promise<Asked>
}

/** A log with a first release, a feed, and a client that knows both. */
async function withScene(history: object, first: SignedRelease, work: (scene: Scene) => Promise<void>): Promise<void> {
  const log = await createLogFolder()
  const feed = await serve(
    (request, response) => void response.end(request.url === '/stable.samebits.json' ? offer : undefined),
  )
  let offer: Uint8Array = new Uint8Array()
  const database = join(log.path, 'data', 'log.db')
  const flags = ['--mode', 'raw', '--log-level', 'warn']
  const home = await mkdtemp(join(folder, 'home-'))
  const indices = new Map<string, number>()
  let size = 0
  const grow = async (leaves: Iterable<Uint8Array>, count: number, ...known: SignedRelease[]) => {
    const source = leaves[Symbol.iterator]()
    await fillStore(database, size + count, () => {
      const { value } = source.next()
      const leaf: Uint8Array = value ?? randomBytes(500)
      for (const release of known) if (release.leaf === leaf) indices.set(release.id, size)
      size++
      return leaf
    })
  }
  const view = async (url: string, { id, leaf }: SignedRelease) => {
    const source = httpTileSource({ prefix: url, fetch, allowHttpLoopback: true })
    const checkpoint = fromUtf8(await source.checkpoint())
    const { size: at, root } = parseSignedCheckpoint(checkpoint).checkpoint
    const index = indices.get(id) ?? -1
    const inclusion = await treeReader({ hasher: nodeCrypto, source, size: at, root }).proveInclusion(index)
    return { checkpoint, consistency: [], entries: [{ index, inclusion, leaf }] as BundleView['entries'] }
  }
  try {
    await grow(mixed([first.leaf]), 1000, first)
    let server = await startLog(log, flags)
    const port = String(server.port)
    await writeFile(join(home, 'trust.json'), trustFile(product, log.vkeys.at(-1) ?? '', server.url, history))
    const seen = await view(server.url, first)
    const heads = new Map([['stable', { sequence: first.sequence, id: first.id }]])
    const anchor = { product, checkpoint: seen.checkpoint, heads, entries: seen.entries, feeds: [feed.url] }
    await writeFile(join(home, 'anchor.json'), formatAnchor(anchor))
    offer = formatUpdateBundle({ views: [seen], trust: [] })
    await ask(home)
    await server.kill('SIGTERM')
    await work({
      home,
      async later(leaves, count, release) {
        await grow(leaves, count, release)
        server = await startLog(log, [...flags, '--port', port])
        try {
          offer = formatUpdateBundle({ views: [await view(server.url, release)], trust: [] })
          return await ask(home)
        } finally {
          await server.kill('SIGTERM')
        }
      },
    })
  } finally {
    await feed.close()
    await log.remove()
  }
}

/** These, then nothing of ours. */
function* mixed(leaves: readonly Uint8Array[]): Generator<Uint8Array> {
  yield* leaves
}

/** Releases of a hundred products, in turns, one of which is ours. */
function* manyProducts(own: readonly SignedRelease[], each: number): Generator<Uint8Array> {
  const others = Array.from({ length: 99 }, (_, at) => chain(`bench.example/p${at}`, each))
  for (let n = 0; n < each; n++) {
    for (const other of others) yield other[n]?.leaf ?? randomBytes(500)
    yield own[n]?.leaf ?? randomBytes(500)
  }
}

const row = (label: string, { ms, cpuMs, peakMb, heldMb, tiles, bundles }: Asked) => {
  const read = `${tiles} tiles, ${bundles} bundles`
  const memory = `peak ${peakMb.toFixed(0)} MB, held ${heldMb.toFixed(1)} MB`
  const ours = `${number(ms)} ms (${number(cpuMs)} of processor), ${read}, ${memory}`
  report({ what: `a client that comes back: ${label}`, ours, peer: null })
}
const failures: string[] = []
const demand = (holds: boolean, what: string) => void (holds || failures.push(what))

try {
  await mkdir(folder, { recursive: true })
  await build({
    ...{ entryPoints: [join(import.meta.dirname, 'check-client.ts')], outfile: program, bundle: true },
    ...{ platform: 'node', format: 'esm', conditions: ['samebits-source'], logLevel: 'error' },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  const own = chain(product, backlog + 1)
  const [first, ...rest] = own
  if (first === undefined) throw new Error('no release')
  const last = (list: readonly SignedRelease[]) => list.at(-1) ?? first

  await withScene(offered, first, async ({ later }) => {
    const release = last(rest.slice(0, 1))
    const asked = await later(mixed([release.leaf]), entries, release)
    row(`offered, ${entries} entries behind`, asked)
    demand(asked.ms < 1000 && asked.tiles <= 64, 'a million entries behind: under 1 s, at most 64 tiles')
  })
  await withScene({ mode: 'complete' }, first, async ({ later }) => {
    const each = Math.ceil(backlog / 100)
    const share = rest.slice(0, each)
    const asked = await later(manyProducts(share, each), each * 100, last(share))
    row(`complete, ${each * 100} signed entries of 100 products`, asked)
    demand(asked.ms < 2000, 'a backlog of signed entries: under 2 s')
  })
  await withScene({ mode: 'complete' }, first, async ({ later }) => {
    const asked = await later(mixed(rest.map(({ leaf }) => leaf)), backlog, last(rest))
    row(`complete, ${backlog} signed entries, all of this product`, asked)
  })
  const asked: Asked[] = []
  for (const strangers of [backlog * 2, backlog * 10])
    await withScene({ mode: 'complete' }, first, async ({ later }) => {
      const release = last(rest.slice(0, 1))
      const answer = await later(mixed([release.leaf]), strangers, release)
      row(`complete, ${strangers} entries of strangers`, answer)
      asked.push(answer)
    })
  const [few, many] = asked
  const grows = (what: 'peakMb' | 'heldMb', by: number) => (many?.[what] ?? 0) > (few?.[what] ?? 0) * by
  demand(!grows('peakMb', 1.25) && !grows('heldMb', 1.1), 'memory stays flat')
  for (const failure of failures) console.log(`MISSED: ${failure}`)
  process.exitCode = failures.length === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
