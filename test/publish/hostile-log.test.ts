/** A log, or something on the way to it, that answers what it should not. Nothing is handed out, and later it goes on. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import {
  checkEvidence,
  logSigner,
  memoryTileSource,
  merkleRoot,
  parseEntriesPath,
  parseEvidence,
  parseTilePath,
  parseVkey,
  signCheckpoint,
  utf8,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto, signingKeyFromPem } from '@samebits/core/node'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Hook, newProduct, type Product } from './kit.ts'

let product: Product
beforeAll(async () => {
  product = await newProduct()
  const file = await product.artifact('notes-1.0.0.tgz', 'one')
  await product.build('publish', file, '--version', '1.0.0')
  await product.artifact('notes-1.1.0.tgz', 'two')
})
afterAll(() => product.remove())
afterEach(() => {
  product.proxy.before = () => false
  product.proxy.after = () => false
})

const publish = (...flags: readonly string[]) =>
  product.build('publish', 'dist/notes-1.1.0.tgz', '--version', '1.1.0', '--json', ...flags)

type Answer = (response: ServerResponse) => unknown

/** Answers requests for `path` itself, and leaves the rest to the log. */
const answering =
  (path: RegExp, answer: Answer): Hook =>
  ({ method, url }, response) => {
    if (!path.test(`${method} ${url}`)) return false
    answer(response)
    return true
  }
const text = (status: number, type: string, body: string) => (response: ServerResponse) =>
  response.writeHead(status, { 'content-type': type }).end(body)
const problem = (status: number, body: object) => text(status, 'application/problem+json', JSON.stringify(body))

async function everything(): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(product.folder, { recursive: true, withFileTypes: true })
  const files = names.filter((each) => each.isFile() && !each.parentPath.includes('.samebits'))
  const read = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    return [path, await readFile(path, 'base64')] as const
  })
  return Object.fromEntries(await Promise.all(read))
}

const html = '<!doctype html><title>Welcome</title>Please log in'
const add = /^POST \/add/
const checkpoint = /^GET \/checkpoint/

