import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAnchor, parseEntry, parseSignedCheckpoint, parseUpdateBundle, verifyOffline } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build, newProduct, type Product } from './kit.ts'

let product: Product
beforeAll(async () => {
  product = await newProduct({ initFlags: ['--feed-url', 'https://updates.example.com/notes/'] })
})
afterAll(() => product.remove())

interface Published {
  readonly kind: string
  readonly id: string
  readonly index: number
  readonly size: number
  readonly sequence: number
  readonly fed: boolean
}

async function publishes(...args: readonly string[]): Promise<Published> {
  const { status, stdout, stderr } = await product.build('publish', ...args, '--json')
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as Published
}

/** The verdict of a client that has the trust file, the anchor and the bundle, and no network. */
async function verdict(bundlePath: string, artifact: string, anchorPath: string | null) {
  return verifyOffline({
    crypto: nodeCrypto,
    now: Math.floor(Date.now() / 1000),
    want: { channel: 'stable', platform: 'linux-x64', artifact, mediaType: null, maxAge: null },
    trust: await readFile(product.at('trust.json')),
    anchor: anchorPath === null ? null : await readFile(anchorPath),
    bundle: await readFile(bundlePath),
    file: null,
  })
}

describe('publishing', () => {
  const firstAnchor = () => product.at('first.anchor.json')

  it('takes a release from files on disk to everything that a client needs', async () => {
    await writeFile(firstAnchor(), await readFile(product.at('example.com_notes.anchor.json')))
    const path = await product.artifact('notes-1.0.0.tgz', 'one')
    const { id, index, sequence, fed } = await publishes(path, '--version', '1.0.0', '--notes', 'the first')
    expect({ index, sequence, fed }).toEqual({ index: 0, sequence: 1, fed: true })
    const bundle = product.at(`${path}.samebits.json`)
    for (const anchor of [null, firstAnchor(), product.at('example.com_notes.anchor.json')])
      expect((await verdict(bundle, 'notes-1.0.0.tgz', anchor)).kind).toBe('verified')
    expect(await readFile(product.at('feed/stable.samebits.json'))).toEqual(await readFile(bundle))
    expect(await readFile(product.at(`feed/${id}/notes-1.0.0.tgz`), 'utf8')).toBe('one')
    expect(await product.json('sizes.json')).toMatchObject({ anchors: [{ size: 1 }] })
    const anchor = parseAnchor(await readFile(product.at('example.com_notes.anchor.json')))
    expect(anchor.heads.get('stable')).toEqual({ id, sequence: 1 })
    expect(anchor.entries.map((entry) => entry.index)).toEqual([0])
    expect(anchor.feeds).toEqual(['https://updates.example.com/notes/'])
  })

  it('continues the chain, and proves consistency from every anchor that shipped', async () => {
    const files = [
      await product.artifact('notes-1.1.0-linux-x64.tgz', 'two, linux'),
      await product.artifact('notes-1.1.0-darwin-arm64.tgz', 'two, mac'),
    ]
    const flags = ['--version', '1.1.0', '--platform', 'linux-x64', '--platform', 'darwin-arm64']
    expect(await publishes(...files, ...flags)).toMatchObject({ sequence: 2, index: 1, size: 2 })
    const [view] = parseUpdateBundle(await readFile(product.at(`${files[0]}.samebits.json`))).views
    expect(view?.consistency.map(({ from }) => from)).toEqual([1])
    expect(await product.json('sizes.json')).toMatchObject({ anchors: [{ size: 2 }, { size: 1 }] })
    expect(
      (await verdict(product.at(`${files[0]}.samebits.json`), 'notes-1.1.0-linux-x64.tgz', firstAnchor())).kind,
    ).toBe('verified')
  })

  it('run again after its end publishes nothing twice', async () => {
    const before = await product.json('sizes.json')
    const path = await product.artifact('notes-1.0.0.tgz', 'one')
    expect(await publishes(path, '--version', '1.0.0')).toMatchObject({ index: 0, size: 2, fed: false })
    expect(await product.json('sizes.json')).toEqual(before)
  })

  it('takes its own bytes back from the log where nothing is kept', async () => {
    await rm(product.at('.samebits'), { recursive: true })
    const path = await product.artifact('notes-1.0.0.tgz', 'one')
    expect(await publishes(path, '--version', '1.0.0')).toMatchObject({ index: 0, size: 2 })
  })

  it.each<[string, number, readonly string[]]>([
    ['VERSION_EXISTS', 10, ['dist/other.tgz', '--version', '1.0.0']],
    ['USAGE', 64, ['dist/other.tgz', '--version', 'v1.2.0']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '1.2']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '1.2.0+build5']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '']],
    ['USAGE', 64, ['dist/other.tgz']],
    ['USAGE', 64, ['--version', '1.2.0']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '1.2.0', '--channel', '../beta']],
    ['WRONG_CHANNEL', 10, ['dist/other.tgz', '--version', '1.2.0', '--channel', 'beta']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '1.2.0', '--platform', 'Linux']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '1.2.0', '--timeout', '0']],
    ['USAGE', 64, ['dist/other.tgz', '--version', '1.2.0', '--cosign', 'ab'.repeat(32)]],
    ['USAGE', 64, ['dist/other.tgz', '--cosign', 'not-an-id']],
    ['USAGE', 64, ['dist/other.tgz', '--frobnicate']],
    ['ARTIFACT', 64, ['dist/missing.tgz', '--version', '1.2.0']],
    ['ARTIFACT', 64, ['dist', '--version', '1.2.0']],
    ['NOT_FOUND', 10, ['dist/other.tgz', '--cosign', 'ab'.repeat(32)]],
    ['NOT_FOUND', 10, ['--abandon', 'ab'.repeat(32)]],
    ['KEY_FILE', 64, ['dist/other.tgz', '--version', '1.2.0', '--key', 'dist/other.tgz']],
    ['KEY_FILE', 64, ['dist/other.tgz', '--version', '1.2.0', '--key', 'no-such.pem']],
    ['NOT_A_PUBLISHER', 10, ['dist/other.tgz', '--version', '1.2.0', '--key', 'authority/authority.pem']],
    ['RECIPE_INVALID', 64, ['dist/other.tgz', '--version', '1.2.0', '--recipe', 'dist/other.tgz']],
    ['RECIPE_INVALID', 64, ['dist/other.tgz', '--version', '1.2.0', '--recipe', 'no-such.json']],
  ])('refuses with %s, exit %i: publish %j', async (code, exit, args) => {
    await product.artifact('other.tgz', 'other')
    const { status, stdout, stderr } = await product.build('publish', ...args)
    expect({ status, stdout, lines: stderr.trimEnd().split('\n').length, code: stderr.split(':')[0] }).toEqual({
      status: exit,
      stdout: '',
      lines: 1,
      code,
    })
    expect(await product.json('sizes.json')).toMatchObject({ anchors: [{ size: 2 }, { size: 1 }] })
  })

  it('refuses a key that others can read', async () => {
    const key = product.at('open.pem')
    await writeFile(key, await readFile(product.at('keys/publisher.pem')), { mode: 0o644 })
    const { status, stderr } = await product.build(
      'publish',
      'dist/other.tgz',
      '--version',
      '1.2.0',
      '--key',
      'open.pem',
    )
    expect(status).toBe(64)
    expect(stderr).toMatch(/^KEY_FILE: .*open to others.*chmod 600/)
  })

  it('says failures as JSON too', async () => {
    const { status, stdout } = await product.build('publish', 'dist/other.tgz', '--version', '1.2', '--json')
    expect(status).toBe(64)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE', remedy: expect.any(String) } })
  })
})

