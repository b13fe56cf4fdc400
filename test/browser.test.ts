/** `@samebits/core` with the portable crypto, bundled for a browser, checks itself in a real one. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  appendLeaves,
  emptyRange,
  entriesPath,
  formatUpdateBundle,
  formatVkey,
  logSigner,
  memoryTileSource,
  rangeRoot,
  signCheckpoint,
  type TileSource,
  tilePath,
  tilesFor,
  toBase64,
  treeReader,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import type { Material, Result } from './support/browser-self-check.ts'

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const ORIGIN = 'log.example/browser'

/** A log of 300 entries, signed by an Ed25519 and an ML-DSA-44 key. */
async function makeLog() {
  const entries = Array.from({ length: 300 }, (_, at) => new TextEncoder().encode(`entry ${at}`))
  const root = rangeRoot(nodeCrypto, appendLeaves(nodeCrypto, emptyRange(), nodeCrypto.leafHashes(entries)))
  const signers = (['ed25519', 'ml-dsa-44'] as const).map((algorithm) =>
    logSigner(nodeCrypto, ORIGIN, generateSigningKey(algorithm)),
  )
  const head = { origin: ORIGIN, size: entries.length, root, extensions: [] }
  const checkpoint = signCheckpoint(head, signers, 1_800_000_000).text
  const source = memoryTileSource(nodeCrypto, entries)
  const inclusion = await treeReader({ hasher: nodeCrypto, source, size: head.size, root }).proveInclusion(123)
  const bundle = formatUpdateBundle({
    views: [{ checkpoint, consistency: [], entries: [{ index: 123, inclusion, leaf: entries[123] as Uint8Array }] }],
    trust: [],
  })
  return { source, checkpoint, bundle, vkeys: signers.map(({ key }) => formatVkey(key)) }
}

function vectors<Vector>(name: string): Vector[] {
  const file = new URL(`vectors/${name}.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: Vector[] }).cases
}

/** The files of the page, by path. */
async function makeSite(log: Awaited<ReturnType<typeof makeLog>>): Promise<Map<string, Uint8Array | string>> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { selfCheck } from './support/browser-self-check.ts'
        globalThis.results = fetch('/material.json').then((answer) => answer.json()).then(selfCheck)`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions: ['samebits-source'],
    logLevel: 'error',
  })
  const material: Material = {
    inclusion: vectors('rfc6962-inclusion'),
    consistency: vectors('rfc6962-consistency'),
    speccheck: vectors('ed25519-speccheck'),
    checkpoint: log.checkpoint,
    vkeys: log.vkeys,
    bundle: toBase64(log.bundle),
    prefix: 'set by the page',
  }
  const site = new Map<string, Uint8Array | string>([
    ['/', '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/check.js"></script>'],
    ['/check.js', outputFiles[0]?.text ?? ''],
    ['/material.json', JSON.stringify(material)],
  ])
  await addTiles(site, log.source)
  return site
}

async function addTiles(site: Map<string, Uint8Array | string>, source: TileSource): Promise<void> {
  for (const tile of tilesFor(300)) {
    site.set(`/log/${tilePath(tile)}`, await source.tile(tile))
    if (tile.level === 0)
      site.set(`/log/${entriesPath(tile.index, tile.width)}`, await source.entries(tile.index, tile.width))
  }
}

async function serve(site: Map<string, Uint8Array | string>): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const body = site.get(request.url ?? '')
    if (body === undefined) response.writeHead(404).end()
    else response.setHeader('content-type', request.url === '/' ? 'text/html' : 'text/javascript').end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const material = JSON.parse(site.get('/material.json') as string) as Material
  site.set('/material.json', JSON.stringify({ ...material, prefix: `${url}/log` }))
  return { server, url }
}

async function runInBrowser(url: string): Promise<{ results: Result[]; errors: string[] }> {
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
  const args = ['--no-sandbox', ...quiet, '--disable-component-update', '--disable-sync']
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args })
  try {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    await page.goto(url)
    await page.waitForFunction(() => 'results' in globalThis)
    const results = await page.evaluate(() => (globalThis as unknown as { results: Promise<Result[]> }).results)
    return { results, errors }
  } finally {
    await browser.close()
  }
}

describe('core in a browser', () => {
  test('checks itself', async ({ skip }) => {
    if (!existsSync(CHROMIUM)) {
      expect(process.env['CI'], `no browser at ${CHROMIUM}: CI must have one`).not.toBe('true')
      skip(`no browser at ${CHROMIUM}: nothing was checked; set CHROMIUM to one`)
    }
    const { server, url } = await serve(await makeSite(await makeLog()))
    try {
      const { results, errors } = await runInBrowser(url)
      expect(errors).toEqual([])
      expect(results.filter(({ held }) => !held)).toEqual([])
      expect(results).toHaveLength(7)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