it.each<[string, string, number, Hook]>([
  ['HTML instead of an index', 'TRANSPORT', 20, answering(add, text(200, 'text/html', html))],
  [
    'a redirect to a login page',
    'TRANSPORT',
    20,
    answering(add, (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()),
  ],
  ['an index past the tree', 'TRANSPORT', 20, answering(add, text(200, 'text/plain', '999'))],
  ["another entry's index", 'PROOF_INVALID', 10, answering(add, text(200, 'text/plain', '0'))],
  ['an index that is none', 'TRANSPORT', 20, answering(add, text(200, 'text/plain', '-1'))],
  ['500 for ever', 'TRANSPORT', 20, answering(add, text(500, 'text/plain', 'oops'))],
  ['503 for ever', 'TRANSPORT', 20, answering(add, problem(503, { code: 'read-only', detail: 'disk' }))],
  [
    'a wish for a body that nobody has',
    'BODY_MISSING',
    10,
    answering(add, problem(409, { code: 'blob-missing', sha256: ['ab'.repeat(32)] })),
  ],
  ['403', 'LOG_REFUSED', 10, answering(add, problem(403, { code: 'key-not-admitted', detail: 'no' }))],
  ['413', 'LOG_REFUSED', 10, answering(add, problem(413, { code: 'entry-too-large', detail: 'no' }))],
  [
    '409 with a head that its entries do not show',
    'LOG_REFUSED',
    10,
    answering(
      add,
      problem(409, { code: 'not-on-head', detail: 'sequence 7', head: { sequence: 7, id: 'ab'.repeat(32) } }),
    ),
  ],
  ['a checkpoint in HTML', 'TRANSPORT', 20, answering(checkpoint, text(200, 'text/html', html))],
  ['no checkpoint', 'TRANSPORT', 20, answering(checkpoint, text(404, 'text/plain', ''))],
  ['tiles in HTML', 'TRANSPORT', 20, answering(/^GET \/tile\//, text(200, 'text/html', html))],
  ['tiles of zeros', 'TRANSPORT', 20, answering(/^GET \/tile\/0/, (response) => response.end(Buffer.alloc(32)))],
  ['no connection', 'TRANSPORT', 20, answering(/./, (response) => response.destroy())],
  [
    "another key's checkpoint",
    'CHECKPOINT_INVALID',
    10,
    answering(checkpoint, (response) => response.end(forged('example.com/log'))),
  ],
  [
    "another log's checkpoint",
    'CHECKPOINT_INVALID',
    10,
    answering(checkpoint, (response) => response.end(forged('example.com/other'))),
  ],
])('hands nothing out for %s: %s, exit %i', async (_, code, exit, hook) => {
  const before = await everything()
  product.proxy.before = hook
  const { status, stdout, stderr } = await publish('--timeout', '2')
  expect({ status, error: JSON.parse(stdout) }).toMatchObject({ status: exit, error: { error: { code } } })
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${code}: `))
  expect(stderr).not.toContain('    at ')
  expect(await everything()).toEqual(before)
})

function forged(origin: string): string {
  const signer = logSigner(nodeCrypto, origin, generateSigningKey('ml-dsa-44'))
  const root = merkleRoot(nodeCrypto, nodeCrypto.leafHashes([utf8('a'), utf8('b')]))
  return signCheckpoint({ origin, size: 2, root, extensions: [] }, [signer], 1_795_000_000).text
}

/** The same log, by its own keys, with other entries. */
async function forkedLog(entries: readonly Uint8Array[]): Promise<Hook> {
  const { origin, path } = product.logFolder
  const pem = await readFile(join(path, 'keys/ml-dsa-44.pem'), 'utf8')
  const signer = logSigner(nodeCrypto, origin, signingKeyFromPem(pem))
  const root = merkleRoot(nodeCrypto, nodeCrypto.leafHashes(entries))
  const signed = signCheckpoint({ origin, size: entries.length, root, extensions: [] }, [signer], 1_795_000_000)
  const source = memoryTileSource(nodeCrypto, entries, utf8(signed.text))
  const read = async (url: string) => {
    const name = url.slice(1)
    if (name === 'checkpoint') return source.checkpoint()
    if (!name.startsWith('tile/entries/')) return source.tile(parseTilePath(name))
    const { index, width } = parseEntriesPath(name)
    return source.entries(index, width)
  }
  return async ({ url = '' }, response) => {
    response.end(Buffer.from(await read(url)))
    return true
  }
}

it.each([
  ['of the same size', 1, 'split'],
  ['that is larger', 5, 'fork'],
])('a forked log %s is FORK, exit 11, with evidence that convinces', async (_, size, kind) => {
  const before = await everything()
  product.proxy.before = await forkedLog(Array.from({ length: size }, (_, at) => utf8(`other ${at}`)))
  const { status, stdout } = await publish('--timeout', '2')
  expect({ status, answer: JSON.parse(stdout) }).toMatchObject({ status: 11, answer: { error: { code: 'FORK' } } })
  expect(await everything()).toEqual(before)
  const evidence = await readFile(product.at(`.samebits/evidence/fork-1-${size}.json`))
  expect(parseEvidence(evidence).kind).toBe(kind)
  const key = parseVkey(nodeCrypto, product.logFolder.vkeys.at(-1) ?? '')
  const finding = checkEvidence({ crypto: nodeCrypto, evidence: parseEvidence(evidence), keys: [key] })
  expect(finding).toMatchObject({ verdict: 'convicts', convicted: { kind: 'log', name: 'example.com/log' } })
})

it('a log that shows an older tree is waited for, and is no fork', async () => {
  product.proxy.before = await forkedLog([])
  expect((await publish('--timeout', '2')).status).toBe(20)
})

it('a damaged history is refused, and read again once it is deleted', async () => {
  await writeFile(product.at('.samebits/history.json'), '{')
  const { status, stdout } = await publish()
  expect({ status, answer: JSON.parse(stdout) }).toMatchObject({
    status: 10,
    answer: { error: { code: 'STATE_INVALID' } },
  })
})

it('once the log answers, the same bytes are logged, once', async () => {
  await rm(product.at('.samebits/history.json'))
  const { status, stdout } = await publish()
  expect({ status, answer: JSON.parse(stdout) }).toMatchObject({ status: 0, answer: { index: 1, size: 2, fed: true } })
})
