/** Conditions that a publisher meets: witnesses that are slow, two runs at once, a disk that is full, an interrupt. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cosignatureSigner, formatVkey, parseSignedCheckpoint, parseUpdateBundle, signatureLine } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterEach, expect, it } from 'vitest'
import { build, newProduct, type Product, startBuild } from './kit.ts'

const products: Product[] = []
afterEach(async () => {
  for (const product of products.splice(0)) await product.remove()
})
async function fresh(...options: Parameters<typeof newProduct>): Promise<Product> {
  const product = await newProduct(...options)
  products.push(product)
  return product
}

it('a release waits for its witnesses: exit 20 until they have cosigned, then it goes on', async () => {
  const witness = cosignatureSigner(nodeCrypto, 'witness.example/w1', generateSigningKey('ed25519'))
  const product = await fresh({
    async prepare(folder) {
      const path = join(folder, 'trust.json')
      const { unwitnessed: _, ...trust } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
      const policy = String(trust['tlogPolicy']).replace(
        'quorum none',
        `witness w1 ${formatVkey(witness.key)}\nquorum w1`,
      )
      const freshness = { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' }
      await writeFile(path, JSON.stringify({ ...trust, tlogPolicy: policy, freshness }))
    },
  })
  const file = await product.artifact('notes-1.0.0.tgz', 'one')
  const first = await product.build('publish', file, '--version', '1.0.0', '--timeout', '3', '--json')
  expect(first.status).toBe(20)
  expect(JSON.parse(first.stdout)).toMatchObject({ error: { code: 'WITNESS_QUORUM' } })
  expect(await readdir(product.at('dist'))).toEqual(['notes-1.0.0.tgz'])

  product.proxy.before = async ({ url }, response) => {
    if (url !== '/checkpoint') return false
    const text = await (await fetch(`${product.log.url}/checkpoint`)).text()
    const { checkpoint, note } = parseSignedCheckpoint(text)
    const line = witness.sign({ checkpoint, body: note.text }, Math.floor(Date.now() / 1000))
    response.end(`${text}${signatureLine(line)}`)
    return true
  }
  const second = await product.build('publish', file, '--version', '1.0.0', '--json')
  expect({ status: second.status, answer: JSON.parse(second.stdout) }).toMatchObject({
    status: 0,
    answer: { index: 0, size: 1, fed: true },
  })
  const [view] = parseUpdateBundle(await readFile(product.at('feed/stable.samebits.json'))).views
  expect(view?.checkpoint).toContain('— witness.example/w1 ')
})

it('of two runs at once in one workspace the second is told to wait', async () => {
  const product = await fresh()
  const file = await product.artifact('notes-1.0.0.tgz', 'one')
  let waiting: () => void = () => undefined
  const reached = new Promise<void>((resolve) => {
    waiting = resolve
  })
  product.proxy.before = ({ url }) => {
    if (url === '/add') waiting()
    return url === '/add'
  }
  const first = startBuild(product.folder, ['publish', file, '--version', '1.0.0'])
  await reached
  const second = await product.build('publish', file, '--version', '1.0.0')
  expect(second.status).toBe(20)
  expect(second.stderr).toMatch(/^BUSY: /)
  first.child.kill('SIGKILL')
  await first.ended
})

it('an interrupt ends with one line, and the next run goes on', async () => {
  const product = await fresh()
  const file = await product.artifact('notes-1.0.0.tgz', 'one')
  product.proxy.before = ({ url }) => {
    if (url === '/add') run.child.kill('SIGINT')
    return url === '/add'
  }
  const run = startBuild(product.folder, ['publish', file, '--version', '1.0.0'])
  const { status, stderr } = await run.ended
  expect({ status, stderr }).toEqual({ status: 130, stderr: 'INTERRUPTED: stopped on request.\n' })
  product.proxy.before = () => false
  expect((await product.build('publish', file, '--version', '1.0.0')).status).toBe(0)
})

/** A shell that lets its children write no file past `blocks` of 512 bytes. */
function underLimit(folder: string, blocks: number, args: readonly string[]) {
  const main = fileURLToPath(new URL('../../build-repro/src/main.ts', import.meta.url))
  const command = `ulimit -f ${blocks}; trap '' XFSZ; exec "$0" --conditions=samebits-source "$@"`
  return new Promise<{ status: number; stderr: string }>((resolve) => {
    execFile('/bin/sh', ['-c', command, process.execPath, main, ...args], { cwd: folder }, (error, _, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stderr }),
    )
  })
}