describe('staple', () => {
  it('restates under the newest checkpoint, from any size that is asked for', async () => {
    const { status, stdout } = await product.build('staple', '--from', '1', '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ size: 2, channels: [{ channel: 'stable', fed: { version: '1.1.0' } }] })
    const { views } = parseUpdateBundle(await readFile(product.at('feed/stable.samebits.json')))
    expect(views.map(({ checkpoint }) => parseSignedCheckpoint(checkpoint).checkpoint.size)).toEqual([2])
    const [entry] = views[0]?.entries ?? []
    expect(entry && parseEntry(nodeCrypto, entry.leaf).statement).toMatchObject({ version: '1.1.0' })
  })

  it.each([
    ['a tree that the log does not have', '3'],
    ['zero', '0'],
    ['no number', '0x1'],
  ])('refuses %s', async (_, from) => {
    const { status, stderr } = await product.build('staple', '--from', from)
    expect(status).toBe(64)
    expect(stderr).toMatch(/^USAGE: /)
  })

  it('builds the feed again from where the files were published', async () => {
    await rm(product.at('feed'), { recursive: true })
    await product.artifact('notes-1.2.0.tgz', 'three')
    await publishes('dist/notes-1.2.0.tgz', '--version', '1.2.0')
    await rm(product.at('feed'), { recursive: true })
    expect((await product.build('staple')).status).toBe(0)
    expect((await readdir(product.at('feed'))).length).toBe(2)
  })

  it('goes on in another clone with what a job of CI hands on', async () => {
    const clone = await mkdtemp(join(tmpdir(), 'samebits-clone-'))
    try {
      const committed = ['samebits.build.json', 'trust.json', 'sizes.json', 'example.com_notes.anchor.json']
      for (const each of [...committed, 'dist', '.samebits/publish'])
        await cp(product.at(each), join(clone, each), { recursive: true })
      const { status, stdout } = await build(clone, 'staple', '--json')
      const bundle = join(clone, 'dist/notes-1.2.0.tgz.samebits.json')
      expect({ status, bundles: JSON.parse(stdout).bundles }).toEqual({ status: 0, bundles: [bundle] })
      expect(await readFile(join(clone, 'feed/stable.samebits.json'))).toEqual(await readFile(bundle))
    } finally {
      await rm(clone, { recursive: true, force: true })
    }
  })

  it('leaves the feed alone where the files are gone, and says so', async () => {
    await rm(product.at('feed'), { recursive: true })
    await rm(product.at('dist'), { recursive: true })
    const { status, stdout } = await product.build('staple')
    expect(status).toBe(0)
    expect(stdout).toContain('the files of 1.2.0 are neither in the feed nor where they were published from')
    await expect(stat(product.at('feed'))).rejects.toThrow()
    await mkdir(product.at('dist'))
  })
})

it('init overwrites nothing', async () => {
  const before = await readdir(product.folder)
  const vkey = product.logFolder.vkeys.at(-1) ?? ''
  const flags = ['--product', 'example.com/notes', '--log-url', product.proxy.url, '--log-vkey', vkey]
  const { status, stderr } = await product.build('init', ...flags)
  expect(status).toBe(64)
  expect(stderr).toMatch(/^OUTPUT_EXISTS: /)
  expect(await readdir(product.folder)).toEqual(before)
  expect(join(product.folder, 'keys')).toBe(product.at('keys'))
})
