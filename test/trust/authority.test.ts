/** Two of an authority, both needed: nothing that one of them signs counts, whatever it is. */
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseTrust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair } from '../../build-repro/src/keygen.ts'
import { newProduct, type Product, startBuild } from '../publish/kit.ts'
import { asksBuild } from '../support/build-here.ts'

const run = (product: Product, ...args: readonly string[]) => asksBuild(product.folder, ...args)

async function publishes(product: Product, version: string, ...flags: readonly string[]) {
  const file = await product.artifact(`notes-${version}.tgz`, version)
  return run(product, 'publish', file, '--version', version, ...flags)
}

/** Another member's key, and with it a threshold of two and rebuilders that are never there. */
async function twoAuthorities(folder: string): Promise<void> {
  const path = join(folder, 'trust.json')
  const trust = JSON.parse(await readFile(path, 'utf8'))
  const { publicPem, privatePem } = generateKeyPair('p256')
  await writeFile(join(folder, 'second.pem'), privatePem, { mode: 0o600 })
  trust.authority.members.push({ id: 'authority-2', publicKey: publicPem })
  trust.authority.threshold = 2
  const rebuilder = generateKeyPair('ed25519').publicPem
  trust.rebuilders = { threshold: 1, members: [{ id: 'rebuilder-1', publicKey: rebuilder }], onMismatch: 'refuse' }
  await writeFile(path, JSON.stringify(trust))
}

describe.skipIf(process.env['MODE'] !== 'trust')('two of an authority', () => {
  let product: Product
  let release = ''
  beforeAll(async () => {
    product = await newProduct({ prepare: twoAuthorities })
    const { answer } = await publishes(product, '1.0.0')
    expect(answer).toMatchObject({ fed: false, waiting: expect.stringContaining('REBUILD_QUORUM') })
    release = answer.id
  })
  afterAll(() => product.remove())

  it('a waiver by one of them waits; by both the release is out', async () => {
    const waive = ['waive', release, '--reason', 'a hotfix', '--key']
    const publisher = await run(product, ...waive, 'keys/publisher.pem')
    expect(publisher).toMatchObject({ status: 10, answer: { error: { code: 'NOT_ADMITTED' } } })
    const one = await run(product, ...waive, 'authority/authority.pem')
    expect(one).toMatchObject({
      status: 20,
      answer: { met: false, signed: [{ role: 'authority', signed: 1, needed: 2 }], stapled: null },
    })
    expect(await run(product, ...waive, 'authority/authority.pem')).toMatchObject({ answer: { id: one.answer.id } })
    const both = await run(product, 'waive', '--cosign', one.answer.id, '--key', 'second.pem')
    expect(both).toMatchObject({
      status: 0,
      answer: { id: one.answer.id, met: true, stapled: { channels: [{ fed: { version: '1.0.0' } }] } },
    })
  })

  it('a revocation is signed by each offline, and logged from elsewhere', async () => {
    const desk = await mkdtemp(join(tmpdir(), 'samebits-desk-'))
    try {
      await writeFile(join(desk, 'trust.json'), await readFile(product.at('trust.json')))
      for (const key of ['authority/authority.pem', 'second.pem'])
        await writeFile(join(desk, key.replace(/.*\//, '')), await readFile(product.at(key)), { mode: 0o600 })
      const what = ['revoke', '--sign-only', '--trust', 'trust.json']
      const said = [release, '--reason', 'it eats notes', '--severity', 'high']
      const first = await asksBuild(desk, ...what, ...said, '--key', 'authority.pem')
      expect(first).toMatchObject({ status: 0 })
      const file = String(first.answer['file'])
      const second = await asksBuild(desk, ...what, '--entry', file, '--key', 'second.pem')
      expect(second.answer.id).toBe(first.answer.id)
      const one = await run(product, 'revoke', '--entry', file)
      expect(one).toMatchObject({ status: 20, answer: { met: false } })
      const both = await run(product, 'revoke', '--entry', file, '--entry', String(second.answer['file']))
      expect(both).toMatchObject({ status: 0, answer: { met: true } })
      const stray = await run(product, 'waive', '--entry', file)
      expect(stray).toMatchObject({ status: 64, answer: { error: { code: 'USAGE' } } })
    } finally {
      await rm(desk, { recursive: true, force: true })
    }
  })

  it('staple as a service says a line a round, and ends well by SIGTERM', async () => {
    const { child, ended } = startBuild(product.folder, ['staple', '--every', '1h'])
    await once(child.stdout ?? child, 'data')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/ size \d+: .*; again in 3600 s\n$/) })
    expect((await run(product, 'staple', '--every', '8d')).status).toBe(64)
  })

  it('the next trust file is open until the second has signed; killed on the way, it goes on', async () => {
    expect(await run(product, 'trust', 'propose', '--threshold', 'authority=1')).toMatchObject({
      status: 0,
      answer: { changes: [{ text: 'authority: 1 must agree, not 2', weakens: true }] },
    })
    const { sha256 } = parseTrust(nodeCrypto, await readFile(product.at('trust-2.json')))
    const sign = ['trust', 'sign', 'trust-2.json', '--digest', sha256, '--key']
    await run(product, ...sign, 'authority/authority.pem')
    const open = await run(product, 'trust', 'publish', 'trust-2.json')
    expect(open).toMatchObject({ status: 20, answer: { kind: 'open', old: { signed: 1, needed: 2, met: false } } })
    await run(product, ...sign, 'second.pem')
    for (const kill of ['/add', '/v1/sizes', '/checkpoint', '/v1/blob']) {
      let seen = false
      const { child, ended } = startBuild(product.folder, ['trust', 'publish', 'trust-2.json'])
      product.proxy.after = ({ url }) => {
        if (seen || url?.startsWith(kill) !== true) return false
        seen = true
        child.kill('SIGKILL')
        return false
      }
      await ended
      product.proxy.after = () => false
    }
    expect(await run(product, 'trust', 'publish', 'trust-2.json')).toMatchObject({ status: 0 })
    expect(await readFile(product.at('trust.json'))).toEqual(await readFile(product.at('trust-2.json')))
    expect((await readdir(product.folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})