it.skipIf(process.platform === 'win32')(
  'a disk that takes no more leaves everything as it was, and the next run goes on',
  async () => {
    const product = await fresh()
    const big = await product.artifact('notes-1.0.0.tgz', 'x'.repeat(3_000_000))
    const { status, stderr } = await underLimit(product.folder, 1024, ['publish', big, '--version', '1.0.0'])
    expect({ status, stderr }).toMatchObject({ status: 74, stderr: expect.stringMatching(/^IO: /) })
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    const feed = await readdir(product.at('feed'), { recursive: true })
    expect(feed.filter((name) => name.includes('.tmp') || name.endsWith('.json') || name.endsWith('.tgz'))).toEqual([])
    expect((await product.build('publish', big, '--version', '1.0.0')).status).toBe(0)
  },
)

it('init interrupted while it waits for the log leaves nothing behind', async () => {
  const product = await fresh()
  const folder = await mkdtemp(join(tmpdir(), 'samebits-init-'))
  const silent = createServer(() => run.child.kill('SIGINT'))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const flags = ['--product', 'example.com/new', '--log-url', url, '--log-vkey', product.logFolder.vkeys[0] ?? '']
  const run = startBuild(folder, ['init', ...flags])
  expect(await run.ended).toMatchObject({ status: 130, stderr: 'INTERRUPTED: stopped on request.\n' })
  expect(await readdir(folder)).toEqual([])
  silent.closeAllConnections()
  silent.close()
  await rm(folder, { recursive: true })
})

it.each<[string, string, readonly string[]]>([
  ['no product and nobody to ask', 'USAGE', []],
  ['a product with ..', 'USAGE', ['--product', 'example.com/../notes']],
  ['an absolute product', 'USAGE', ['--product', '/etc/passwd']],
  ['a hidden product', 'USAGE', ['--product', '.notes']],
  ['no log', 'USAGE', ['--product', 'a']],
  ['a log that is no file', 'LOG_FILE', ['--product', 'a', '--log', 'nowhere.json']],
  ['a log file that is something else', 'LOG_FILE', ['--product', 'a', '--log', 'other.json']],
  ['a vkey that is none', 'USAGE', ['--product', 'a', '--log-url', 'https://log.example.com', '--log-vkey', 'key']],
  [
    'a log over http',
    'USAGE',
    ['--product', 'a', '--log-url', 'http://log.example.com', '--log-vkey', 'x+00000000+AA=='],
  ],
  ['two logs', 'USAGE', ['--product', 'a', '--log', 'other.json', '--log-vkey', 'x']],
  ['a policy that is none', 'POLICY_INVALID', ['--product', 'a', '--policy', 'other.json']],
  ['a policy that is nowhere', 'POLICY_INVALID', ['--product', 'a', '--policy', 'nowhere']],
])('init refuses %s: %s', async (_, code, flags) => {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-init-'))
  await writeFile(join(folder, 'other.json'), '{"name":"other"}')
  const { status, stderr } = await build(folder, 'init', ...flags)
  expect({ status, code: stderr.split(':')[0], lines: stderr.trimEnd().split('\n').length }).toEqual({
    status: 64,
    code,
    lines: 1,
  })
  expect(await readdir(folder)).toEqual(['other.json'])
  await rm(folder, { recursive: true })
})
